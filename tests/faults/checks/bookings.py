"""What was booked: computed from the bookings' own times, seats and credits, whatever a constraint says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from core.domain.bookings.status import KEEPS_SLOT, TAKES_TIME
from core.domain.marketplace.counts import KEEPS_SEAT
from tests.faults.checks.facts import Booking, Facts
from tests.faults.checks.finding import Finding, some

Interval = tuple[datetime, datetime, str]
TAKES_NO_TIME = frozenset({"package", "bundle", "course", "workshop"})
"""Parents and bundles take none, seats take their session's."""


def overlaps(facts: Facts) -> Finding:
    by_resource: defaultdict[int, list[Interval]] = defaultdict(list)
    for one in facts.bookings:
        if one.status in TAKES_TIME and not one.is_deleted and not one.session_id and one.kind not in TAKES_NO_TIME:
            by_resource[one.resource_id].append((one.starts_at, one.ends_at, f"booking {one.id}"))
    for session in facts.sessions:
        if not session.is_cancelled:
            by_resource[session.resource_id].append((session.starts_at, session.ends_at, f"session {session.id}"))
    wrong = [pair for taken in by_resource.values() for pair in overlapping(taken)]
    counted = sum(map(len, by_resource.values()))
    return Finding("no two at one time", counted, "bookings and sessions", some(wrong, "overlap"))


def overlapping(taken: Iterable[Interval]) -> list[str]:
    """Each that begins before one that began earlier has ended."""
    found, last = [], None
    for one in sorted(taken):
        if last is not None and one[0] < last[1]:
            found.append(f"{last[2]} and {one[2]}")
        last = one if last is None or one[1] > last[1] else last
    return found


def time_slots(facts: Facts) -> Finding:
    taken = Counter(one.time_slot_id for one in facts.bookings if one.time_slot_id and _keeps(one))
    wrong = some((slot for slot, times in taken.items() if times > 1), "time slots have several bookings")
    return Finding("a time slot has one booking", len(taken), "time slots taken", wrong, may_be_nothing=True)


def _keeps(one: Booking) -> bool:
    return one.status in KEEPS_SLOT and not one.is_deleted


def seats(facts: Facts) -> Finding:
    taken = Counter(one.session_id for one in facts.bookings if _has_seat(one))
    wrong = [
        *some((s.id for s in facts.sessions if taken[s.id] > s.capacity), "sessions have more people than seats"),
        *some((s.id for s in facts.sessions if taken[s.id] != s.seats_taken), "sessions count their seats wrong"),
    ]
    return Finding(
        "no seat over capacity", sum(taken.values()), "seats taken", wrong, may_be_nothing=not facts.sessions
    )


def _has_seat(one: Booking) -> bool:
    return one.session_id is not None and one.status in KEEPS_SEAT and not one.is_deleted


def persons(facts: Facts) -> Finding:
    seated = Counter((one.session_id, one.user_id) for one in facts.bookings if _has_seat(one))
    wrong = some((pair for pair, times in seated.items() if times > 1), "people sit twice in a session")
    return Finding("nobody twice in a session", len(seated), "people seated", wrong, may_be_nothing=not facts.sessions)


def credits_(facts: Facts) -> Finding:
    """What is left of each bundle is what was granted without what is used."""
    used = Counter(one.credit_id for one in facts.bookings if one.credit_id and _is_paid_for(one))
    wrong = [
        *some((c.booking_id for c in facts.credits if c.balance < 0), "bundles are overdrawn"),
        *some((c.booking_id for c in facts.credits if c.granted - used[c.booking_id] != c.balance), "bundles miscount"),
    ]
    return Finding("credits add up", len(facts.credits), "bundles", wrong, may_be_nothing=True)


def _is_paid_for(one: Booking) -> bool:
    return one.status not in {"cancelled", "expired"}


def holds_end(facts: Facts, trouble: Sequence[tuple[datetime, datetime]], late_s: float) -> Finding:
    """Lapsed holds end within `late_s`, apart from times of trouble."""
    ends = [(one, one.updated_at) for one in facts.bookings if one.status == "expired"]
    ends += [(one, facts.now) for one in facts.bookings if one.status == "held" and not one.is_deleted]
    lapsed = [(one, done) for one, done in ends if one.hold_expires_at is not None and one.hold_expires_at < done]
    late = [
        f"booking {one.id} ({one.status}) by {by:.0f} s"
        for one, done in lapsed
        if (by := _late_by_s(one, done, trouble)) > late_s
    ]
    return Finding("holds end in time", len(lapsed), "holds lapsed", some(late, "ended late"), may_be_nothing=True)


def _late_by_s(one: Booking, done: datetime, trouble: Sequence[tuple[datetime, datetime]]) -> float:
    assert one.hold_expires_at is not None
    due = one.hold_expires_at
    hindered = sum(max(0.0, (min(done, end) - max(due, begin)).total_seconds()) for begin, end in trouble)
    return (done - due).total_seconds() - hindered
