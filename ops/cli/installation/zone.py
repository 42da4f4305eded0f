"""`holdfast time-zone show|set`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import note, print_json, print_table
from ops.cli.errors import CommandError
from ops.cli.help_texts import examples
from ops.cli.store_access import database, read_settings

if TYPE_CHECKING:
    from core.store.maintenance.zone_change import Following, ZoneChange

commands = typer.Typer(
    help="The time zone of this installation: of resources that are given none, and of days in lists of people.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def _zone(raw: str) -> str:
    from core.domain.resources.time_zones import is_zone  # noqa: PLC0415 - the help needs none of it

    if not is_zone(raw):
        raise typer.BadParameter(f"{raw!r} is not an IANA time zone such as Europe/Berlin")
    return raw


@commands.command("show", epilog=examples("holdfast time-zone show"))
def show() -> None:
    """Print the time zone in force."""
    from core.store.installation import read_installation  # noqa: PLC0415 - as above

    settings = read_settings()
    with database(settings, "time-zone") as connection:
        kept = read_installation(connection).time_zone
    print(kept or settings.time_zone)
    if kept is None:
        note("The database has none yet: the next holdfast migrate stores this one.")


@commands.command(
    "set",
    epilog=examples(
        "holdfast time-zone set Europe/Berlin --dry-run",
        "holdfast time-zone set Europe/Berlin --yes",
        note="A resource with a booking, session, closure or time slot ahead keeps its zone, and what is booked there keeps "
        "its wall time and its instant. Run it again once nothing of it lies ahead.",
    ),
)
def set_zone(
    zone: Annotated[str, typer.Argument(parser=_zone, metavar="ZONE", help="An IANA name such as Europe/Berlin.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would touch, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="What is touched as one JSON object; needs --yes or --dry-run.")
    ] = False,
) -> None:
    """Change the zone, after saying what that touches.

    New resources without a zone of their own get it. Existing ones of the house follow if they have the zone of before
    and nothing ahead; practitioners and locations keep theirs. No booking moves.
    """
    from psycopg.errors import CheckViolation, LockNotAvailable  # noqa: PLC0415 - as above

    from core.store.maintenance.zone_change import change_zone, plan_zone_change  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    if as_json and not (yes or dry_run):
        raise CommandError("With --json nobody can be asked: add --yes or --dry-run.")
    settings = read_settings()
    with database(settings, "time-zone") as connection:
        planned = plan_zone_change(connection, zone)
        if not as_json:
            _tell(planned)
        if not dry_run and (yes or typer.confirm(f"Change the time zone from {planned.before} to {zone}?", abort=True)):
            try:
                planned = change_zone(connection, zone, operator())
            except (CheckViolation, LockNotAvailable):
                raise CommandError(
                    "Something was booked meanwhile, or a lane is busy; nothing was changed. Run it again."
                ) from None
            if not as_json:
                print(
                    f"The time zone is {zone}. {len(planned.follow)} resources follow, {len(planned.stay)} keep {planned.before}."
                )
    if as_json:
        print_json(planned)
    if settings.time_zone_is_set and settings.time_zone != zone and not dry_run:
        note(f"HOLDFAST_TIME_ZONE is still {settings.time_zone}: set it to {zone}, or processes warn at each start.")


def _tell(change: ZoneChange) -> None:
    print(f"Resources that are given no zone get {change.after} from now on, instead of {change.before}.")
    if change.follow:
        print(f"These follow, as nothing of theirs lies ahead ({len(change.follow)}):")
        print_table(("id", "kind", "name"), map(_row, change.follow))
    if change.stay:
        print(
            f"These keep {change.before}, as something of theirs lies ahead, which stays as it is ({len(change.stay)}):"
        )
        print_table(("id", "kind", "name"), map(_row, change.stay))


def _row(one: Following) -> tuple[int, str, str]:
    return one.id, one.kind, one.name
