"""`/api/user/credits/` and `/api/user/waiting-places/`: what somebody has that is no booking."""

from __future__ import annotations

import falcon.asgi
from msgspec import Struct
from msgspec.structs import asdict

from api.http.responses import respond
from api.openapi import operation
from core.store.connections.pool import Pool
from core.store.marketplace.own_lists import (
    LISTED_MAX,
    OwnCredits,
    OwnWaitingPlace,
    credits_of,
    waiting_places_of,
)
from core.wire.answers import Done
from core.wire.vocabulary import Zulu, zulu


class CreditsShown(Struct, frozen=True, kw_only=True):
    """What is left of one bundle."""

    booking_id: int
    """The bundle's own booking."""
    bundle: str
    granted: int
    balance: int
    expires_at: Zulu
    is_paid: bool
    """They pay for nothing before the bundle itself is paid."""
    services: list[str]
    """What they pay for."""


class CreditList(Done, frozen=True, kw_only=True):
    message: str = "Credits retrieved successfully"
    data: list[CreditsShown]


class WaitingPlaceShown(Struct, frozen=True, kw_only=True):
    session_id: int
    """Leave it with `DELETE /api/v1/drf/sessions/{session_id}/waiting-list/`."""
    service_name: str
    title: str
    starts_at: Zulu
    ends_at: Zulu
    time_zone: str
    position: int
    """From 1: the next free seat."""
    created_at: Zulu


class WaitingPlaceList(Done, frozen=True, kw_only=True):
    message: str = "Waiting places retrieved successfully"
    data: list[WaitingPlaceShown]


class OwnLists:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "List one's own credits",
        description=f"Of bundles that can still be used, the soonest to expire first; {LISTED_MAX} at most.",
        answers={200: CreditList},
    )
    async def on_get_credits(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            found = await credits_of(connection, req.context.principal.user_id)
        respond(resp, CreditList(data=[_credits(one) for one in found]))

    @operation(
        "List one's own places in waiting lists",
        description=f"Of all sessions, in the order in which they were taken; {LISTED_MAX} at most.",
        answers={200: WaitingPlaceList},
    )
    async def on_get_waiting_places(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            found = await waiting_places_of(connection, req.context.principal.user_id)
        respond(resp, WaitingPlaceList(data=[_place(one) for one in found]))


def _credits(one: OwnCredits) -> CreditsShown:
    return CreditsShown(**{**asdict(one), "expires_at": zulu(one.expires_at)})


def _place(one: OwnWaitingPlace) -> WaitingPlaceShown:
    times = {name: zulu(getattr(one, name)) for name in ("starts_at", "ends_at", "created_at")}
    return WaitingPlaceShown(**{**asdict(one), **times})
