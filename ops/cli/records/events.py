"""`holdfast events tail`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ops.cli.console import cell_text, note, print_json_line
from ops.cli.errors import CommandError
from ops.cli.help_texts import LOOK, examples
from ops.cli.records.streams import quiet_when_unread
from ops.cli.store_access import database_errors, read_settings

if TYPE_CHECKING:
    from core.store.feed import FeedEvent, Position

commands = typer.Typer(help="The feed: what happened, in its order.", no_args_is_help=True, rich_help_panel=LOOK)

COUNT = 10
COUNT_MAX = 10_000
UNLESS_ASKED = "canary"
"""It comes every few seconds and says only that the pipeline works."""


def _position(raw: str) -> Position:
    from core.store.feed import parse_position  # noqa: PLC0415 - the help needs none of it

    found = parse_position(raw)
    if found is None:
        raise typer.BadParameter("it is not a position such as 3f2a9c1e-1742, which each event is shown with")
    return found


def _types(wanted: Sequence[str]) -> frozenset[str]:
    from core.store.feed_events import TYPES  # noqa: PLC0415 - as above

    if unknown := sorted(set(wanted) - TYPES):
        raise CommandError(f"There is no event {unknown[0]!r}, only {', '.join(sorted(TYPES))}.", exit_code=2)
    return frozenset(wanted) or TYPES - {UNLESS_ASKED}


@commands.command(
    epilog=examples(
        "holdfast events tail",
        "holdfast events tail -n 100 --type booking_created --type booking_updated",
        "holdfast events tail --after 3f2a9c1e-1742 --json",
        "holdfast events tail -n 1000 --no-follow",
        note="Ctrl-C ends it and says where to go on. If events after a position are not kept any more, or the database "
        'was restored, it says so ({"type": "reload"} with --json) and goes on at the end: reload what you keep.',
    )
)
def tail(
    *,
    after: Annotated[
        Any | None,
        typer.Option(parser=_position, metavar="POSITION", help="Begin after this one.", show_default=False),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "-n", min=0, max=COUNT_MAX, help=f"Begin with so many earlier ones ({COUNT}).", show_default=False
        ),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type", help="Only events of this type, for example booking_created. May be repeated.", show_default=False
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for more, or end with the last one.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="For programs, one event a line.")] = False,
) -> None:
    """Show events as they happen. They hold numbers and states, and no personal data.

    All but the canary's, which come every few seconds, unless they are asked for.
    """
    from ops.cli.records.following import Follower  # noqa: PLC0415 - as above

    if after is not None and count is not None:
        raise CommandError("Give either --after or -n: both say where to begin.", exit_code=2)
    types = _types(type_ or [])
    show = _Json() if as_json else _Lines()
    follower = Follower(read_settings(), types, show, note)
    with quiet_when_unread(), database_errors():
        try:
            asyncio.run(follower.run(after, COUNT if count is None else count, follow=follow))
        except KeyboardInterrupt:
            where = follower.position
            note("" if where is None else f"\nStopped. To go on: holdfast events tail --after {where}")


class _Lines:
    """For a person."""

    def event(self, position: Position, event: FeedEvent) -> None:
        told = {"booking": event.booking_id, "owner": event.owner, "command": event.command_id}
        words = " ".join(f"{name}={value}" for name, value in told.items() if value is not None)
        line = f"{position!s:<20} {event.at:%Y-%m-%d %H:%M:%S} {event.type:<18} {words} {event.data or ''}"
        print(cell_text(line.rstrip()), flush=True)

    def reload(self, position: Position) -> None:
        note(
            f"Events are missing here: they are not kept any more, or the database was restored. Goes on at {position}."
        )


class _Json:
    """For a program; a reload is a line too, as on a WebSocket."""

    def event(self, position: Position, event: FeedEvent) -> None:
        facts: Mapping[str, Any] = {
            name: getattr(event, name) for name in event.__struct_fields__ if name not in {"number", "data"}
        }
        data = None if event.data is None else msgspec.Raw(event.data.encode())
        print_json_line({"position": str(position), **facts, "data": data})

    def reload(self, position: Position) -> None:
        print_json_line({"type": "reload", "position": str(position)})
