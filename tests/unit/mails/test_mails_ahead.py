"""Mails that come due by the clock: when each is planned for, under which key, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from core.domain.bookings.status import Status
from core.mails.kinds import MailKind
from core.mails.mails_ahead import mails_ahead
from core.store.deliveries.values import NewDelivery
from core.store.feed import FeedEvent
from core.store.mails.facts import BookingState

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
DAY, HOUR = 86_400, 3_600
EVENT = FeedEvent(1, "booking_updated", 1, uuid4(), True, 7, 1, "user:1", "user:1", "rooms", "r", None, NOW)
CONFIRMED = BookingState(Status.CONFIRMED, 1, False, 1, 2, starts_at=NOW + timedelta(days=3))
HELD = replace(CONFIRMED, status=Status.HELD, hold_expires_at=NOW + timedelta(minutes=30))


def planned(booking: BookingState, *before_s: int, event: FeedEvent = EVENT) -> list[NewDelivery]:
    return list(mails_ahead(event, booking, before_s))


def test_a_confirmed_booking_is_reminded_of_at_each_time_before_its_start() -> None:
    found = planned(CONFIRMED, DAY, HOUR)
    assert [one.due_at for one in found] == [NOW + timedelta(days=2), NOW + timedelta(days=3, hours=-1)]
    assert {(one.receiver, one.type, one.once) for one in found} == {("user:1", MailKind.REMINDER, True)}
    assert len({one.key for one in found}) == 2


def test_a_moment_that_was_past_when_it_was_booked_brings_no_reminder_however_late_it_is_planned() -> None:
    soon = replace(CONFIRMED, starts_at=NOW + timedelta(hours=5))
    assert [one.due_at for one in planned(soon, DAY, HOUR)] == [NOW + timedelta(hours=4)]


def test_another_start_has_a_reminder_of_its_own_and_the_same_one_is_planned_once() -> None:
    moved = replace(CONFIRMED, starts_at=NOW + timedelta(days=5))
    later = replace(EVENT, number=2, command_id=uuid4(), at=NOW + timedelta(minutes=1))
    (first,), (again,), (after,) = planned(CONFIRMED, DAY), planned(CONFIRMED, DAY, event=later), planned(moved, DAY)
    assert first.id_of("mails") == again.id_of("mails") != after.id_of("mails")


def test_people_are_reminded_as_they_wish() -> None:
    def receivers(**wishes: bool) -> list[str]:
        return [one.receiver for one in planned(replace(CONFIRMED, **wishes), DAY)]

    assert receivers(practitioner_reminders=True) == ["user:1", "user:2"]
    assert receivers(client_reminders=False) == []
    assert receivers(client_reminders=False, practitioner_reminders=True) == ["user:2"]
    own = replace(CONFIRMED, practitioner_user_id=1, practitioner_reminders=True)
    assert [one.receiver for one in planned(own, DAY)] == ["user:1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.CANCELLED},
        {"status": Status.HELD},
        {"status": Status.IN_PROGRESS},
        {"is_deleted": True},
        {"starts_at": None},
    ],
)
def test_nothing_else_is_reminded_of(changes: dict[str, Any]) -> None:
    assert planned(replace(CONFIRMED, **changes), DAY) == []


def test_a_hold_is_told_to_end_when_a_third_of_its_time_is_left() -> None:
    (found,) = planned(HELD, DAY)
    assert (found.type, found.receiver, found.due_at) == (MailKind.HOLD_ENDS, "user:1", NOW + timedelta(minutes=20))
    longer = replace(HELD, hold_expires_at=NOW + timedelta(hours=1))
    assert planned(longer)[0].key != found.key


@pytest.mark.parametrize("changes", [{"is_part": True}, {"hold_expires_at": NOW + timedelta(minutes=15)}])
def test_a_short_hold_and_a_part_of_a_purchase_are_not_told_of(changes: dict[str, Any]) -> None:
    assert planned(replace(HELD, **changes)) == []
