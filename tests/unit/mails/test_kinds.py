"""Which event of a booking leads to which mail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from core.domain.bookings.status import Status
from core.mails.kinds import ABOUT, READERS, MailKind, Role, is_about_a_booking, mail_after, money_mail_after
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


@pytest.mark.parametrize("type_", ["booking_deleted", "timeslot_updated", "command_failed", "payment_ready"])
def test_other_events_lead_to_no_mail(type_: str) -> None:
    assert not is_about_a_booking(event(type_))
    assert mail_after(event(type_), booking(Status.CONFIRMED)) is None
    assert money_mail_after(event(type_)) is None


def test_an_offered_seat_is_told_to_the_client_alone() -> None:
    assert mail_after(event("seat_offered"), booking(Status.HELD)) is MailKind.OFFER
    assert READERS[MailKind.OFFER] == {Role.CLIENT}


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"was": "open", "state": "succeeded"}, MailKind.PAYMENT_RECEIVED),
        ({"was": "closing", "state": "refunding", "refund_reason": "late_payment"}, MailKind.PAYMENT_RECEIVED),
        ({"was": "succeeded", "state": "succeeded"}, None),
        ({"was": "open", "state": "open", "decline": "card_declined"}, MailKind.PAYMENT_FAILED),
        ({"was": "creating", "state": "failed", "decline": "api_key_expired"}, MailKind.PAYMENT_FAILED),
        ({"was": "open", "state": "open"}, None),
        ({"was": "open", "state": "canceled"}, None),
        ({"was": "open", "state": "processing"}, None),
        ({"was": "succeeded", "state": "refunding"}, None),
        ({"was": "refunding", "state": "refunded", "refunded_minor": 500}, MailKind.REFUND),
        ({"was": "returning", "state": "succeeded", "refunded_minor": 200}, MailKind.REFUND),
        ({"was": "refunding", "state": "refund_failed", "decline": "failed"}, None),
        ({"state": "succeeded"}, None),
        ({"state": "refunded", "refunded_minor": 500}, None),
    ],
)
def test_a_payment_is_told_when_it_came_failed_or_went_back(facts: dict[str, Any], kind: MailKind | None) -> None:
    """Without the state before, an earlier release wrote the event."""
    found = money_mail_after(event("payment_updated", payment_id="p", attempt="1", **facts))
    assert (found and found.kind) is kind


def test_each_amount_that_has_gone_back_is_told_once_and_a_failure_once_a_payment() -> None:
    def key(**facts: Any) -> str:
        found = money_mail_after(event("payment_updated", payment_id="p", **facts))
        assert found is not None
        return found.key

    first, again = (
        key(was="refunding", state="refunded", refunded_minor=500),
        key(was="refunded", state="refunded", refunded_minor=500),
    )
    assert first == again
    assert first != key(was="returning", state="succeeded", refunded_minor=200)
    assert key(was="open", state="open", decline="a") == key(was="open", state="open", decline="b")


def test_every_kind_about_a_booking_says_what_its_booking_must_be() -> None:
    assert ABOUT.keys() == set(MailKind) - {MailKind.ADDRESS}
