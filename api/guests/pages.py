"""The pages of a guest's booking, which a mail's link opens.

A GET changes nothing, since mail scanners open links too; a POST comes from a page that asks once more. It is answered
with the page to see next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import falcon.asgi
import msgspec
from msgspec import Struct

from api.guests.guest_booking import GuestCommands, GuestMove
from api.guests.links import GuestLinks
from api.guests.page_writer import HTML, NEXT_PAGE, Pages, see
from api.http.error_codes import all_codes, description_of
from api.http.errors import Problem, invalid
from api.http.fields import CLOCK, DAY, ClockText, DayText
from api.http.parameters import Word, read_query
from api.openapi import operation
from core.domain.bookings.status import Status
from core.domain.resources.local_time import instant
from core.store.mails.facts import MailFacts
from core.wire.errors import FieldProblem

if TYPE_CHECKING:
    from core.mails.languages import Language

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


class Plain(Struct, frozen=True):
    plain: Literal["1"] | None = None
    """So that the front door asks here, which has a page of its own at this address."""


class BookingLink:
    """`/b/{token}/`, as mails say it. The front door has a page there; this leads to the one that needs no script."""

    def __init__(self, links: GuestLinks) -> None:
        self._links = links

    @operation(
        "The link in mails, for browsers without scripts",
        query=Plain,
        answers=NEXT_PAGE,
        refuses=("too_many_requests",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        read_query(req, Plain)
        await self._links.follow(req, resp, token)
        see(resp, f"/guest/{token}/")


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
        words = self._spoken(req, facts).say(description_of(problem)) if problem in all_codes() else ""
        await self._write(
            req, resp, "booking.html", token, facts, problem=words.replace("`", ""), waits=problem == WAITS
        )

    @operation(
        "The page that asks whether to cancel",
        answers={200: HTML},
        refuses=("too_many_requests",),
    )
    async def on_get_cancel(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        await self._write(req, resp, "cancel.html", token, await self._links.follow(req, resp, token))

    @operation(
        "Cancel, from the page that asks",
        answers=NEXT_PAGE,
        refuses=("too_many_requests",),
    )
    async def on_post_cancel(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        facts = await self._links.follow(req, resp, token)
        await _thensee(resp, token, self._commands.cancel(req, resp, facts.booking))

    @operation(
        "The page that asks for another time, and whether to move to it",
        query=WantedTime,
        answers={200: HTML},
        refuses=("too_many_requests",),
    )
    async def on_get_move(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        asked = read_query(req, WantedTime)
        facts = await self._links.follow(req, resp, token)
        values = {
            "date": asked.start_date or "",
            "time": asked.start_time or "",
            "wanted": self._wanted(req, asked, facts),
        }
        await self._write(req, resp, "move.html", token, facts, **values)

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
        await _thensee(resp, token, self._commands.move(req, resp, facts, wanted))

    def _wanted(self, req: falcon.asgi.Request, asked: WantedTime, facts: MailFacts) -> str:
        """The time that was chosen, in words; "" if none was, or the clocks skip it."""
        if asked.start_date is None or asked.start_time is None:
            return ""
        starts = instant(DAY(asked.start_date), CLOCK(asked.start_time), facts.zone)
        return "" if starts is None else _when(starts, facts, self._spoken(req, facts))

    def _spoken(self, req: falcon.asgi.Request, facts: MailFacts) -> Language:
        return self._pages.language_for(req, facts.client_language)

    async def _write(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        name: str,
        token: str,
        facts: MailFacts,
        **values: Any,
    ) -> None:
        shown, spoken = await self._links.shown(facts), self._spoken(req, facts)
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
        self._pages.write(resp, name, spoken, **known, **values)


def _when(starts: datetime, facts: MailFacts, spoken: Language) -> str:
    ends = starts + timedelta(minutes=facts.booking.duration_minutes)
    return (
        f"{spoken.day(starts, facts.zone)}, {spoken.clock(starts, facts.zone)} \u2013 {spoken.clock(ends, facts.zone)}"
    )


class _Coded(msgspec.Struct):
    code: str = ""


async def _thensee(resp: falcon.asgi.Response, token: str, running: Awaitable[None]) -> None:
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
    see(resp, f"/guest/{token}/" + (f"?problem={code}" if code else ""))
