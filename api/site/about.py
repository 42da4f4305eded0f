"""`GET /api/site/`: what the pages need to know of this installation before anybody is signed in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import falcon.asgi
from msgspec import Struct

from api.http.responses import respond_encoded
from api.openapi import Content, operation
from core.identity.demo_accounts import ACCOUNTS, Account
from core.settings import Settings
from core.wire.outcomes import encode

Role = Literal["user", "practitioner", "staff", "superuser"]
PaymentsWord = Literal["none", "stripe", "stand-in"]
EXAMPLE = {
    "is_demo": False,
    "demo_accounts": [],
    "time_zone": "Europe/Berlin",
    "language": "en",
    "guests_may_book": False,
    "payments": "stripe",
    "sign_in_with": ["google"],
}


class DemoAccount(Struct, frozen=True, kw_only=True):
    username: str
    password: str
    role: Role


class Site(Struct, frozen=True, kw_only=True):
    is_demo: bool
    demo_accounts: list[DemoAccount]
    """Everybody knows them. Outside the demo there are none."""
    time_zone: str
    """IANA: of new resources that name none."""
    language: str
    """Of mails to those who have chosen none."""
    guests_may_book: bool
    """Whether the desk's services can be booked without a login."""
    payments: PaymentsWord
    """`stand-in`: the demo's own; nothing is charged."""
    sign_in_with: list[str]
    """Providers beside passwords: `google`, `github`."""


class About:
    """The settings do not change while a process lives: its answer is written once."""

    def __init__(self, settings: Settings, providers: Collection[str]) -> None:
        self._body = encode(site(settings, providers))

    @operation("Say what a page needs to know of this installation", answers={200: Content(Site, example=EXAMPLE)})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond_encoded(resp, self._body)


def site(settings: Settings, providers: Collection[str]) -> Site:
    return Site(
        is_demo=settings.demo,
        demo_accounts=[_shown(account) for account in ACCOUNTS] if settings.demo else [],
        time_zone=settings.time_zone,
        language=settings.language,
        guests_may_book=settings.public_writes,
        payments=payments_word(settings),
        sign_in_with=sorted(providers),
    )


def payments_word(settings: Settings) -> PaymentsWord:
    if settings.stripe is None:
        return "none"
    return "stand-in" if settings.pays_at_stand_in else "stripe"


def _shown(account: Account) -> DemoAccount:
    roles: dict[Role, bool] = {
        "superuser": account.is_superuser,
        "staff": account.is_staff,
        "practitioner": account.is_practitioner,
        "user": True,
    }
    role = next(role for role, has_it in roles.items() if has_it)
    return DemoAccount(username=account.username, password=account.password, role=role)
