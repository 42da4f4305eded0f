"""Which event of a booking leads to which mail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from core.domain.bookings.status import Status
from core.mails.kinds import ABOUT, MailKind, is_about_a_booking, mail_after
from core.store.feed import FeedEvent
from core.store.mails.facts import BookingState

AT = datetime(2030, 1, 7, 9, tzinfo=UTC)


def event(type_: str, version: int | None = 1, **data: object) -> FeedEvent:
    facts = msgspec.json.encode(data).decode() if data else None
    return FeedEvent(1, type_, 1, uuid4(), True, 7, version, "user:1", "user:1", "rooms", "r", facts, AT)


def booking(status: Status, version: int = 1, *, had_to_wait: bool = False) -> BookingState:
    return BookingState(status, version, had_to_wait, 1, None)


@pytest.mark.parametrize(
    ("was", "now", "moved", "kind"),
    [
        (Status.HELD, Status.CONFIRMED, False, MailKind.CONFIRMATION),
        (Status.DRAFT, Status.CONFIRMED, False, MailKind.CONFIRMATION),
        (Status.EXPIRED, Status.CONFIRMED, False, MailKind.CONFIRMATION),
        (Status.CONFIRMED, Status.CONFIRMED, True, MailKind.CHANGE),
        (Status.CONFIRMED, Status.CONFIRMED, False, None),
        (Status.CONFIRMED, Status.CANCELLED, False, MailKind.CANCELLATION),
        (Status.HELD, Status.CANCELLED, False, None),
        (Status.HELD, Status.EXPIRED, False, None),
        (Status.HELD, Status.HELD, True, None),
        (Status.CONFIRMED, Status.COMPLETED, False, None),
        (Status.CONFIRMED, Status.IN_PROGRESS, False, None),
        (Status.CONFIRMED, Status.NO_SHOW, False, None),
    ],
)
def test_a_change_leads_to_the_mail_of_what_it_changes_for_the_guest(
    was: Status, now: Status, moved: object, kind: MailKind | None
) -> None:
    told = event("booking_updated", was=was, now=now, **({"moved": True} if moved else {}))
    assert mail_after(told, booking(now)) is kind


@pytest.mark.parametrize("status", Status)
def test_a_booking_that_is_made_is_confirmed_by_mail_only_if_it_is_confirmed(status: Status) -> None:
    found = mail_after(event("booking_created"), booking(status))
    assert found is (MailKind.CONFIRMATION if status is Status.CONFIRMED else None)


@pytest.mark.parametrize("had_to_wait", [False, True], ids=["at once", "after a hold"])
def test_a_booking_that_has_gone_on_since_is_confirmed_once(had_to_wait: Any) -> None:
    """One that was held first has an event of its own for its confirmation."""
    found = mail_after(event("booking_created"), booking(Status.CONFIRMED, 2, had_to_wait=had_to_wait))
    assert found is (None if had_to_wait else MailKind.CONFIRMATION)


@pytest.mark.parametrize("type_", ["payment_updated", "booking_deleted", "timeslot_updated", "command_failed"])
def test_other_events_lead_to_no_mail(type_: str) -> None:
    assert not is_about_a_booking(event(type_))
    assert mail_after(event(type_), booking(Status.CONFIRMED)) is None


def test_every_kind_about_a_booking_says_what_its_booking_must_be() -> None:
    assert ABOUT.keys() == set(MailKind) - {MailKind.ADDRESS}
