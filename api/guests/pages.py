"""The pages that a mail's links open: small, without scripts, cookies and forms with fields of their own.

A GET changes nothing, since mail scanners open links too; a POST comes from a page that asks once more. It is answered
with the page to see next.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import falcon.asgi
import msgspec
from msgspec import Struct

from api.guests.guest_booking import GuestCommands, GuestMove
from api.guests.links import GuestLinks, unknown_link
from api.http.error_codes import all_codes, description_of
from api.http.errors import Problem, invalid
from api.http.fields import CLOCK, DAY, ClockText, DayText
from api.http.parameters import Word, read_query
from api.openapi import Content, operation
from core.domain.bookings.status import Status
from core.domain.resources.local_time import instant
from core.identity.principals import hash_token
from core.mails.planned_mails import confirm_bookings
from core.store.connections.pool import Pool
from core.store.mails import addresses
from core.store.mails.facts import MailFacts
from core.wire.errors import FieldProblem

if TYPE_CHECKING:
    from jinja2 import Environment

    from core.mails.languages import Language

STYLE = (
    "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:5vh auto;padding:0 1rem;color:#222}"
    "dt{font-weight:600}dd{margin:0 0 .6rem;overflow-wrap:anywhere}"
    "button,input{font:inherit;padding:.4rem .8rem}[role=alert]{border-inline-start:.3rem solid #b00;padding-inline-start:.8rem}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HTML = Content(media_type="text/html")
NEXT_PAGE = {303: Content(media_type="")}
WAITS = "waits"
"""Instead of a code: what was asked for is not decided yet."""

STATUS_WORDS: Mapping[Status, str] = {
    Status.DRAFT: "not confirmed yet",
    Status.HELD: "held until it is paid",
    Status.CONFIRMED: "confirmed",
    Status.IN_PROGRESS: "under way",
    Status.COMPLETED: "over",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "expired",
    Status.NO_SHOW: "missed",
}
"""In English; the catalogues have the other languages' words."""


class Told(Struct, frozen=True):
    problem: Word = ""
    """Why the last request was refused: one of the error shape's codes."""


class WantedTime(Struct, frozen=True):
    start_date: DayText | None = None
    start_time: ClockText | None = None


class AddressAnswer(Struct, frozen=True):
    answer: Literal["yes", "no"] | None = None


class Pages:
    """Writes pages in the installation's language. Templates and language are loaded for the first page."""

    def __init__(self, code: str) -> None:
        self._code = code

    @cached_property
    def language(self) -> Language:
        from core.mails.languages import language  # noqa: PLC0415 - Babel, for pages that not every process writes

        return language(self._code)

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - as above

        made = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.install_gettext_translations(self.language.translations, newstyle=True)  # type: ignore[attr-defined]
        return made

    def write(self, resp: falcon.asgi.Response, name: str, **values: Any) -> None:
        known = {"language": self.language.code, "direction": self.language.direction, "style": STYLE}
        resp.data = self._environment.get_template(name).render(**known, **values).encode()
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", POLICY)
        resp.set_header("Referrer-Policy", "no-referrer")


class GuestPage:
    """`/guest/{token}/`, and the pages that ask once more before a booking is cancelled or moved."""

    def __init__(self, links: GuestLinks, commands: GuestCommands, pages: Pages) -> None:
        self._links = links
        self._commands = commands
        self._pages = pages

    @operation(
        "The page of a guest's booking",
        query=Told,
        answers={200: HTML},
        refuses=("too_many_requests",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        problem = read_query(req, Told).problem
        facts = await self._links.follow(req, resp, token)
        words = self._pages.language.say(description_of(problem)) if problem in all_codes() else ""
        await self._write(resp, "booking.html", token, facts, problem=words.replace("`", ""), waits=problem == WAITS)

    @operation(
        "The page that asks whether to cancel",
        answers={200: HTML},
        refuses=("too_many_requests",),
    )
    async def on_get_cancel(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        await self._write(resp, "cancel.html", token, await self._links.follow(req, resp, token))

    @operation(
        "Cancel, from the page that asks",
        answers=NEXT_PAGE,
        refuses=("too_many_requests",),
    )
    async def on_post_cancel(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        facts = await self._links.follow(req, resp, token)
        await _then_see(resp, token, self._commands.cancel(req, resp, facts.booking))

    @operation(
        "The page that asks for another time, and whether to move to it",
        query=WantedTime,
        answers={200: HTML},
        refuses=("too_many_requests",),
    )
    async def on_get_move(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        asked = read_query(req, WantedTime)
        facts = await self._links.follow(req, resp, token)
        values = {"date": asked.start_date or "", "time": asked.start_time or "", "wanted": self._wanted(asked, facts)}
        await self._write(resp, "move.html", token, facts, **values)

    @operation(
        "Move, from the page that asks",
        query=WantedTime,
        answers=NEXT_PAGE,
        refuses=("too_many_requests",),
    )
    async def on_post_move(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        chosen = read_query(req, WantedTime)
        facts = await self._links.follow(req, resp, token)
        if chosen.start_date is None or chosen.start_time is None:
            raise invalid([FieldProblem("start_date", "Choose a day and a time")])
        wanted = GuestMove(chosen.start_date, chosen.start_time)
        await _then_see(resp, token, self._commands.move(req, resp, facts, wanted))

    def _wanted(self, asked: WantedTime, facts: MailFacts) -> str:
        """The time that was chosen, in words; "" if none was, or the clocks skip it."""
        if asked.start_date is None or asked.start_time is None:
            return ""
        starts = instant(DAY(asked.start_date), CLOCK(asked.start_time), facts.zone)
        return "" if starts is None else self._when(starts, facts)

    def _when(self, starts: Any, facts: MailFacts) -> str:
        spoken, ends = self._pages.language, starts + timedelta(minutes=facts.booking.duration_minutes)
        return f"{spoken.day(starts, facts.zone)}, {spoken.clock(starts, facts.zone)} \u2013 {spoken.clock(ends, facts.zone)}"

    async def _write(self, resp: falcon.asgi.Response, name: str, token: str, facts: MailFacts, **values: Any) -> None:
        shown, spoken = await self._links.shown(facts), self._pages.language
        booking, has_time = facts.booking, shown.starts_at is not None
        known = {
            "booking": shown,
            "path": f"/guest/{token}/",
            "file": f"/api/guest/bookings/{token}/booking.ics",
            "status": spoken.say(STATUS_WORDS[booking.status]),
            "when": f"{spoken.day(booking.starts_at, facts.zone)}, {spoken.clock(booking.starts_at, facts.zone)}"
            if has_time
            else "",
            "until": spoken.clock(booking.ends_at, facts.zone),
            "zone_name": spoken.zone(booking.starts_at, facts.zone),
            "price": spoken.money(booking.price_minor, booking.currency) if booking.price_minor else "",
        }
        self._pages.write(resp, name, **known, **values)


class AddressPage:
    """`/guest/addresses/{token}/`: whether an address that somebody else gave wants mails."""

    def __init__(self, links: GuestLinks, pool: Pool, pages: Pages) -> None:
        self._links = links
        self._pool = pool
        self._pages = pages

    @operation(
        "The page that asks whether an address wants mails",
        query=AddressAnswer,
        answers={200: HTML},
        refuses=("too_many_requests",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        asked = read_query(req, AddressAnswer).answer
        await self._links.spend(req)
        async with self._pool.connection() as connection:
            is_confirmed = await addresses.find_asked(connection, hash_token(token))
        if is_confirmed is None:
            raise unknown_link()
        answer = asked or ("yes" if is_confirmed else "")
        self._pages.write(resp, "address.html", path=f"/guest/addresses/{token}/", answer=answer)

    @operation(
        "Say whether an address wants mails",
        query=AddressAnswer,
        answers=NEXT_PAGE,
        refuses=("too_many_requests",),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        wants = read_query(req, AddressAnswer).answer == "yes"
        await self._links.spend(req)
        async with self._pool.connection() as connection, connection.transaction():
            user_id = await addresses.answer(connection, hash_token(token), yes=wants)
            if user_id is not None and wants:
                await confirm_bookings(connection, user_id)
        if user_id is None:
            raise unknown_link()
        _see(resp, f"/guest/addresses/{token}/?answer={'yes' if wants else 'no'}")


class _Coded(msgspec.Struct):
    code: str = ""


async def _then_see(resp: falcon.asgi.Response, token: str, running: Awaitable[None]) -> None:
    """Run a command and lead to the booking's page, which says why it was refused, if it was."""
    try:
        await running
        code = "" if resp.status_code == 200 else WAITS  # noqa: PLR2004 - a decision
        if resp.status_code >= 400:  # noqa: PLR2004 - RFC 9110: errors start here
            code = msgspec.json.decode(resp.data or b"{}", type=_Coded).code
    except Problem as problem:
        if problem.status >= 500 or problem.status == 429:  # noqa: PLR2004 - nothing that another choice would change
            raise
        code = problem.code
    resp.data = None
    _see(resp, f"/guest/{token}/" + (f"?problem={code}" if code else ""))


def _see(resp: falcon.asgi.Response, path: str) -> None:
    resp.status = 303
    resp.location = path
    resp.set_header("Referrer-Policy", "no-referrer")
