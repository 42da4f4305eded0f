"""`holdfast audit`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.cli.console import note, print_json_line, print_table
from ops.cli.errors import CommandError
from ops.cli.help_texts import LOOK, examples
from ops.cli.store_access import database, read_settings
from ops.cli.times import Since, Until, shown

commands = typer.Typer()

LIMIT_MAX = 100_000


@commands.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "holdfast audit",
        "holdfast audit --subject booking:17",
        "holdfast audit --actor user:4 --since 2030-01-01 --json",
        note="The newest come first. --json prints one entry a line.",
    ),
)
def audit(
    *,
    actor: Annotated[
        str | None, typer.Option(help="user:ID, key:ID, command_line:ACCOUNT or engine.", show_default=False)
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="user, staff, superuser, agent, command_line or engine.", show_default=False)
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="booking.cancelled, or booking for all of its kind.", show_default=False)
    ] = None,
    subject: Annotated[str | None, typer.Option(help="As booking:17.", show_default=False)] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Who changed what, when and from where."""
    from core.store.audit import AuthorKind  # noqa: PLC0415 - a command imports what it needs
    from core.store.lists.audit import AuditFilter, read  # noqa: PLC0415 - as above

    if kind is not None and kind not in set(AuthorKind):
        raise CommandError(f"There is no kind of actor {kind!r}, only {', '.join(AuthorKind)}.")
    wanted = AuditFilter(kind, actor, action, subject, since, until)
    with database(read_settings(), "audit") as connection:
        found = read(connection, wanted, limit)
    if as_json:
        for entry in found.rows:
            print_json_line(entry)
        return
    columns = ("when (UTC)", "who", "kind", "from", "what", "subject", "before", "after")
    rows = [
        (
            shown(one.at),
            one.actor,
            one.actor_kind,
            one.address,
            one.action,
            one.subject,
            _values(one.before),
            _values(one.after),
        )
        for one in found.rows
    ]
    print_table(columns, rows)
    more = "" if found.total.exact else "more than "
    note(f"{len(rows)} of {more}{found.total.count} entries.")


def _values(values: dict[str, Any] | None) -> str:
    return "-" if not values else ", ".join(f"{name}={value}" for name, value in values.items())
