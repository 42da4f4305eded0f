"""One person at the admin desk: details, create, update (docs/contracts/appointments.md)."""

from __future__ import annotations

from typing import Any

import structlog
from falcon.asgi import Request, Response
from msgspec import UnsetType
from msgspec.structs import asdict

from api.accounts import Accounts
from api.accounts.account_deletion import ensure_superuser_remains
from api.accounts.login.owner_proof import OwnerProof
from api.accounts.login.sign_in import too_busy
from api.contracts.appointments.examples import NEW_USER, USER_CHANGE
from api.contracts.appointments.users.user_fields import NewPerson, PersonChange
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.responses import respond
from api.limits.throttle import caller
from api.openapi import Content, operation
from core.countries import country_code
from core.identity import account_changes, users
from core.identity.permissions import ROLES, WAYS_IN, why_not_change, why_not_create
from core.identity.principals import Principal
from core.identity.users import NewUser, TakenError
from core.passwords import TooManyWaitingError
from core.store.audit import CHANGED
from core.store.lists.pages import COUNT_EXACT_TO
from core.store.person import Person
from core.wire.answers import Done
from core.wire.contracts.admin_users import AdminUser as AdminUserShown
from core.wire.contracts.admin_users import admin_fields, admin_user
from core.wire.errors import FieldProblem

log = structlog.get_logger()

TAKEN = ((409, "username_taken"), (409, "email_taken"), "phone_taken")


class AdminUserDetails(AdminUserShown, frozen=True, kw_only=True):
    bookings_count: int


class UserAnswer(Done, frozen=True, kw_only=True):
    data: AdminUserShown


class UserDetailsAnswer(Done, frozen=True, kw_only=True):
    message: str = "User retrieved successfully"
    data: AdminUserDetails


class AdminUser:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._pool = accounts.pool
        self._region = accounts.settings.phone_region
        self._proof = OwnerProof(accounts.pool, accounts.sign_in)

    @operation("Read a user", answers={200: UserDetailsAnswer}, refuses=("user_not_found",))
    async def on_get(self, _req: Request, resp: Response, user_id: int) -> None:
        async with self._pool.connection() as connection:
            person = await account_changes.person(connection, user_id)
            count = await account_changes.bookings(connection, user_id, COUNT_EXACT_TO)
        if person is None:
            raise not_found()
        respond(resp, UserDetailsAnswer(data=AdminUserDetails(**admin_fields(person), bookings_count=count)))

    @operation(
        "Create a user",
        description="Without a password the user cannot log in until they set one by a reset mail.",
        body=Content(NewPerson, example=NEW_USER),
        answers={201: UserAnswer},
        refuses=TAKEN,
    )
    async def on_post_create(self, req: Request, resp: Response) -> None:
        body = await read_json(req, NewPerson)
        refuse(why_not_create(req.context.principal, {role for role in ROLES if getattr(body, role)}))
        names = body.names(self._region)
        email = (body.email or "").strip() or None
        new = NewUser(
            username=names.username,
            email=email,
            password_hash=await self._hash(req, body.password),
            phone=names.phone,
            phone_key=names.phone_key,
            first_name=body.first_name,
            last_name=body.last_name,
            gender=body.gender,
            country=body.country,
            country_code=country_code(body.country),
            is_active=body.is_active,
            is_staff=body.is_staff,
            is_superuser=body.is_superuser,
        )
        try:
            async with self._pool.connection() as connection, connection.transaction():
                person = await account_changes.person(connection, await users.create_user(connection, new))
                assert person is not None  # noqa: S101 - it was created on the line before
                await note_change(req, connection, "user.created", person.id, None, person, whose=person.id)
        except TakenError as taken:
            raise _taken(taken) from None
        log.info("user created", created_user=person.id, by=req.context.principal.user_id)
        respond(resp, UserAnswer(message="User created successfully", data=admin_user(person)), 201)

    @operation(
        "Change a user",
        description=(
            "Only what is sent, and differs, changes. Those who change what they log in with themselves send their "
            "`current_password`, or have signed in within the last ten minutes if they have none."
        ),
        body=Content(PersonChange, example=USER_CHANGE),
        answers={200: UserAnswer},
        refuses=("user_not_found", "anonymised", "last_superuser", "sign_in_again", "too_many_requests", *TAKEN),
    )
    async def on_put_update(self, req: Request, resp: Response, user_id: int) -> None:
        change = await read_json(req, PersonChange)
        principal: Principal = req.context.principal
        await self._check(req, user_id, change)
        password = None if isinstance(change.password, UnsetType) else await self._hash(req, change.password)
        try:
            async with self._pool.connection() as connection, connection.transaction():
                person = await self._change(connection, req, user_id, change, password)
        except TakenError as taken:
            raise _taken(taken) from None
        self._accounts.logins.forget()
        log.info("user changed", changed_user=user_id, by=principal.user_id)
        respond(resp, UserAnswer(message="User updated successfully", data=admin_user(person)))

    async def _check(self, req: Request, user_id: int, change: PersonChange) -> None:
        """Refuse what can be refused before a password is hashed and a row is locked."""
        principal: Principal = req.context.principal
        async with self._pool.connection() as connection:
            person = await account_changes.person(connection, user_id)
        self._columns(principal, person, change)
        if user_id == principal.user_id and person is not None and change.changed(person) & WAYS_IN:
            purpose = "change what you log in with"
            await self._proof.check(req, change.current_password, field="current_password", purpose=purpose)

    async def _change(
        self, connection: Any, req: Request, user_id: int, change: PersonChange, password: str | None
    ) -> Person:
        if change.is_active is False or change.is_superuser is False:
            await ensure_superuser_remains(connection, user_id)
        before = await account_changes.lock(connection, user_id)
        columns = self._columns(req.context.principal, before, change)
        if password is not None:
            columns["password_hash"] = password
        await account_changes.write(connection, user_id, columns)
        person = await account_changes.person(connection, user_id)
        assert before is not None  # noqa: S101 - `_columns` has looked
        assert person is not None  # noqa: S101 - its row is locked
        was, now = asdict(before), asdict(person) | ({"password": CHANGED} if password is not None else {})
        await note_change(req, connection, "user.changed", user_id, was, now, whose=user_id)
        return person

    def _columns(self, principal: Principal, person: Person | None, change: PersonChange) -> dict[str, Any]:
        if person is None:
            raise not_found()
        if person.is_anonymised:
            raise Problem(409, "anonymised", "This account was anonymised and cannot be changed")
        changed = change.changed(person)
        refuse(why_not_change(principal, person, changed))
        email = account_changes.email_columns(change.email or "") if "email" in changed else {}
        return change.columns(person, changed, self._region) | email

    async def _hash(self, req: Request, password: str | None) -> str | None:
        if password is None:
            return None
        try:
            return await self._accounts.passwords.hash(password, caller(req))
        except TooManyWaitingError:
            raise too_busy() from None


def refuse(why: str | None) -> None:
    if why is not None:
        raise Problem(403, "forbidden", why)


def not_found() -> Problem:
    return Problem(404, "user_not_found", "User not found")


def _taken(taken: TakenError) -> Problem:
    words = f"A user with this {taken.field} already exists"
    return Problem(409, f"{taken.field}_taken", words, [FieldProblem(taken.field, words)])
