"""`/api/admin/parked/`: commands and payments that were given up on, put right by superusers (docs/operations.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import falcon.asgi
from msgspec import Struct

from api.http.audit import author
from api.http.errors import Problem
from api.http.parameters import LIMIT_DEFAULT, Limit, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.connections.database import Connection, connect_lane
from core.store.inbox.parked import NotParkedError, ParkedCommand, ParkedFilter, drop, parked_commands, replay
from core.store.payments.parked import ParkedPayment, PaymentNotParkedError, parked_payments, replay_payment
from core.wire.answers import Done
from core.wire.vocabulary import Micros, micros

T = TypeVar("T")


class ParkedQuery(Struct, frozen=True):
    limit: Limit = LIMIT_DEFAULT


class ParkedCommandShown(Struct, frozen=True, kw_only=True):
    id: UUID
    type: str
    contract: str
    owner: str | None
    accepted_at: Micros
    parked_at: Micros
    why: str
    """The kind of error that it failed with."""


class ParkedPaymentShown(Struct, frozen=True, kw_only=True):
    id: UUID
    booking_id: int
    state: str
    amount_minor: int
    currency: str
    tries: int
    problem: str | None
    parked_at: Micros | None


class ParkedCommandList(Done, frozen=True, kw_only=True):
    message: str = "Parked commands retrieved successfully"
    data: list[ParkedCommandShown]


class ParkedPaymentList(Done, frozen=True, kw_only=True):
    message: str = "Parked payments retrieved successfully"
    data: list[ParkedPaymentShown]


class Replayed(Done, frozen=True, kw_only=True):
    message: str = "The command was sent again"
    command_id: UUID
    """The new command's: `GET /api/commands/{id}/` follows it."""


class Dropped(Done, frozen=True, kw_only=True):
    message: str = "The command was dropped"


class PaymentReplayed(Done, frozen=True, kw_only=True):
    message: str = "The payment is tried again at once"


class _Operated:
    """Rare work of few people, by the functions of the command line: on a connection of its own, in a thread."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    async def _on(self, act: Callable[[Connection], T]) -> T:
        """Raises Problem 409 for what is not parked."""

        def work() -> T:
            with connect_lane(self._url, "holdfast parked") as connection:
                return act(connection)

        try:
            return await asyncio.to_thread(work)
        except (NotParkedError, PaymentNotParkedError) as problem:
            raise Problem(409, "not_parked", str(problem)) from None


class ParkedCommands(_Operated):
    @operation(
        "List the commands that were given up on, the oldest first",
        description="Those that were replayed or dropped are not listed any more.",
        query=ParkedQuery,
        answers={200: ParkedCommandList},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, ParkedQuery)
        found = await self._on(lambda connection: parked_commands(connection, ParkedFilter(), asked.limit))
        respond(resp, ParkedCommandList(data=[_command(one) for one in found]))

    @operation("Drop a command that was given up on", answers={200: Dropped}, refuses=("not_parked",))
    async def on_delete_one(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, command_id: UUID) -> None:
        await self._on(lambda connection: drop(connection, command_id, author(req)))
        respond(resp, Dropped())

    @operation(
        "Send a command that was given up on again",
        description="As its sender sent it, once its cause is mended. It is a new command, and decided anew.",
        answers={200: Replayed},
        refuses=("not_parked",),
    )
    async def on_post_replay(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, command_id: UUID) -> None:
        new = await self._on(lambda connection: replay(connection, command_id, author(req)))
        respond(resp, Replayed(command_id=new))


class ParkedPayments(_Operated):
    @operation(
        "List the payments that were given up on, the oldest first",
        query=ParkedQuery,
        answers={200: ParkedPaymentList},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, ParkedQuery)
        found = await self._on(lambda connection: parked_payments(connection, asked.limit))
        respond(resp, ParkedPaymentList(data=[_payment(one) for one in found]))

    @operation(
        "Try a payment that was given up on again",
        description="The provider is asked first what it knows, so nothing is charged or refunded twice.",
        answers={200: PaymentReplayed},
        refuses=("not_parked",),
    )
    async def on_post_replay(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, payment_id: UUID) -> None:
        await self._on(lambda connection: replay_payment(connection, payment_id, author(req)))
        respond(resp, PaymentReplayed())


def _command(one: ParkedCommand) -> ParkedCommandShown:
    return ParkedCommandShown(
        id=one.id,
        type=one.type,
        contract=one.contract,
        owner=one.owner,
        accepted_at=micros(one.accepted_at),
        parked_at=micros(one.parked_at),
        why=one.why,
    )


def _payment(one: ParkedPayment) -> ParkedPaymentShown:
    return ParkedPaymentShown(
        id=one.id,
        booking_id=one.booking_id,
        state=one.state,
        amount_minor=one.amount_minor,
        currency=one.currency,
        tries=one.tries,
        problem=one.problem,
        parked_at=micros(one.parked_at) if one.parked_at else None,
    )


def add_parked_routes(app: falcon.asgi.App[Any, Any], database_url: str) -> None:
    commands, payments = ParkedCommands(database_url), ParkedPayments(database_url)
    app.add_route("/api/admin/parked/commands", commands)
    app.add_route("/api/admin/parked/commands/{command_id:uuid}", commands, suffix="one")
    app.add_route("/api/admin/parked/commands/{command_id:uuid}/replay", commands, suffix="replay")
    app.add_route("/api/admin/parked/payments", payments)
    app.add_route("/api/admin/parked/payments/{payment_id:uuid}/replay", payments, suffix="replay")
