"""`holdfast commands`: list accepted commands, look at one, send it again or withdraw it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import typer

from ops.cli.console import note, print_json, print_json_line, print_table
from ops.cli.errors import CommandError
from ops.cli.help_texts import REPAIR, examples
from ops.cli.parked_work import Yes, replay_each
from ops.cli.store_access import database, read_settings
from ops.cli.times import Since, Until, shown

commands = typer.Typer(help="Commands: list, show, replay, withdraw.", no_args_is_help=True, rich_help_panel=REPAIR)

LISTED_HOURS = 24
LIMIT_MAX = 100_000
Word = Annotated[str | None, typer.Option(show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Ids = Annotated[list[UUID], typer.Argument(metavar="ID...", help="Of commands.")]


@commands.command(
    "list",
    epilog=examples(
        "holdfast commands list",
        "holdfast commands list --status rejected --type place --since 2030-01-01",
        note="Without --status, those that wait. Decided ones are listed for a day, unless --since says otherwise.",
    ),
)
def list_(
    *,
    status: Annotated[
        Literal["accepted", "succeeded", "rejected", "failed"], typer.Option(help="accepted: not decided yet.")
    ] = "accepted",
    type_: Annotated[str | None, typer.Option("--type", help="As place.", show_default=False)] = None,
    contract: Annotated[str | None, typer.Option(help="As agent.", show_default=False)] = None,
    owner: Annotated[str | None, typer.Option(help="user:ID or key:ID.", show_default=False)] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List commands that wait, or that are decided."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - a command imports what it needs

    from core.store.lists import commands as lists  # noqa: PLC0415 - as above

    now = datetime.now(UTC)
    until = until or now + timedelta(hours=1)
    wanted = lists.CommandsWanted(status, since or now - timedelta(hours=LISTED_HOURS), until, type_, contract, owner)
    with database(read_settings(), "commands") as connection:
        found = lists.commands(connection, wanted, limit)
    if as_json:
        for one in found:
            print_json_line(one)
        return
    columns = ("id", "type", "contract", "owner", "status", "accepted (UTC)", "decided (UTC)", "lane", "attempts")
    print_table(
        columns,
        [
            (
                one.id,
                one.type,
                one.contract,
                one.owner,
                one.status,
                shown(one.accepted_at),
                shown(one.decided_at),
                one.lane,
                one.attempts,
            )
            for one in found
        ],
    )
    note(f"{len(found)} commands." if len(found) < limit else f"The first {limit}: --limit shows more.")


@commands.command(epilog=examples("holdfast commands show 2f0c7a52-9d0c-4a51-8b3e-0a8f5a1f9f3e"))
def show(id_: Annotated[UUID, typer.Argument(metavar="ID", help="Of a command.")]) -> None:
    """Show all that is kept of a command, body and answer included, as JSON. It may hold personal data."""
    import msgspec  # noqa: PLC0415 - as above

    from core.store.lists.commands import everything_about  # noqa: PLC0415 - as above

    with database(read_settings(), "commands") as connection:
        found = everything_about(connection, id_)
    if found is None:
        raise CommandError(f"The command {id_} is not known: it never was, or its outcome is no longer kept.")
    print_json({name: value for name, value in msgspec.json.decode(found).items() if value is not None})


@commands.command(
    epilog=examples(
        "holdfast commands replay 2f0c7a52-9d0c-4a51-8b3e-0a8f5a1f9f3e",
        note="holdfast parked replay --all sends all of them again.",
    )
)
def replay(
    ids: Ids,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Send parked commands again, each as a new command that names the old one."""
    with database(read_settings(), "commands") as connection:
        return replay_each(connection, ids, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(epilog=examples("holdfast commands withdraw 2f0c7a52-9d0c-4a51-8b3e-0a8f5a1f9f3e"))
def withdraw(
    ids: Ids,
    *,
    yes: Yes = False,
) -> int:
    """Take commands back before they are decided. A command that is decided or withdrawn already stays as it is."""
    import asyncio  # noqa: PLC0415 - as above

    settings = read_settings()
    if not yes:
        typer.confirm(f"Withdraw {len(ids)} commands? Their senders are answered 409.", abort=True, err=True)
    with database(settings, "commands"):  # one sentence if the database is away
        too_late = asyncio.run(_withdraw_each(settings.database_url, ids))
    return 1 if too_late else 0


async def _withdraw_each(url: str, ids: list[UUID]) -> int:
    """How many could not be withdrawn."""
    from core.store.connections.database import API_LIMITS, connect_async  # noqa: PLC0415 - as above
    from core.store.inbox.outcomes import look_up  # noqa: PLC0415 - as above
    from core.store.inbox.withdrawal import withdraw as take_back  # noqa: PLC0415 - as above
    from core.wire.outcomes import withdrawn  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    too_late = 0
    async with await connect_async(url, API_LIMITS, "holdfast commands") as connection:
        for id_ in ids:
            if await take_back(connection, id_, withdrawn(), operator()):
                print(f"{id_} withdrawn")
                continue
            too_late += 1
            record = await look_up(connection, id_)
            if record is None:
                note(f"{id_} is not known.")
            elif record.http_status is None:
                note(f"{id_} has begun: it waits for Stripe, or is done in steps. It cannot be withdrawn.")
            else:
                note(f"{id_} is decided ({record.status}) and cannot be withdrawn.")
    return too_late
