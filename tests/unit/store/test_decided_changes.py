"""What decided commands leave in the audit log: one entry a command of staff and agent keys, and none of others."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import pytest

from core.domain.bookings.status import Status
from core.domain.commands import (
    ENGINE,
    Actor,
    ActorKind,
    Cancel,
    Command,
    EngineCommand,
    PaymentReport,
    RequestPayment,
    name_of,
)
from core.domain.events import BookingChanged, BookingUnchanged, Event, PaymentMade
from core.domain.marketplace.commands import OfferSeats
from core.domain.payments.values import Payment, PaymentState
from core.domain.refusals import CommandRefused, Refusal
from core.store.decided_changes import ACTIONS, audit_entries
from tests.support.values import NOW, booking, envelope

BY_THE_ENGINE = {*get_args(EngineCommand), *get_args(PaymentReport), OfferSeats}
CANCELLED = BookingChanged(booking(7, status=Status.CANCELLED), Status.CONFIRMED, freed=True, by="staff")
LAPSED = BookingChanged(booking(8, status=Status.EXPIRED), Status.HELD, freed=True, by=ENGINE.kind)


def test_every_command_that_somebody_sends_has_an_action() -> None:
    sent = {name_of(kind) for kind in get_args(Command) if kind not in BY_THE_ENGINE}
    assert ACTIONS.keys() == sent


@pytest.mark.parametrize("kind", ActorKind)
def test_only_staff_and_agent_keys_leave_an_entry(kind: ActorKind) -> None:
    found = audit_entries([(envelope(Cancel(7), Actor(kind, 2)), [CANCELLED])])
    assert len(found) == (kind in {ActorKind.STAFF, ActorKind.AGENT})


def test_what_the_engine_did_on_the_way_is_not_the_senders_doing() -> None:
    (entry,) = audit_entries([(envelope(Cancel(7), Actor(ActorKind.STAFF, 2)), [LAPSED, CANCELLED])])
    assert (entry.subject, entry.also, entry.before) == ("booking:7", [], {"status": Status.CONFIRMED})


@pytest.mark.parametrize(
    "event", [CommandRefused(Refusal.BOOKING_NOT_FOUND), BookingUnchanged(booking(7))], ids=["refused", "unchanged"]
)
def test_what_changed_nothing_leaves_none(event: Event) -> None:
    assert audit_entries([(envelope(Cancel(7), Actor(ActorKind.STAFF, 2)), [event])]) == []


def test_staff_who_pay_for_themselves_leave_an_entry() -> None:
    made = PaymentMade(Payment(UUID(int=7), 7, 1, 100, "usd", PaymentState.CREATING, NOW, NOW))
    command = RequestPayment(made.payment.booking_id, 100, "usd")
    (entry,) = audit_entries([(envelope(command, Actor(ActorKind.STAFF, 2)), [made])])
    assert (entry.action, entry.subject) == ("payment.requested", f"payment:{made.payment.id}")
