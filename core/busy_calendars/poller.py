"""One calendar at a time: fetched as webhooks are sent, read in a process apart, and what it says written down.

What cannot be fetched or read changes nothing but the calendar's state: its last known times stay closed.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import structlog

from core.busy_calendars.reading import read_apart
from core.calendars.busy_times import TIMES_MAX, BadCalendarError, BusyTimes
from core.deliveries.sender import Connections
from core.domain.resources.busy_times import merged
from core.domain.resources.local_time import Span
from core.outbound.client import Fetched, GuardedClient, Limits, NoAnswerError
from core.outbound.targets import BadTargetError, parse_target
from core.sealed_secrets import SecretBox, UnreadableSecretError, calendar_box
from core.settings import Settings
from core.store.calendars.busy_polls import (
    DueCalendar,
    ReadCalendar,
    note_ended,
    note_failed,
    note_read,
    note_unchanged,
    ours_among,
)

log = structlog.get_logger()

FILE_MAX_BYTES = 4 * 1024 * 1024
VALIDATOR_MAX_CHARS = 500
HORIZON_DAYS = 366
PAUSE_LONGEST_S = 6 * 3_600.0
JITTER = 0.1
LIMITS = Limits(total_s=30.0)
ACCEPT = "text/calendar, */*;q=0.1"
NOT_MODIFIED = 304


class CalendarPoller:
    def __init__(self, box: SecretBox, client: GuardedClient, *, loopback: bool, poll_s: float, kept_s: float) -> None:
        self._box = box
        self._client = client
        self._loopback = loopback
        self._poll_s = poll_s
        self._kept_s = kept_s

    def poll(self, connections: Connections, due: DueCalendar) -> str:
        """On a thread of its own; returns within the lease. What became of it, for the metrics."""
        if not due.sealed_url:
            with connections() as connection:
                note_ended(connection, due)
            return "ended"
        try:
            return self._answered(connections, due, self._fetch(due))
        except UnreadableSecretError:
            return self._failed(
                connections,
                due,
                "its URL was sealed with another HOLDFAST_SECRET_KEY: enter it again in a new calendar",
            )
        except (BadTargetError, NoAnswerError, BadCalendarError) as problem:
            return self._failed(connections, due, str(problem))

    def _fetch(self, due: DueCalendar) -> Fetched:
        target = parse_target(self._box.open(due.sealed_url), loopback=self._loopback)
        asked = {"If-None-Match": due.etag, "If-Modified-Since": due.last_modified}
        headers = {"Accept": ACCEPT} | {name: value for name, value in asked.items() if value is not None}
        return self._client.get(target, headers, FILE_MAX_BYTES)

    def _answered(self, connections: Connections, due: DueCalendar, fetched: Fetched) -> str:
        if fetched.status == NOT_MODIFIED and (due.etag or due.last_modified):
            with connections() as connection:
                note_unchanged(connection, due, "304: it has not changed", self._next_s())
            return "unchanged"
        if fetched.status != 200:  # noqa: PLR2004 - RFC 9110
            raise NoAnswerError(_words(fetched.status))
        if fetched.body is None:
            raise BadCalendarError(f"it is larger than {FILE_MAX_BYTES // 1024 // 1024} MiB")
        found = read_apart(fetched.body, due.zone, window_at(due.now))
        self._read(connections, due, fetched, found)
        return "read"

    def _read(self, connections: Connections, due: DueCalendar, fetched: Fetched, found: BusyTimes) -> None:
        with connections() as connection:
            ours = ours_among(connection, due.resource_id, found.by_uid)
            others = [span for uid, spans in found.by_uid.items() if uid not in ours for span in spans]
            times = merged([*found.times, *others])[:TIMES_MAX]
            answer = f"200: {len(times):,} busy times" + _apart(len(ours), found.unread)
            kept = ReadCalendar(times, answer, _validator(fetched.etag), _validator(fetched.last_modified))
            note_read(connection, due, kept, self._next_s())
        log.info("a calendar's busy times were read", calendar=due.id, times=len(times), unread=found.unread)

    def _failed(self, connections: Connections, due: DueCalendar, why: str) -> str:
        pause_s = min(self._poll_s * 2.0 ** min(due.failures, 16), max(PAUSE_LONGEST_S, self._poll_s))
        with connections() as connection:
            let_go = note_failed(connection, due, why, _shortened(pause_s), self._kept_s)
        log.warning("a calendar's busy times could not be read", calendar=due.id, why=why, times_let_go=let_go)
        return "failed"

    def _next_s(self) -> float:
        return _shortened(self._poll_s)


def window_at(now: datetime) -> Span:
    """The same for a whole day (UTC)."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=1), today + timedelta(days=HORIZON_DAYS)


def _words(status: int) -> str:
    if 300 <= status < 400:  # noqa: PLR2004 - the classes of RFC 9110
        return f"{status}: redirects are not followed; enter the URL that it leads to"
    return f"{status}: the calendar was not sent"


def _apart(ours: int, unread: int) -> str:
    """What was left out."""
    own = f", {ours:,} bookings of ours left out" if ours else ""
    return own + (f"; {unread:,} entries could not be read" if unread else "")


def _validator(value: str | None) -> str | None:
    """To be sent back as it came, if it is one that can be."""
    return value if value and len(value) <= VALIDATOR_MAX_CHARS and value.isascii() and value.isprintable() else None


def _shortened(pause_s: float) -> float:
    return pause_s * (1 - JITTER * random.random())  # noqa: S311 - spreads load, guards nothing


def calendar_poller(settings: Settings) -> CalendarPoller:
    """As a delivery worker has it."""
    return CalendarPoller(
        calendar_box(settings),
        GuardedClient(loopback=settings.webhooks_loopback, limits=LIMITS),
        loopback=settings.webhooks_loopback,
        poll_s=settings.busy_poll_s,
        kept_s=settings.busy_kept_days * 86_400.0,
    )
