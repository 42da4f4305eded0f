"""One client's connection: who it is, what it asks for, and what waits to be written to it."""

from __future__ import annotations

import asyncio
from math import ceil
from typing import NoReturn

import psycopg
from psycopg_pool import PoolTimeout

from core.client_addresses import subscriber_of
from core.identity.credentials.lookup import Credential
from core.identity.credentials.schemes import BAD_CREDENTIAL
from core.identity.principals import BadCredentialError, Principal, PrincipalKind
from core.store.connections.pool import Pool
from core.store.feed import Position, parse_position
from core.store.inbox.outcomes import look_up
from core.token_buckets import Buckets
from core.wire import close_codes
from core.wire.close_codes import CloseCode
from core.wire.errors import in_seconds
from core.wire.feeds import Authenticate, GetBookings, Request, Resume, Subscribe, Subscribed, Watch
from core.wire.outcomes import command_status
from notifier import messages
from notifier.authentication import Authentication
from notifier.catch_up import CatchUp
from notifier.feed_reader import snapshot
from notifier.feeds import command_audience
from notifier.handshake import RefusedError, check_allowed
from notifier.hub import ONCE, Hub
from notifier.limits import Limits
from notifier.messages import BadMessageError
from notifier.socket_traces import TracedPayload
from notifier.sockets import Admission, Socket
from notifier.subscriber import Subscriber

LOG_IN = (
    "Authentication credentials were not provided: send an authenticate message whose token is the access token of a "
    "login or a ticket (/api/ws-ticket/), or connect with the cookie of a login"
)


class EndedError(Exception):
    """The connection is to be closed; its subscriber knows why."""


class Shared:
    """What all connections of a notifier share."""

    def __init__(self, hub: Hub, pool: Pool, authentication: Authentication, limits: Limits) -> None:
        self.hub = hub
        self.pool = pool
        self.authentication = authentication
        self.limits = limits
        self.catching_up = CatchUp(hub, pool, limits)
        self.reads = Buckets(limits.reads_per_owner)
        self.watches = Buckets(limits.watches_per_owner)


class ClientConnection:
    """Answers requests (`run`) and writes what waits (`write`), each in a task of its own.

    `ready` is set when there is something to write, `drained` while there is nothing.
    """

    def __init__(self, socket: Socket, visit: Admission, shared: Shared) -> None:
        self.ready = asyncio.Event()
        self.drained = asyncio.Event()
        self.subscriber = Subscriber((), shared.limits, self._wake)
        self.principal = visit.principal
        self._socket = socket
        self._visit = visit
        self._shared = shared
        self._hub = shared.hub
        self._bad_messages = 0
        self._requests = Buckets(shared.limits.requests_per_socket)
        self._reads = Buckets(shared.limits.reads_per_socket)
        self._closer: asyncio.Task[None] | None = None

    @property
    def credential(self) -> Credential | None:
        return None if self.principal.kind is PrincipalKind.ANONYMOUS else Credential.of(self.principal)

    def end_login(self) -> None:
        self._hub.leave(self.subscriber)
        self.subscriber.cut(close_codes.LOGIN_ENDED)

    def _wake(self) -> None:
        self.ready.set()
        if not self.subscriber.is_empty:
            self.drained.clear()
        if self.subscriber.closing is not None and self._closer is None:
            self._closer = asyncio.create_task(self._close(self.subscriber.closing))

    async def _close(self, why: CloseCode) -> None:
        """Close it even if the writer is stuck with a client that does not read."""
        await asyncio.sleep(self._shared.limits.flush_s)
        await self._socket.close(why.code, why.reason)

    async def run(self) -> None:
        """Answer until the socket closes (raises `ConnectionClosed`) or is to be closed (returns)."""
        try:
            await self._welcome()
            while True:
                await self._answer(await self._receive())
        except EndedError:
            return
        except (psycopg.Error, PoolTimeout):
            self.subscriber.end(close_codes.UNAVAILABLE)

    async def write(self) -> None:
        """Write what waits, at the client's pace. Raises `EndedError` or `ConnectionClosed` in the end."""
        while True:
            self.drained.set()
            if not await _within(self.ready, self._shared.limits.heartbeat_s):
                position = self._hub.position_of(self.subscriber)
                if position is not None:
                    self.subscriber.put(messages.heartbeat(position))
            self.ready.clear()
            while (payload := self.subscriber.take()) is not None:
                await self._socket.send(payload, text=True)
                if isinstance(payload, TracedPayload):
                    payload.written(self._visit.feed.words.path)
            if (closing := self.subscriber.closing) is not None:
                await self._socket.close(closing.code, closing.reason)
                raise EndedError

    async def _welcome(self) -> None:
        """Make it live. A prompt `resume` or `get_bookings` says where to begin."""
        if not self._visit.feed.public and self.principal.kind is PrincipalKind.ANONYMOUS:
            await self._first_login()
        self.subscriber.audiences |= self._visit.feed.audiences(self.principal)
        if self._visit.last_position is not None and self._may_resume(self._visit.last_position):
            await self._resume(parse_position(self._visit.last_position))
            return
        first = await self._first_message()
        while isinstance(first, Subscribe) and first.last_position is None:
            self._set_filter(first)
            first = await self._first_message()
        if not isinstance(first, GetBookings | Resume | Subscribe):
            await self._resume(self._visit.start)
        if first is not None:
            await self._answer(first)

    async def _first_login(self) -> None:
        try:
            async with asyncio.timeout(self._shared.limits.authentication_s):
                first = await self._receive()
        except TimeoutError:
            first = None
        if not isinstance(first, Authenticate):
            self._refuse(401, "not_authenticated", LOG_IN)
        await self._authenticate(first)

    async def _first_message(self) -> Request | None:
        try:
            async with asyncio.timeout(self._shared.limits.first_message_s):
                return await self._receive()
        except TimeoutError:
            return None

    async def _receive(self) -> Request:
        """The next request that this feed serves; others are answered with an error."""
        while True:
            text = await self._socket.recv()
            try:
                request = messages.parse(text, at_most=self._shared.limits.message_bytes)
                self._check_served(request)
                if isinstance(request, Subscribe):
                    messages.filter_of(request)
                self._check_rate(request)
            except BadMessageError as problem:
                self._complain(problem)
            else:
                return request

    def _check_served(self, request: Request) -> None:
        type_ = str(type(request).__struct_config__.tag)
        served = self._visit.feed.requests
        if type_ not in served:
            raise BadMessageError(400, "bad_message", f"This feed serves {', '.join(sorted(served))}")

    def _check_rate(self, request: Request) -> None:
        """A refused request changes nothing: a live connection stays live."""
        wait_s = self._requests.take(None)
        if not wait_s and _reads(request):
            wait_s = self._reads.take(None) or self._shared.reads.take(self._owner)
        elif not wait_s and isinstance(request, Watch):
            wait_s = self._shared.watches.take(self._owner)
        if wait_s:
            words = f"Too many requests at once. Try again {in_seconds(ceil(wait_s))}"
            raise BadMessageError(429, "too_many_requests", words)

    def _may_resume(self, last_position: str) -> bool:
        """Whether to read from the position that came with the handshake now; if not, its client is told to wait."""
        try:
            self._check_rate(Resume(last_position))
        except BadMessageError as problem:
            self._complain(problem)
            return False
        return True

    @property
    def _owner(self) -> str:
        """Reads are counted by owner, or by an anonymous client's address, over all of their sockets."""
        return self.principal.actor.owner or f"address:{subscriber_of(self._visit.address)}"

    def _complain(self, problem: BadMessageError) -> None:
        self.subscriber.put(messages.error(problem))
        self._bad_messages += 1
        if self._bad_messages >= self._shared.limits.bad_messages:
            self.subscriber.end(close_codes.BAD_REQUESTS)
            raise EndedError

    async def _answer(self, request: Request) -> None:
        match request:
            case GetBookings():
                await self._send_bookings()
            case Resume(last_position=last_position):
                await self._resume(parse_position(last_position))
            case Subscribe():
                await self._subscribe(request)
            case Watch():
                await self._watch(request)
            case Authenticate():
                await self._introduce(request)

    async def _send_bookings(self) -> None:
        """News is held back while the snapshot is read, and goes on from its position."""
        self._hub.leave(self.subscriber)
        async with self._shared.pool.connection() as connection:
            position, payload = await snapshot(connection, self._shared.limits.snapshot_bookings)
        self.subscriber.put(payload)
        await self._resume(position)

    async def _resume(self, position: Position | None) -> None:
        await self._shared.catching_up.catch_up(self.subscriber, position, self.drained)

    async def _subscribe(self, request: Subscribe) -> None:
        self._set_filter(request)
        if request.last_position is not None:
            await self._resume(parse_position(request.last_position))

    def _set_filter(self, request: Subscribe) -> None:
        """What is queued already stays; what comes after the answer is filtered."""
        self.subscriber.filter = messages.filter_of(request)
        self.subscriber.put(messages.told(Subscribed(data=request.filter)))

    async def _introduce(self, request: Authenticate) -> None:
        """Authenticate an anonymous client that listens already."""
        if self.principal.kind is not PrincipalKind.ANONYMOUS:
            self._complain(BadMessageError(409, "already_authenticated", "This connection is authenticated already"))
            return
        position = self._hub.position_of(self.subscriber)
        await self._authenticate(request)
        self._hub.leave(self.subscriber)
        self.subscriber.audiences |= self._visit.feed.audiences(self.principal)
        await self._resume(position)

    async def _authenticate(self, request: Authenticate) -> None:
        try:
            principal = await self._shared.authentication.of_message(request.token, self._visit.address)
            check_allowed(self._visit.feed, principal)
        except BadCredentialError:
            self._refuse(401, "bad_credential", BAD_CREDENTIAL)
        except RefusedError as refused:
            self._refuse(refused.status, refused.code, refused.words)
        self.principal = principal

    def _refuse(self, status: int, code: str, words: str) -> NoReturn:
        self.subscriber.put(messages.error(BadMessageError(status, code, words)))
        self.subscriber.end(close_codes.FORBIDDEN if status == 403 else close_codes.NOT_AUTHENTICATED)  # noqa: PLR2004 - HTTP's
        raise EndedError

    async def _watch(self, request: Watch) -> None:
        """Listen first, then look: a decision in between is heard or seen, and told once."""
        audience = command_audience(str(request.command_id))
        if sum(a.startswith(ONCE) for a in self.subscriber.audiences) >= self._shared.limits.watched_commands:
            words = f"At most {self._shared.limits.watched_commands} commands can be watched at once"
            self._complain(BadMessageError(429, "too_many_watched", words))
            return
        self._hub.listen(self.subscriber, audience)
        async with self._shared.pool.connection() as connection:
            record = await look_up(connection, request.command_id)
        if record is None or not may_see(self.principal, record.owner):
            self._hub.unlisten(self.subscriber, audience)
            words = "There is no such command, or it is not yours"
            self._complain(BadMessageError(404, "command_not_found", words))
        elif record.http_status is not None and audience in self.subscriber.audiences:
            self._hub.unlisten(self.subscriber, audience)
            position = self._hub.position_of(self.subscriber) or self._hub.head
            self.subscriber.put(messages.finished(command_status(record), position))


def may_see(principal: Principal, owner: str | None) -> bool:
    """A command without an owner may be seen by all who know its id, another by its owner and staff."""
    return owner is None or principal.is_staff or owner == principal.actor.owner


def _reads(request: Request) -> bool:
    """Whether it may make the notifier read and send much."""
    return isinstance(request, GetBookings | Resume) or (
        isinstance(request, Subscribe) and request.last_position is not None
    )


async def _within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False
