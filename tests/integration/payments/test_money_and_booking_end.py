"""Money and the end of a booking, in every order: it confirms, or it goes back, and says so."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client
from tests.support.payments.payer import BANK, EMPTY_CARD, Payer
from tests.support.wait import wait_until


def paid_but_unheard_of(payer: Payer, **changes: Any) -> tuple[int, str]:
    """A hold whose payment succeeded while no webhook came; (booking, intent)."""
    payer.stripe.webhooks("hold")
    booking = payer.hold(**changes)
    return booking, payer.pay(booking)["payment_intent_id"]


def refunds_of(payer: Payer, intent_id: str) -> list[int]:
    return [one["amount"] for one in payer.stripe.books()["refunds"] if one["payment_intent"] == intent_id]


def test_an_unpaid_hold_expires_and_its_intent_is_canceled_soon(payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.intent(booking)["payment_intent_id"]
    payer.lapse(booking)
    payer.wait_stands(booking, "expired", "pending")
    payer.wait_payments(booking, "canceled")
    assert payer.stripe.intent(intent)["status"] == "canceled"


def test_money_after_expiry_confirms_the_booking_while_its_time_is_free(payer: Payer) -> None:
    """Found by the cancellation, which fails because the intent succeeded; the webhook comes behind it."""
    booking, _ = paid_but_unheard_of(payer)
    payer.lapse(booking)
    payer.wait_stands(booking, "confirmed", "succeeded")
    payer.stripe.release(times=2)
    assert payer.reasons(booking) == ["hold expired", "late_payment"]
    assert payer.stands(booking) == ("confirmed", "succeeded")
    with payer.another() as rival:
        assert book_again(payer, rival) == 409


def book_again(payer: Payer, client: Any) -> int:
    body = {"room_id": payer.room, "booking_date": "2100-01-04", "start_time": "09:30:00", "end_time": "10:00:00"}
    return int(client.post("/api/bookings/", json=body).status_code)


def test_money_after_expiry_goes_back_when_the_time_is_taken_and_the_payer_is_told(payer: Payer) -> None:
    booking, intent = paid_but_unheard_of(payer)
    payer.stripe.hold("cancel", intent)  # so that the rival is there first
    payer.lapse(booking)
    with payer.another() as rival:
        taken = payer.hold(rival)  # a booking that wants the time of a lapsed hold expires it
        assert payer.stands(booking) == ("expired", "pending")
        payer.stripe.mend()
        payer.stripe.release()
        payer.wait_stands(booking, "expired", "refunded")
        assert refunds_of(payer, intent) == [Payer.PRICE_MINOR]
        assert payer.reasons(booking) == ["hold expired", "refund: late_payment", "refunded"]
        assert rival.get(f"/api/bookings/{taken}/").json()["status"] == "pending"


def test_money_for_a_booking_cancelled_meanwhile_goes_back(payer: Payer) -> None:
    booking, intent = paid_but_unheard_of(payer)
    assert payer.cancel(booking).status_code == 200
    payer.wait_stands(booking, "cancelled", "refunded")
    assert refunds_of(payer, intent) == [Payer.PRICE_MINOR]
    payer.stripe.release(times=2)
    payer.wait_payments(booking, "refunded")


def test_money_for_a_booking_deleted_meanwhile_goes_back(payer: Payer) -> None:
    booking, intent = paid_but_unheard_of(payer)
    assert payer.desk.delete(f"/api/admin/bookings/{booking}/delete/").status_code == 200
    payer.wait_payments(booking, "refunded")
    assert refunds_of(payer, intent) == [Payer.PRICE_MINOR]


def test_a_declined_intent_paid_after_all_while_a_new_one_was_asked_for_confirms_once(payer: Payer) -> None:
    booking = payer.hold()
    first = payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    payer.stripe.webhooks("hold")
    payer.stripe.pay(first["client_secret"])
    answer = payer.ask(booking)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_payable")
    payer.wait_stands(booking, "confirmed", "succeeded")
    payer.wait_payments(booking, "succeeded", "canceled")
    payer.stripe.release()
    payer.wait_stands(booking, "confirmed", "succeeded")


def test_a_hold_that_lapses_in_a_banks_hands_is_settled_when_the_bank_is_done(payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.pay(booking, BANK)["payment_intent_id"]
    payer.wait_stands(booking, "pending", "processing")
    payer.lapse(booking)
    payer.wait_stands(booking, "expired", "processing")
    with payer.another() as rival:
        payer.hold(rival)
        payer.stripe.settle(intent, succeeds=True)
        payer.wait_stands(booking, "expired", "refunded")
    assert refunds_of(payer, intent) == [Payer.PRICE_MINOR]


@pytest.mark.parametrize("hours_ahead", [48, 3])
def test_a_late_cancellation_returns_nothing_unless_staff_cancels(payer: Payer, hours_ahead: int) -> None:
    for by_staff in (False, True):
        booking, intent = soon(payer, hours_ahead, by_staff=by_staff)
        cancel = f"/api/admin/bookings/{booking}/" if by_staff else f"/api/bookings/{booking}/"
        assert (payer.desk if by_staff else payer.client).delete(cancel).status_code == 200
        expected = hours_ahead > 24 or by_staff
        payer.wait_payments(booking, "refunded" if expected else "succeeded")
        payer.wait_stands(booking, "cancelled", "refunded" if expected else "succeeded")
        assert refunds_of(payer, intent) == ([Payer.PRICE_MINOR] if expected else [])


def soon(payer: Payer, hours_ahead: int, *, by_staff: bool) -> tuple[int, str]:
    """A paid booking that begins so many hours from now, give or take one."""
    begins = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours_ahead)
    execute(payer.stack, "UPDATE room SET opens_minute = 0, closes_minute = 1440 WHERE id = %s", payer.room)
    at = begins + timedelta(hours=1 if by_staff else 0)
    ends = (at + timedelta(hours=1)).strftime("%H:00:00")
    booking = payer.hold(booking_date=at.date().isoformat(), start_time=at.strftime("%H:00:00"), end_time=ends)
    intent = payer.pay(booking)["payment_intent_id"]
    payer.wait_stands(booking, "confirmed", "succeeded")
    return booking, intent


def test_a_reconciling_look_settles_what_no_webhook_told(payer: Payer) -> None:
    booking, _ = paid_but_unheard_of(payer)
    payer.stripe.webhooks("lose")
    assert payer.stands(booking) == ("pending", "pending")
    execute(payer.stack, "UPDATE payment SET due_at = clock_timestamp() WHERE booking_id = %s", booking)
    payer.wait_stands(booking, "confirmed", "succeeded")


def test_an_intent_whose_answer_was_lost_is_found_again(payer: Payer) -> None:
    """Whatever goes wrong with the first try, in every process that refunds: asked for at once, so that their waits overlap."""
    faults = ("work_then_silence", "work_then_500", "error_500", "down", "rate_limited")
    starts = [f"{9 + number}:00:00".zfill(8) for number in range(len(faults))]
    bookings = [payer.hold(start_time=at, end_time=f"{at[:3]}30:00", booking_date="2100-01-05") for at in starts]
    for booking, fault in zip(bookings, faults, strict=True):
        payer.stripe.fault(fault, "create", about=f"metadata[holdfast_booking]={booking}&")
    with ThreadPoolExecutor(len(faults)) as crowd:
        answers = list(crowd.map(lambda booking: payer.ask_until_served(booking, amount=50.00).json(), bookings))
    made: dict[str, list[str]] = defaultdict(list)
    for intent in payer.stripe.books()["intents"]:
        made[intent["metadata"]["holdfast_booking"]].append(intent["id"])
    for booking, answer in zip(bookings, answers, strict=True):
        assert answer["payment_intent_id"] in made[str(booking)]
    assert [len(made[str(booking)]) for booking in bookings] == [1] * len(faults), "also behind a 500 that stays"


def test_a_refund_whose_answer_was_lost_happens_once(payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.pay(booking)["payment_intent_id"]
    payer.wait_stands(booking, "confirmed", "succeeded")
    payer.stripe.fault("work_then_silence", "refund")
    payer.stripe.fault("work_then_500", "refund")
    payer.stripe.fault("down", "refund", times=2)
    payer.cancel(booking)
    payer.wait_stands(booking, "cancelled", "refunded")
    assert refunds_of(payer, intent) == [Payer.PRICE_MINOR]


def calls_of(payer: Payer) -> int:
    return sum(payer.stripe.books()["calls"].values())


def test_while_stripe_is_down_the_circuit_opens_holds_stand_and_all_goes_on_by_itself(payer: Payer) -> None:
    booking = payer.hold()
    before = calls_of(payer)
    payer.stripe.fault("down", times=-1)
    accepted = payer.ask(booking, headers={"Prefer": "respond-async"}).json()

    def degraded() -> bool:
        found = payer.stack.readyz()
        return found is not None and found["degraded"] == ["payments"] and found["down"] == []

    wait_until(degraded, "the circuit is open")
    answer = payer.ask(booking)
    assert (answer.status_code, answer.json()["code"]) == (503, "payments_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert payer.stands(booking) == ("pending", "pending")
    assert "the circuit to stripe is open" in payer.stack.process("payments").log
    assert calls_of(payer) - before < 10, "an open circuit leaves Stripe alone"
    payer.stripe.mend()
    with Client(base_url=payer.stack.api_url, headers=payer.client.headers, timeout=35.0) as client:
        outcome = client.outcome(accepted["id"], within_s=90.0)
    assert outcome["response"]["status"] == 201
    wait_until(lambda: not (payer.stack.readyz() or {"degraded": ["?"]})["degraded"], "the circuit is closed")
