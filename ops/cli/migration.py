"""`holdfast migrate`."""

from __future__ import annotations

import typer

from ops.cli.errors import CommandError, expected
from ops.cli.help_texts import SETUP, examples
from ops.cli.store_access import read_owner_url, read_settings

commands = typer.Typer()


@commands.command(
    rich_help_panel=SETUP,
    epilog=examples(
        "holdfast migrate",
        note="It reads the settings from the environment (.env.example lists them). Run it before the processes of a "
        "new release start; those of the release before may go on meanwhile. It logs what holdfast doctor finds.",
    ),
)
def migrate() -> None:
    """Bring the database to this release and set its lanes. In the demo, load the demo's data."""
    # Imported here: the health checks and the helps do without SQLAlchemy and Alembic.
    import psycopg  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    from core.doctor.examination import examine_all  # noqa: PLC0415
    from core.doctor.stores import examine_stores  # noqa: PLC0415
    from core.logs import configure  # noqa: PLC0415
    from core.settings import SettingsError  # noqa: PLC0415
    from core.startup import UnusableStoreError, heed, log_release, refuse  # noqa: PLC0415
    from core.store.migrate import upgrade  # noqa: PLC0415
    from ops.database_roles import create_application_role  # noqa: PLC0415
    from ops.operator_identity import operator  # noqa: PLC0415

    settings = read_settings()
    configure(settings.log_level, "migrate")
    log_release()
    try:
        with expected(SettingsError, UnusableStoreError):
            owner_url = read_owner_url()
            if owner_url is not None:
                create_application_role(owner_url, settings.database_url)
            refuse(examine_stores(settings))
            upgrade(settings, operator())
            if settings.demo:
                from ops import demo  # noqa: PLC0415 - loaded only where it may be used

                demo.load(settings)
            heed(examine_all(settings))
    except (DBAPIError, psycopg.Error) as problem:
        reason = str(problem.orig if isinstance(problem, DBAPIError) else problem).strip()
        raise CommandError(f"the database cannot be migrated: {reason}") from None
