"""`POST /api/v1/drf/bookings/` and its `create-package`, `create-bundle`, `create-course`."""

from __future__ import annotations

import falcon.asgi
from msgspec import UNSET, UnsetType

from api.contracts.marketplace import examples
from api.contracts.marketplace.purchase_bodies import (
    COURSE_SESSIONS_MAX,
    NewBundle,
    NewCourse,
    NewMarketBooking,
    NewPackage,
    PackagePart,
    PurchaseFields,
    sent_span,
    time_or_session,
)
from api.contracts.marketplace.refusal_groups import BUYING, PLACING, SEATING
from api.http.bodies import read_json
from api.http.errors import Problem, forbidden, invalid
from api.http.fields import ZONE
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.marketplace.commands import (
    BookBundle,
    BookCourse,
    BookIndividual,
    BookPackage,
    BookSession,
    Part,
    Words,
)
from core.domain.refusals import Refusal
from core.identity.principals import Principal
from core.store.marketplace.partition_keys import (
    Purchase,
    SessionPartition,
    any_key,
    practitioner_key,
    purchase_key,
    read_purchase,
    session_partition,
)
from core.wire.contracts.marketplace import MarketBookingDetail
from core.wire.errors import FieldProblem


class CreateMarketBooking:
    """`POST` of the bookings' own path; the route's other methods are `MarketBookings`'."""

    def __init__(self, runtime: Runtime) -> None:
        self._commands = runtime.commands
        self._pool = runtime.pool

    async def create(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewMarketBooking)
        user_id, words = _buyer_id(sent, req.context.principal), _words(sent)
        if sent.service_session_id is not None:
            home = await self._session(sent, sent.service_session_id)
            command: BookSession | BookIndividual = BookSession(
                user_id, sent.service_id, sent.service_session_id, words, sent.use_credits
            )
            key = home.key
        else:
            command = _individual(sent, user_id, words)
            key = await self._key(command)
        await self._commands.run(req, resp, contract="marketplace", partition_key=key, command=command)

    async def _session(self, sent: NewMarketBooking, session_id: int) -> SessionPartition:
        async with self._pool.connection() as connection:
            home = await session_partition(connection, session_id)
        if home is None:
            raise no_session()
        given = (sent.practitioner_id, sent.start_time, sent.end_time)
        names = ("practitioner_id", "start_time", "end_time")
        known = (home.practitioner_id, home.starts_at, home.ends_at)
        wrong = [n for n, g, k in zip(names, given, known, strict=True) if g not in {UNSET, None, k}]
        if wrong:
            raise invalid([FieldProblem(name, f"{name} differs from the session's; leave it out") for name in wrong])
        return home

    async def _key(self, command: BookIndividual) -> str:
        if command.practitioner_id is None:
            return any_key(command.service_id, command.starts_at)
        async with self._pool.connection() as connection:
            key = await practitioner_key(connection, command.practitioner_id, command.starts_at)
        if key is None:
            raise Problem(404, "practitioner_not_found", "There is no such practitioner")
        return key


class CreatePackage:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation(
        "Buy a package, scheduled now or later",
        body=Content(NewPackage, example=examples.CREATE_PACKAGE),
        answers={201: MarketBookingDetail},
        refuses=(*BUYING, *PLACING, *SEATING, Refusal.SESSION_WANTED, Refusal.CHANGED_MEANWHILE),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewPackage)
        purchase = await _purchase(self._runtime, sent.service_id)
        command = BookPackage(
            _buyer_id(sent, req.context.principal), sent.service_id, _parts(purchase, sent), _words(sent)
        )
        key = purchase_key(sent.service_id)
        await self._runtime.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


class CreateBundle:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation(
        "Buy a bundle of credits",
        body=Content(NewBundle, example=examples.CREATE_BUNDLE),
        answers={201: MarketBookingDetail},
        refuses=(*BUYING, Refusal.PRACTITIONER_NOT_FOUND),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewBundle)
        command = BookBundle(_buyer_id(sent, req.context.principal), sent.service_id, _words(sent))
        key = purchase_key(sent.service_id)
        await self._runtime.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


class CreateCourse:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation(
        "Book a course: a seat in each of its sessions, or in none",
        body=Content(NewCourse, example=examples.CREATE_COURSE),
        answers={201: MarketBookingDetail},
        refuses=(*BUYING, *SEATING, Refusal.CHANGED_MEANWHILE),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewCourse)
        purchase = await _purchase(self._runtime, sent.service_id)
        children = min(purchase.sessions, COURSE_SESSIONS_MAX)
        command = BookCourse(_buyer_id(sent, req.context.principal), sent.service_id, children, _words(sent))
        key = purchase_key(sent.service_id)
        await self._runtime.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


async def _purchase(runtime: Runtime, service_id: int) -> Purchase:
    async with runtime.pool.connection() as connection:
        found = await read_purchase(connection, service_id)
    if found is None:
        raise Problem(404, "service_not_found", "There is no such service")
    return found


def _buyer_id(sent: PurchaseFields, principal: Principal) -> int:
    user_id = sent.user_id or principal.user_id
    if user_id is None or (user_id != principal.user_id and not principal.is_staff):
        raise forbidden()
    return user_id


def _words(sent: PurchaseFields) -> Words:
    return Words(sent.title, sent.description, sent.client_notes, ZONE(sent.timezone))


def _individual(sent: NewMarketBooking, user_id: int, words: Words) -> BookIndividual:
    practitioner_id, starts_at, ends_at = sent.practitioner_id, *sent_span(sent)
    assert not isinstance(practitioner_id, UnsetType)  # noqa: S101 - the body's rules hold
    return BookIndividual(
        user_id=user_id,
        service_id=sent.service_id,
        starts_at=starts_at,
        ends_at=ends_at,
        practitioner_id=practitioner_id,
        location_id=sent.location_id,
        words=words,
        use_credits=sent.use_credits,
    )


def _parts(purchase: Purchase, sent: NewPackage) -> tuple[Part, ...]:
    by_index = {part.index: part for part in sent.schedule}
    wrong = [index for index in by_index if index >= len(purchase.items)]
    if wrong or len(by_index) != len(sent.schedule):
        words = f"index must name each of the package's {len(purchase.items)} services once at most"
        raise invalid([FieldProblem("schedule", words)])
    return tuple(_part(service_id, by_index.get(n)) for n, service_id in enumerate(purchase.items))


def _part(service_id: int, sent: PackagePart | None) -> Part:
    if sent is None:
        return Part(service_id)
    wanted = time_or_session(sent)
    if isinstance(wanted, int):
        return Part(service_id, session_id=wanted)
    return Part(service_id, sent.practitioner_id, *wanted, sent.location_id)


def no_session() -> Problem:
    return Problem(404, "session_not_found", "There is no such session")
