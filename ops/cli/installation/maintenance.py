"""`holdfast maintenance on|off`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.console import note
from ops.cli.errors import CommandError
from ops.cli.help_texts import examples
from ops.cli.store_access import database, read_settings

RETRY_AFTER_S = 60
RETRY_AFTER_MAX_S = 86_400
MESSAGE_MAX_CHARS = 500

commands = typer.Typer(
    help="Refuse changes for a while, and accept them again.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def _message(raw: str) -> str:
    from core.text_forms import SETTING  # noqa: PLC0415 - the help needs none of it

    if not raw.strip() or len(raw) > MESSAGE_MAX_CHARS or not SETTING.fits(raw):
        raise typer.BadParameter(f"it is not a text of one line with at most {MESSAGE_MAX_CHARS} characters")
    return raw.strip()


@commands.command(
    "on",
    epilog=examples(
        "holdfast maintenance on",
        "holdfast maintenance on --message 'Back at 14:00 UTC' --retry-after 1800",
        note="Given again, it changes the message and the time.",
    ),
)
def on(
    *,
    message: Annotated[
        str | None, typer.Option(parser=_message, metavar="TEXT", help="What clients are told, instead of our words.")
    ] = None,
    retry_after: Annotated[
        int, typer.Option(min=1, max=RETRY_AFTER_MAX_S, metavar="SECONDS", help="When clients are asked to come back.")
    ] = RETRY_AFTER_S,
) -> None:
    """Answer writes with 503 from now on.

    Reading, signing in and out, Stripe's webhook, feeds and everything that was accepted go on.
    """
    from core.store.installation import begin_maintenance  # noqa: PLC0415 - the help needs none of it
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    with database(read_settings(), "maintenance") as connection:
        begun = begin_maintenance(connection, message, retry_after, operator())
    print(f"Maintenance is on since {begun.since:%Y-%m-%d %H:%M:%S} UTC. API processes heed it within about a second.")
    note("What was accepted before is still decided. End it with: holdfast maintenance off")


@commands.command("off", epilog=examples("holdfast maintenance off"))
def off() -> None:
    """Accept writes again."""
    from core.store.installation import end_maintenance  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    with database(read_settings(), "maintenance") as connection:
        since = end_maintenance(connection, operator())
    if since is None:
        raise CommandError("Maintenance is not on: there is nothing to end.")
    print(f"Maintenance is off. It was on since {since:%Y-%m-%d %H:%M:%S} UTC.")
