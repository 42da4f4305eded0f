"""`/api/v1/drf/practitioners/`: who gives sessions, and when."""

from __future__ import annotations

from typing import Annotated

import falcon.asgi
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict, replace

from api.contracts.changes import Problems, as_problems, sent_fields
from api.contracts.marketplace import examples
from api.contracts.marketplace.fields import WINDOWS, BufferMinutes, ClockWindow, ClockWindows, LongText, clock_windows
from api.contracts.marketplace.ownership import check_may_edit, not_found
from api.contracts.marketplace.pagination import PageBody, Paged, page_fields
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem, forbidden, invalid
from api.http.fields import ZONE, Id, ZoneText, text
from api.http.parameters import read_query
from api.http.responses import respond
from api.installation import InstallationWatch
from api.openapi import Content, operation
from core.domain.marketplace.schedules import Schedule
from core.domain.marketplace.values import Practitioner
from core.identity import account_changes
from core.identity.account_names import public_name
from core.identity.permissions import why_not_promote
from core.identity.principals import Principal
from core.settings import Settings
from core.store.catalogue import practitioners
from core.store.catalogue.changes import NotFoundError, write
from core.store.catalogue.practitioners import AlreadyPractitionerError, ListedPractitioner, Viewer
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.text_forms import NAME
from core.wire.errors import FieldProblem

YEAR_MINUTES = 365 * 24 * 60

PROBLEMS: Problems = {
    NotFoundError: not_found,
    AlreadyPractitionerError: lambda: Problem(409, "already_practitioner", "This user is already a practitioner"),
}


class PractitionerChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a PATCH. Only what is sent changes; what is booked keeps its times.

    `time_zone` can change only while no booking, session or time off lies ahead.
    """

    name: Annotated[str, text(NAME, least=1, most=150)] | UnsetType = UNSET
    bio: LongText | UnsetType = UNSET
    time_zone: ZoneText | UnsetType = UNSET
    hours: ClockWindows | UnsetType = UNSET
    breaks: ClockWindows | UnsetType = UNSET
    buffer_before_minutes: BufferMinutes | UnsetType = UNSET
    buffer_after_minutes: BufferMinutes | UnsetType = UNSET
    notice_minutes: Annotated[int, Meta(ge=0, le=YEAR_MINUTES)] | UnsetType = UNSET
    horizon_days: Annotated[int, Meta(ge=1, le=3660)] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class NewPractitioner(PractitionerChange, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a POST. Staff name the user who becomes a practitioner; a practitioner means themselves."""

    user_id: Id | UnsetType = UNSET


ZONE_KEPT = "time_zone cannot be changed while bookings, sessions or time off lie ahead"
WHOM = frozenset({"user_id"})
"""What staff must say of a new practitioner."""


class PractitionerBody(Struct, frozen=True, kw_only=True):
    id: int
    user_id: int
    resource_id: int
    """Whose time their sessions take."""
    name: str
    email: str
    """For staff, the practitioner and people who have a booking with them; empty for others."""
    bio: str
    time_zone: str
    hours: list[ClockWindow]
    breaks: list[ClockWindow]
    buffer_before_minutes: int
    buffer_after_minutes: int
    notice_minutes: int
    """How long before its start a session can still be booked."""
    horizon_days: int
    """How far ahead a session can be booked."""
    is_active: bool


class PractitionerPage(PageBody, frozen=True, kw_only=True):
    results: list[PractitionerBody]


class PractitionerFilters(Paged, frozen=True, kw_only=True):
    service_id: Id | None = None
    """Who gives this service."""


class Practitioners:
    def __init__(self, pool: Pool, settings: Settings, installation: InstallationWatch) -> None:
        self._pool = pool
        self._settings = settings
        self._installation = installation

    @operation("List practitioners", query=PractitionerFilters, answers={200: PractitionerPage})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Those who can be booked; staff see the others too."""
        asked = read_query(req, PractitionerFilters)
        principal: Principal = req.context.principal
        async with self._pool.connection() as connection:
            found, count = await practitioners.page(
                connection,
                _viewer(principal),
                hidden=principal.is_staff,
                service_id=asked.service_id,
                limit=asked.page_size,
                offset=asked.offset,
            )
        body = page_fields(req, self._settings.public_url, asked, count, [_body(one) for one in found])
        respond(resp, PractitionerPage(**body))

    @operation(
        "Become a practitioner, or make a user one",
        body=Content(NewPractitioner, example=examples.NEW_PRACTITIONER),
        answers={201: PractitionerBody},
        refuses=("already_practitioner",),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        principal: Principal = req.context.principal
        sent = await read_json(req, NewPractitioner, needs=WHOM if principal.is_staff else ())
        user_id = _whose(principal, sent.user_id)
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            made = await practitioners.create(
                connection,
                user_id=user_id,
                name=await _name_of(connection, principal, user_id, self._settings.phone_region),
                zone=self._installation.time_zone,
            )
            after = await practitioners.change(connection, _changed(made, sent))
            await _note(req, connection, "practitioner.created", None, after)
        respond(resp, _body(after), 201)


class OnePractitioner:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Show a practitioner", answers={200: PractitionerBody}, refuses=("not_found",))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int) -> None:
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            found = await practitioners.one(connection, practitioner_id, _viewer(req.context.principal))
        respond(resp, _body(found))

    @operation(
        "Change a practitioner's week and rules",
        body=Content(PractitionerChange, example=examples.PRACTITIONER_CHANGE),
        answers={200: PractitionerBody},
        refuses=("not_found",),
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int) -> None:
        sent = await read_json(req, PractitionerChange)
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            present = (await practitioners.one(connection, practitioner_id)).practitioner
            check_may_edit(req.context.principal, present.user_id)
            await _check_zone(connection, present, sent)
            locked = await practitioners.one(connection, practitioner_id, locked=True)
            after = await practitioners.change(connection, _changed(locked, sent))
            await _note(req, connection, "practitioner.changed", locked, after)
        respond(resp, _body(after))


async def _note(
    req: falcon.asgi.Request,
    connection: AsyncConnection,
    action: str,
    before: ListedPractitioner | None,
    after: ListedPractitioner,
) -> None:
    was = None if before is None else asdict(before.practitioner) | {"bio": before.bio}
    now = asdict(after.practitioner) | {"bio": after.bio}
    await note_change(req, connection, action, now["id"], was, now, whose=after.practitioner.user_id)


async def _name_of(connection: AsyncConnection, principal: Principal, user_id: int, region: str | None) -> str:
    """The name of a user who becomes a practitioner; the user is locked. Raises Problem 400 or 403."""
    user = await account_changes.lock(connection, user_id)
    if user is None or not user.is_active:
        raise invalid([FieldProblem("user_id", "There is no such user")])
    if (why_not := why_not_promote(principal, user)) is not None:
        raise Problem(403, "forbidden", why_not)
    return public_name(user, region)


def _whose(principal: Principal, user_id: int | UnsetType) -> int:
    if principal.is_staff and not isinstance(user_id, UnsetType):
        return user_id
    if principal.user_id is None or user_id not in {UNSET, principal.user_id}:
        raise forbidden()
    return principal.user_id


async def _check_zone(connection: AsyncConnection, present: Practitioner, sent: PractitionerChange) -> None:
    """Raise Problem 400 for another zone while something lies ahead. Before any row is locked: it waits for lanes."""
    if sent.time_zone is UNSET or ZONE(sent.time_zone) == present.zone:
        return
    if not await practitioners.zone_may_change(connection, present.resource_id):
        raise invalid([FieldProblem("time_zone", ZONE_KEPT)])


def _changed(present: ListedPractitioner, sent: PractitionerChange) -> ListedPractitioner:
    before, plain = present.practitioner, sent_fields(sent)
    schedule = Schedule(
        before.schedule.hours if sent.hours is UNSET else WINDOWS(sent.hours),
        before.schedule.breaks if sent.breaks is UNSET else WINDOWS(sent.breaks),
    )
    after = replace(
        before,
        zone=before.zone if sent.time_zone is UNSET else ZONE(sent.time_zone),
        schedule=schedule,
        **{name: plain[name] for name in _PLAIN if name in plain},
    )
    return ListedPractitioner(after, plain.get("bio", present.bio))


_PLAIN = ("name", "buffer_before_minutes", "buffer_after_minutes", "notice_minutes", "horizon_days", "is_active")


def _body(listed: ListedPractitioner) -> PractitionerBody:
    found = listed.practitioner
    return PractitionerBody(
        id=found.id,
        user_id=found.user_id,
        resource_id=found.resource_id,
        email=found.email,
        bio=listed.bio,
        time_zone=found.zone,
        hours=clock_windows(found.schedule.hours),
        breaks=clock_windows(found.schedule.breaks),
        **{name: getattr(found, name) for name in _PLAIN},
    )


def _viewer(principal: Principal) -> Viewer:
    return Viewer(principal.user_id, sees_all=principal.is_staff)
