"""`holdfast admin`: make superusers, list them, reset their passwords."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli import console
from ops.cli.errors import CommandError
from ops.cli.help_texts import PEOPLE, examples
from ops.cli.secret_input import PasswordFile, PasswordStdin, read_password
from ops.cli.store_access import database_async, read_settings

if TYPE_CHECKING:
    from api.contracts.appointments.users.user_fields import NewPerson
    from core.identity.superusers import Superuser
    from core.identity.users import User
    from core.settings import Settings

commands = typer.Typer(
    help="Superusers: make the first, reset a password, list them.", no_args_is_help=True, rich_help_panel=PEOPLE
)


@commands.command(
    epilog=examples(
        "holdfast admin create ada@example.com",
        "holdfast admin create ada --email ada@example.com --password-file /run/secrets/ada",
        "echo 'a long password' | holdfast admin create ada --password-stdin",
        note="This makes an installation's first superuser, who can then make others over HTTP.",
    )
)
def create(
    username: Annotated[
        str | None, typer.Argument(show_default=False, help="A name, an email address or a phone number.")
    ] = None,
    *,
    email: Annotated[
        str | None,
        typer.Option(
            show_default=False, help="An address to log in with as well. A username that is an address needs none."
        ),
    ] = None,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    another: Annotated[bool, typer.Option("--another", help="Make one even if there is a superuser already.")] = False,
) -> None:
    """Make a superuser: somebody who may do everything.

    It asks for what is not given. If there is a superuser already it refuses, unless --another says that one more is
    meant.
    """
    settings = read_settings()
    if not another:
        asyncio.run(_refuse_second(settings))
    name = username or _ask_username()
    password = read_password(from_stdin=password_stdin, file=password_file)
    new = _checked(name, email if email is not None else _own_email(name), password)
    user_id = asyncio.run(_create(settings, new, another=another))
    print(f"{console.cell_text(new.username)} (user {user_id}) is a superuser.")
    print(_how_to_sign_in(settings, new))


def _ask_username() -> str:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the username: give it as an argument.")
    return str(typer.prompt("Username", err=True))


def _own_email(username: str) -> str | None:
    from api.accounts.fields import is_email  # noqa: PLC0415 - a command imports what it needs

    return username if is_email(username) else None


def _checked(username: str, email: str | None, password: str) -> NewPerson:
    """Held to the rules of `POST /api/admin/users/create/`: it is the same body."""
    import msgspec  # noqa: PLC0415 - as above

    from api.contracts.appointments.users.user_fields import NewPerson  # noqa: PLC0415 - as above
    from api.http.bodies import parse_json  # noqa: PLC0415 - as above
    from api.http.errors import Problem  # noqa: PLC0415 - as above

    body = {"username": username, "email": email, "password": password, "is_staff": True, "is_superuser": True}
    try:
        return parse_json(msgspec.json.encode(body), NewPerson)
    except Problem as problem:
        said = list(dict.fromkeys(one.message for one in problem.problems)) or [problem.message]
        raise CommandError(". ".join(said) + ".") from None


async def _refuse_second(settings: Settings) -> None:
    """Before anything is asked."""
    from core.identity.superusers import superusers  # noqa: PLC0415 - as above

    async with database_async(settings, "admin") as connection:
        _refuse_if_any(await superusers(connection))


def _refuse_if_any(found: list[Superuser]) -> None:
    if found:
        raise CommandError(
            f"There is already a superuser: {console.cell_text(found[0].username)}. Use --another to make one more, or "
            "holdfast admin reset-password for a password that is lost."
        )


async def _create(settings: Settings, new: NewPerson, *, another: bool) -> int:
    from api.http.errors import Problem  # noqa: PLC0415 - as above
    from core.identity import superusers, users  # noqa: PLC0415 - as above
    from core.passwords import hash_password  # noqa: PLC0415 - as above
    from core.store import audit  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    try:
        names = new.names(settings.phone_region)
    except Problem as problem:
        raise CommandError(f"{problem.message}.") from None
    wanted = users.NewUser(
        username=names.username,
        email=(new.email or "").strip() or None,
        password_hash=hash_password(new.password or ""),
        phone=names.phone,
        phone_key=names.phone_key,
        is_staff=True,
        is_superuser=True,
    )
    async with database_async(settings, "admin") as connection, connection.transaction():
        await superusers.lock(connection)
        if not another:
            _refuse_if_any(await superusers.superusers(connection))
        try:
            user_id = await users.create_user(connection, wanted)
        except users.TakenError as taken:
            raise CommandError(f"This {taken.field} is taken: choose another.") from None
        roles = {"is_staff": True, "is_superuser": True}
        await audit.record_async(
            connection, audit.AuditEntry(operator(), "user.created", f"user:{user_id}", after=roles)
        )
        return user_id


def _how_to_sign_in(settings: Settings, new: NewPerson) -> str:
    body = json.dumps({"username": new.username, "password": "..."}, ensure_ascii=False)
    return (
        "Sign in with the username and the password; the access of the answer is for Authorization: Bearer:\n"
        f"  curl {settings.public_url}/api/login/ -H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )


@commands.command(
    "reset-password",
    epilog=examples(
        "holdfast admin reset-password ada@example.com",
        "holdfast admin reset-password ada --password-file /run/secrets/ada",
        note="Everybody who is signed in to the account is signed out; its API tokens and mailed reset links end too.",
    ),
)
def reset_password(
    account: Annotated[str, typer.Argument(help="The username, the email address that logs in, or the phone number.")],
    *,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
) -> None:
    """Set a new password for an account, and end everything that is signed in to it."""
    settings = read_settings()
    user = asyncio.run(_find(settings, account))
    password = read_password(from_stdin=password_stdin, file=password_file)
    _checked_for(user, password)
    asyncio.run(_reset(settings, user, password))
    print(f"The password of {console.cell_text(user.username)} (user {user.id}) is changed, and its logins are ended.")
    if not user.is_active:
        console.note("The account is closed: nobody can log in to it until a superuser opens it.")


async def _find(settings: Settings, account: str) -> User:
    from core.identity import users  # noqa: PLC0415 - as above

    async with database_async(settings, "admin") as connection:
        found = await users.by_username(connection, account, settings.phone_region)
        found = found or await users.by_email(connection, account)
    if found is None:
        raise CommandError(f"There is no account named {console.cell_text(account)}: holdfast admin list shows some.")
    return found


def _checked_for(user: User, password: str) -> None:
    """The rules for a new password of this account."""
    from api.accounts.fields import password_differs_from_names  # noqa: PLC0415 - as above

    _checked("anybody", None, password)
    for problem in password_differs_from_names(password, user.username, user.email):
        raise CommandError(f"{problem.message}.")


async def _reset(settings: Settings, user: User, password: str) -> None:
    from core.identity import users  # noqa: PLC0415 - as above
    from core.passwords import hash_password  # noqa: PLC0415 - as above
    from core.store import audit  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    fresh = hash_password(password)
    async with database_async(settings, "admin") as connection, connection.transaction():
        if await users.change_password(connection, user, fresh) is None:
            raise CommandError("The account was changed at the same moment: run the command again.")
        entry = audit.AuditEntry(
            operator(), "user.password_reset", f"user:{user.id}", after={"password": audit.CHANGED}
        )
        await audit.record_async(connection, entry)


@commands.command("list", epilog=examples("holdfast admin list", "holdfast admin list --json"))
def list_(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show the superusers."""
    found = asyncio.run(_list(read_settings()))
    if as_json:
        console.print_json(found)
    elif found:
        rows = [(s.id, s.username, s.email, _state(s), f"{s.date_joined:%F}", _day(s)) for s in found]
        console.print_table(("id", "username", "email", "state", "made on", "last login"), rows)
    else:
        console.note("There is no superuser yet: holdfast admin create makes the first.")


async def _list(settings: Settings) -> list[Superuser]:
    from core.identity.superusers import superusers  # noqa: PLC0415 - as above

    async with database_async(settings, "admin") as connection:
        return await superusers(connection)


def _state(superuser: Superuser) -> str:
    if not superuser.is_active:
        return "closed"
    return "active" if superuser.has_password else "no password"


def _day(superuser: Superuser) -> str | None:
    return None if superuser.last_login is None else f"{superuser.last_login:%F %H:%M} UTC"
