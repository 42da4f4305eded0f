"""Commands from clients: accepted, waited for, looked up, withdrawn (docs/contracts/README.md).

A request waits for its outcome unless it prefers 202. A wait that runs out answers the same 202, and polling the
command's address (endpoints.py) tells the rest.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import falcon
import falcon.asgi
import msgspec
import psycopg
import structlog
from msgspec.structs import replace

from api.commands.inbox_entry import Accepted
from api.commands.inbox_writer import ACCEPT_WITHIN_S, InboxWriter
from api.commands.outcome_waiter import Answer, OutcomeWaiter
from api.http.errors import Problem, answer_removed, error_type
from api.http.preferences import Preferences, deadline, idempotency_key, preferences
from api.http.responses import respond, respond_encoded
from api.limits.undecided_writes import UndecidedCounter, counted_user
from core import logs
from core.client_addresses import subscriber_of
from core.domain.commands import Command, CommandClass, name_of, type_of
from core.identity.personal_data.inventory import REMOVED
from core.identity.principals import Principal, PrincipalKind
from core.store.audit import Author
from core.store.connections.pool import Pool
from core.store.inbox.acceptance import IdempotencyKey, NewCommand
from core.store.inbox.outcomes import CommandRecord, look_up
from core.store.inbox.partition_keys import PartitionKey
from core.store.inbox.withdrawal import withdraw
from core.tracing import spans
from core.tracing.spans import SpanKind
from core.wire.outcomes import CommandAccepted, withdrawn

log = structlog.get_logger()

Reveal = Callable[[Answer], Awaitable[Answer]]

ACCEPT_SHARE = 0.9
"""The share of a client's wait that accepting may take."""
POLL_AFTER_S = 1
"""What `Retry-After` says while a command is not finished."""


def status_url(command_id: UUID) -> str:
    return f"/api/commands/{command_id}/"


class Commands:
    """Accepts commands and follows them to their outcome."""

    def __init__(
        self,
        inbox: InboxWriter,
        outcomes: OutcomeWaiter,
        pool: Pool,
        undecided: UndecidedCounter,
        follow_anonymous: Callable[[UUID, str], None] = lambda _id, _address: None,
    ) -> None:
        """`follow_anonymous` is called with the id and address of each command that an anonymous caller is about to send."""
        self._inbox = inbox
        self._outcomes = outcomes
        self._pool = pool
        self._undecided = undecided
        self._follow_anonymous = follow_anonymous
        self._reveals: dict[str, Reveal] = {}

    def reveal_with(self, kind: type[Command], reveal: Reveal) -> None:
        """Let `reveal` add to answers to this kind of command what only their owner may see and nothing stores."""
        self._reveals[name_of(kind)] = reveal

    async def run(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        *,
        contract: str,
        partition_key: PartitionKey,
        command: Command,
    ) -> None:
        """Accept a command from a request and answer it as the request prefers."""
        wants = preferences(req)
        chosen = take_chosen_id(req)
        id_ = chosen or uuid4()
        logs.bind(command_id=id_)
        inbox = spans.begin("inbox", SpanKind.PRODUCER)
        new = self._new(req, id_, contract, partition_key, command)
        if inbox is not None:
            inbox.attributes |= {"holdfast.command_id": str(id_), "holdfast.command_type": type_of(command)}
            new = replace(new, traceparent=inbox.context.traceparent)
        if chosen:
            new = replace(new, has_chosen_id=True)
        until = asyncio.get_running_loop().time() + wants.wait_s
        future = self._outcomes.expect(id_)
        try:
            accepted = await self._accept(req, new, wants)
            spans.end(inbox)
            if not accepted.fresh or accepted.command_id != id_:
                logs.bind(command_id=accepted.command_id)
                await self.follow(req, resp, accepted.command_id, wants, until)
                return
            answer = None if self._answers_at_once(wants) else await _outcome(future, until)
            self._respond(req, resp, id_, wants, await self._revealed(id_, type_of(command), answer))
        finally:
            self._outcomes.forget(id_, future)

    async def _accept(self, req: falcon.asgi.Request, new: NewCommand, wants: Preferences) -> Accepted:
        """Put it on disk, counted as its sender's until it is decided. Raises Problem as the inbox does, 429."""
        user_id = counted_user(req.context.principal)
        await self._undecided.check(user_id)
        self._undecided.add(user_id, new.id)
        self._follow_if_anonymous(req, new.id)
        try:
            accepted = await self._inbox.accept(new, key_of(req), _accept_within_s(wants))
        except BaseException:
            self._undecided.accepted(new.id)  # perhaps: the next look into the inbox tells
            raise
        if accepted.command_id == new.id:
            self._undecided.accepted(new.id)
        else:
            self._undecided.settle(new.id.bytes)
            if accepted.fresh:
                self._follow_if_anonymous(req, accepted.command_id)
        return accepted

    def _follow_if_anonymous(self, req: falcon.asgi.Request, id_: UUID) -> None:
        if req.context.principal.kind is PrincipalKind.ANONYMOUS:
            self._follow_anonymous(id_, subscriber_of(req.context.address))

    def _new(
        self, req: falcon.asgi.Request, id_: UUID, contract: str, partition_key: PartitionKey, command: Command
    ) -> NewCommand:
        principal: Principal = req.context.principal
        return NewCommand(
            id=id_,
            partition_key=partition_key,
            command_class=CommandClass.INTERACTIVE,
            contract=contract,
            actor=principal.actor,
            request_id=req.context.request_id,
            reply_to=self._outcomes.reply_to,
            decide_before=deadline(req),
            command=command,
            address=req.context.address if principal.is_audited else None,
        )

    def _answers_at_once(self, wants: Preferences) -> bool:
        """While Redis is known to be down, an outcome would not be heard in time: no request waits for it."""
        return wants.respond_async or wants.wait_s == 0 or self._outcomes.redis_is_down

    async def follow(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, id_: UUID, wants: Preferences, until: float
    ) -> None:
        """Answer a retry with the outcome of the first request."""
        future = self._outcomes.expect(id_)
        try:
            try:
                record = await self.look_up(id_)
            except psycopg.Error as problem:  # a command on disk must not be called "unavailable"
                log.warning("a followed command cannot be looked up", problem=repr(problem))
                record = None
            answer = _answer_of(record)
            if answer is None and record is not None and not self._answers_at_once(wants):
                answer = await _until(future, until)
            if answer is not None and not wants.respond_async and _is_removed(answer):
                raise answer_removed(id_)
            answer = await self._revealed(id_, record.type if record else "", answer)
            self._respond(req, resp, id_, wants, answer)
        finally:
            self._outcomes.forget(id_, future)

    async def _revealed(self, id_: UUID, type_: str, answer: Answer | None) -> Answer | None:
        """Raises Problem, with the command's address, if what is to be added is not available now."""
        reveal = self._reveals.get(type_)
        if answer is None or reveal is None:
            return answer
        try:
            return await reveal(answer)
        except Problem as problem:
            headers = {**problem.headers, "Location": status_url(id_)}
            raise Problem(problem.status, problem.code, problem.message, problem.problems, headers) from None

    async def reveal(self, record: CommandRecord) -> CommandRecord:
        """A command as its owner may see it. Raises Problem 503, as the request did that waited for it."""
        answer = await self._revealed(record.id, record.type, _answer_of(record))
        return record if answer is None else msgspec.structs.replace(record, response=answer.body.decode())

    @staticmethod
    def _respond(
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        id_: UUID,
        wants: Preferences,
        answer: Answer | None,
    ) -> None:
        resp.set_header("Holdfast-Command", str(id_))
        if wants.respond_async or answer is None:
            resp.location = status_url(id_)
            resp.set_header("Retry-After", str(POLL_AFTER_S))
            if wants.respond_async:
                resp.set_header("Preference-Applied", "respond-async")
            respond(resp, CommandAccepted(id=id_, status_url=status_url(id_)), 202)
            return
        write_answer(req, resp, answer)

    async def look_up(self, id_: UUID) -> CommandRecord | None:
        async with self._pool.connection() as connection:
            return await look_up(connection, id_)

    async def long_poll(self, id_: UUID, wait_s: float) -> CommandRecord | None:
        """The command as soon as it is finished, or as it is when the wait is over."""
        future = self._outcomes.expect(id_)
        try:
            record = await self.look_up(id_)
            if record is None or record.http_status is not None or wait_s <= 0:
                return record
            await _until(future, asyncio.get_running_loop().time() + wait_s)
            return await self.look_up(id_)
        finally:
            self._outcomes.forget(id_, future)

    async def withdraw(self, id_: UUID, by: Author | None = None) -> bool:
        """Take an undecided command back, between two batches of its lane; False if it is too late."""
        async with self._pool.connection() as connection:
            return await withdraw(connection, id_, withdrawn(), by)


def take_chosen_id(req: falcon.asgi.Request) -> UUID | None:
    """The id that the front door chose; only for the first caller."""
    chosen: UUID | None = req.context.chosen_id
    req.context.chosen_id = None
    return chosen


def key_of(req: falcon.asgi.Request) -> IdempotencyKey | None:
    """The request's idempotency key in its scope: the user or key, else the address and route."""
    principal: Principal = req.context.principal
    owner = principal.actor.owner
    key = idempotency_key(req, anonymous=owner is None)
    if key is None:
        return None
    route = f"{req.method} {req.path}"
    asked = f"{route}?{req.query_string}"  # a change's parameters matter as much as its body
    body_hash = hashlib.sha256(asked.encode() + b"\0" + req.context.raw_body).digest()
    return IdempotencyKey(owner or f"address:{req.context.address} {route}", key, body_hash)


def _accept_within_s(wants: Preferences) -> float:
    """How long writing a command may take, so that an unknown outcome is still answered within the client's wait."""
    if wants.respond_async or not wants.wait_s:
        return min(wants.wait_s or ACCEPT_WITHIN_S, ACCEPT_WITHIN_S)
    return wants.wait_s * ACCEPT_SHARE


async def _outcome(future: asyncio.Future[Answer | None], until: float) -> Answer | None:
    """What a client waits for who has just sent a command."""
    span = spans.begin("wait for the outcome")
    answer = await _until(future, until)
    spans.end(span)
    return answer


async def _until(future: asyncio.Future[Answer | None], moment: float) -> Answer | None:
    """What the future gets, or None when the wait is over. Half of what `asyncio.timeout` costs."""
    ending = asyncio.get_running_loop().call_at(moment, _end, future)
    try:
        return await future
    finally:
        ending.cancel()


def _end(future: asyncio.Future[Answer | None]) -> None:
    if not future.done():
        future.set_result(None)


def _answer_of(record: CommandRecord | None) -> Answer | None:
    if record is None or record.http_status is None or record.response is None:
        return None
    return Answer(record.http_status, record.response.encode())


class _Coded(msgspec.Struct):
    code: str | None = None


def _is_removed(answer: Answer) -> bool:
    """Whether what it said about a person was removed since."""
    return REMOVED.encode() in answer.body and msgspec.json.decode(answer.body, type=_Coded).code == REMOVED


def write_answer(req: falcon.asgi.Request, resp: falcon.asgi.Response, answer: Answer) -> None:
    respond_encoded(resp, answer.body, answer.status)
    if answer.status >= 400:  # noqa: PLR2004 - RFC 9110: errors start here
        resp.content_type = error_type(req.get_header("Accept"))
    if answer.status == 503:  # noqa: PLR2004 - a parked command
        resp.set_header("Retry-After", "60")
