"""`holdfast people export` and `erase`: the data of a person, written to a file or erased."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from ops.cli.console import cell_text, note, print_json
from ops.cli.errors import CommandError
from ops.cli.help_texts import PEOPLE, examples
from ops.cli.records.streams import OutputFile, Overwrite, output, quiet_when_unread, refuse_existing
from ops.cli.store_access import database_async, read_settings

if TYPE_CHECKING:
    from core.identity.personal_data.anonymisation import Gone, Left
    from core.identity.users import User
    from core.settings import Settings
    from core.store.connections.database import AsyncConnection

commands = typer.Typer(
    help="The data of a person: export it, or erase it.", no_args_is_help=True, rich_help_panel=PEOPLE
)

OF_ID = "user:"
TRIES = 3
"""As the API's: a lane that books for this person at the same moment may have to go first."""

Named = Annotated[
    str,
    typer.Argument(metavar="USER", help="The username, the address that logs in, the phone number, or user:ID."),
]


@commands.command(
    epilog=examples(
        "holdfast people export ada@example.com --output ada.json",
        "holdfast people export user:17 | jq .bookings",
        note="The same as the person gets at GET /api/user/export/: no secrets, and no commands and their answers, which "
        "are gone after 30 days. Only its owner can read FILE, which appears once it is complete.",
    )
)
def export(
    user: Named,
    *,
    file: OutputFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Write what is kept about somebody as one JSON object, a list for each subject. The audit log has it."""
    if file is not None:
        refuse_existing(file, overwrite=overwrite)
    settings = read_settings()
    with quiet_when_unread():
        asyncio.run(_export(settings, user, file))


async def _export(settings: Settings, user: str, file: Path | None) -> None:
    from core.identity.personal_data.export import export  # noqa: PLC0415 - a command imports what it needs
    from core.store.audit import AuditEntry, record_async  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    async with database_async(settings, "people") as connection:
        found = await _find(connection, user, settings.phone_region)
        with output(file) as out:
            await record_async(connection, AuditEntry(operator(), "user.exported", f"user:{found.id}"))
            async for part in export(_OneConnection(connection), found.id):
                out.write(part)
            out.write(b"\n")
    if file is not None:
        note(f"What is kept about user {found.id} is in {file}.")


class _OneConnection:
    """A connection in place of the API's pool."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        yield self._connection


@commands.command(
    epilog=examples(
        "holdfast people erase ada@example.com --dry-run",
        "holdfast people erase user:17",
        "holdfast people erase user:17 --yes --json",
        note="As when staff delete an account: logins end at once, bookings to come are cancelled with all money and "
        "credits given back, and within moments the sweeps worker erases what is left (docs/accounts.md). This cannot be "
        "undone.",
    )
)
def erase(
    user: Named,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased and cancelled.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as one JSON object.")] = False,
) -> None:
    """Delete somebody's account and all that is personal about them. The audit log has it, by the account's number.

    It says first what becomes of bookings, credits and money, and asks. The last superuser stays.
    """
    settings = read_settings()
    found, left = asyncio.run(_look(settings, user))
    if dry_run and as_json:
        print_json({"id": found.id, **_builtins(left)})
        return
    note(f"user {found.id} ({cell_text(found.username)}):")
    for line in fates(left):
        note(f"  {line}")
    if dry_run:
        return
    if not yes:
        typer.confirm("Erase this account? This cannot be undone.", abort=True, err=True)
    gone = asyncio.run(_erase(settings, found.id))
    if as_json:
        print_json({"id": found.id, "deleted": not gone.anonymised, **gone.audited})
    else:
        print(_done(found.id, gone))


async def _look(settings: Settings, user: str) -> tuple[User, Left]:
    """Before anything is asked. Raises `CommandError` if the account cannot go."""
    from core.identity.personal_data import anonymisation  # noqa: PLC0415 - as above

    async with database_async(settings, "people") as connection, connection.transaction():
        found = await _find(connection, user, settings.phone_region)
        await _refuse(connection, found.id)
        return found, await anonymisation.count(connection, found.id, notice_s=0)


async def _refuse(connection: AsyncConnection, user_id: int) -> None:
    """Locks the account, after the superusers: in the API's order."""
    from core.identity import account_changes  # noqa: PLC0415 - as above
    from core.identity.personal_data import anonymisation  # noqa: PLC0415 - as above

    if await account_changes.is_last_superuser(connection, user_id):
        raise CommandError(
            f"user {user_id} is the last superuser, and nobody could give roles any more. Make another one first: "
            "holdfast admin create --another."
        )
    person = await anonymisation.lock(connection, user_id)
    if person is None:
        raise CommandError(f"user {user_id} is gone: somebody else deleted the account.")
    if person.is_anonymised:
        raise CommandError(f"user {user_id} is already erased: the account stays without a name, for its bookings.")


async def _erase(settings: Settings, user_id: int) -> Gone:
    """The bookings to come are cancelled as by staff, under the request id of the audit log's entry."""
    from psycopg.errors import DeadlockDetected  # noqa: PLC0415 - as above

    async with database_async(settings, "people") as connection:
        for _ in range(TRIES - 1):
            try:
                return await _erase_once(connection, user_id)
            except DeadlockDetected:
                continue
        return await _erase_once(connection, user_id)


async def _erase_once(connection: AsyncConnection, user_id: int) -> Gone:
    from msgspec.structs import replace  # noqa: PLC0415 - as above

    from core.domain.commands import Actor, ActorKind  # noqa: PLC0415 - as above
    from core.identity.personal_data import anonymisation  # noqa: PLC0415 - as above
    from core.store.audit import AuditEntry, record_async  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    request_id = str(uuid4())
    author = replace(operator(), request_id=request_id)
    async with connection.transaction():
        await _refuse(connection, user_id)
        gone = await anonymisation.remove(connection, user_id, Actor(ActorKind.STAFF), request_id, notice_s=0)
        await record_async(connection, AuditEntry(author, "user.deleted", f"user:{user_id}", None, gone.audited))
        return gone


async def _find(connection: AsyncConnection, named: str, region: str | None) -> User:
    from core.identity import users  # noqa: PLC0415 - as above

    number = named.removeprefix(OF_ID)
    if number != named and number.isascii() and number.isdigit() and len(number) <= 18:  # noqa: PLR2004 - bigint's
        found = await users.by_id(connection, int(number))
    else:
        found = await users.by_username(connection, named, region) or await users.by_email(connection, named)
        found = found or await users.by_phone(connection, named, region)
    if found is None:
        raise CommandError(
            f"There is no account named {cell_text(named)}. Staff find people by any part of a name, address or number at "
            "GET /api/admin/users/?search=...; user:ID names one by its id."
        )
    return found


def fates(left: Left) -> list[str]:
    """What an erasure does to bookings, credits and payments, a line for each that there are any of."""
    told = {
        "Bookings to come, without a time or not paid yet, which are cancelled": left.bookings_being_cancelled,
        "Of these, paid ones": left.paid_bookings_to_come,
        "Refunds expected": left.refunds_expected,
        "Bookings that are over or begun, which stay without personal data": left.bookings_kept,
        "Unused credits, which are lost": left.credits_lost,
        "Payments, which stay for bookkeeping, without a name": left.payments_kept,
        "Bookings of others with this practitioner, about which staff decide": left.bookings_with_others,
    }
    return [f"{what}: {count}" for what, count in told.items() if count] or ["no bookings, credits or payments"]


def _builtins(left: Left) -> dict[str, int]:
    return {name: getattr(left, name) for name in left.__struct_fields__}


def _done(user_id: int, gone: Gone) -> str:
    if not gone.anonymised:
        return f"user {user_id} is deleted: nothing needed the account."
    return (
        f"user {user_id} is anonymised: its logins are ended, and the account stays without a name for its history. The "
        "sweeps worker erases the rest within moments."
    )
