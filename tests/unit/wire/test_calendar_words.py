"""The calendar's words: what is upcoming, what is past, and what its feed says of an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from core.domain.bookings.status import Status
from core.store.feed import FeedEvent
from core.store.feed_events import SlotFacts
from core.wire.contracts.calendar import booking_body, status_word
from notifier.feeds import CALENDAR_STAFF, CALENDAR_USERS
from notifier.news import AudienceView, slot_news
from tests.support.values import NOW, booking

HOUR = timedelta(hours=1)
FACTS = SlotFacts(7, 1, "Cat 1", NOW, NOW + HOUR, True, 5)


@pytest.mark.parametrize(
    ("status", "ends_at", "word"),
    [
        (Status.HELD, NOW - HOUR, "upcoming"),
        (Status.CONFIRMED, NOW + HOUR, "upcoming"),
        (Status.CONFIRMED, NOW, "past"),
        (Status.IN_PROGRESS, NOW - HOUR, "upcoming"),
        (Status.COMPLETED, NOW + HOUR, "past"),
        (Status.NO_SHOW, NOW + HOUR, "past"),
        (Status.CANCELLED, NOW + HOUR, "cancelled"),
        (Status.EXPIRED, NOW - HOUR, "cancelled"),
    ],
)
def test_a_booking_is_upcoming_until_it_ends_or_somebody_ends_it(status: Status, ends_at: datetime, word: str) -> None:
    assert status_word(status, ends_at, NOW) == word


def test_another_contract_s_booking_has_no_time_slot() -> None:
    assert booking_body(booking(), 1, NOW).time_slot is None


def event(type_: str, **data: Any) -> FeedEvent:
    text = msgspec.json.encode(data).decode()
    return FeedEvent(1, type_, 1, UUID(int=7), True, 3, 1, None, "a", "calendar", "r", text, datetime.now(UTC))


def told(type_: str, **data: Any) -> str | None:
    found = slot_news(event(type_, **data))
    return None if found is None else found.type


def test_only_what_takes_or_frees_a_slot_is_news_of_bookings() -> None:
    freed = msgspec.structs.replace(FACTS, is_booked=False)
    assert told("booking_created", slot=FACTS) == "booking_created"
    assert told("booking_updated", slot=freed, was="confirmed", now="cancelled") == "booking_cancelled"
    assert told("booking_updated", slot=FACTS, was="confirmed", now="completed") is None
    assert told("booking_updated", slot=freed, was="cancelled", now="cancelled") is None
    assert told("booking_deleted", slot=freed, was="completed") == "booking_cancelled"
    assert told("booking_deleted", slot=freed, was="cancelled") is None
    assert told("booking_created", reason='has the word "slot" in it') is None


def test_each_face_of_an_event_is_for_others_and_only_two_show_the_booking() -> None:
    found = slot_news(event("booking_created", slot=FACTS))
    assert found is not None
    assert found.views() == [
        (AudienceView.EVERYBODY, (CALENDAR_USERS,), "calendar:user:5"),
        (AudienceView.STAFF, (CALENDAR_STAFF,), "calendar:user:5"),
        (AudienceView.OWNER, ("calendar:user:5",), None),
    ]
    shown = {face: msgspec.to_builtins(found.data(face)) for face in AudienceView}
    assert "booking_id" not in shown[AudienceView.EVERYBODY]
    assert [shown[face]["booking_id"] for face in (AudienceView.STAFF, AudienceView.OWNER)] == [3, 3]
    assert [face for face in AudienceView if shown[face]["booked_by_me"]] == [AudienceView.OWNER]
