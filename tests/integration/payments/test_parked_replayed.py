"""A parked payment that an operator replays is looked up at the provider before anything is asked for again."""

from __future__ import annotations

import pytest

from core.store.payments.jobs import PARKED_TRIES
from ops.cli import main
from tests.support.clients.callers import execute
from tests.support.payments.by_hand import ledger, paid, refunds
from tests.support.payments.payer import Payer
from tests.support.wait import wait_until


@pytest.fixture
def at_the_command_line(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in payer.stack.full_environment().items():
        monkeypatch.setenv(name, value)


def park_a_refund_that_was_made(payer: Payer) -> tuple[int, str, str]:
    """Stripe refunds, its answer is lost and its key forgotten; then nobody understands it. (booking, intent, payment)"""
    booking, intent = paid(payer)
    payer.stripe.webhooks("lose")
    payer.stripe.fault("work_then_forgotten", "refund", about=intent)
    payer.stripe.fault("gibberish", times=-1, about=intent)
    assert payer.cancel(booking).status_code == 200
    wait_until(lambda: refunds(payer, intent) == [10_000], "the money goes back")
    asked = "SELECT refund_asked = refund_number FROM payment WHERE booking_id = %s AND lease IS NULL"
    wait_until(lambda: execute(payer.stack, asked, booking) == [(True,)], "the answer is given up")
    again = "UPDATE payment SET due_at = clock_timestamp(), tries = %s WHERE booking_id = %s"
    execute(payer.stack, again, PARKED_TRIES - 1, booking)
    wait_until(lambda: ledger(payer, needs_a_person="true", booking_id=booking) != [], "it is parked")
    (entry,) = ledger(payer, booking_id=booking)
    return booking, intent, entry["id"]


@pytest.mark.usefixtures("at_the_command_line")
def test_a_refund_whose_answer_was_lost_is_found_and_not_made_a_second_time(
    payer: Payer, capsys: pytest.CaptureFixture[str]
) -> None:
    booking, intent, payment = park_a_refund_that_was_made(payer)
    assert main(["parked", "list", "payments"]) == 0
    assert payment in capsys.readouterr().out
    payer.stripe.mend()
    assert main(["parked", "replay", "payments", payment, "--yes"]) == 0
    wait_until(lambda: ledger(payer, booking_id=booking)[0]["state"] == "refunded", "it is seen to")
    (entry,) = ledger(payer, booking_id=booking)
    assert (entry["parked_at"], entry["problem"]) == (None, None)
    assert refunds(payer, intent) == [10_000], "once"
    assert main(["parked", "replay", "payments", payment, "--yes"]) == 1
    assert "is not parked: its state is refunded" in capsys.readouterr().err
    audited = "SELECT actor_kind, before, also FROM audit_entry WHERE action = 'payment.replayed' AND subject = %s"
    ((kind, before, also),) = execute(payer.stack, audited, f"payment:{payment}")
    assert (kind, before["parked"], also) == ("command_line", True, [f"booking:{booking}"])


@pytest.mark.usefixtures("at_the_command_line")
def test_a_payment_that_is_dropped_is_not_tried_any_more(payer: Payer, capsys: pytest.CaptureFixture[str]) -> None:
    booking, intent, payment = park_a_refund_that_was_made(payer)
    assert main(["parked", "drop", "payments", payment, "--yes"]) == 0
    assert "it is not tried any more" in capsys.readouterr().out
    assert execute(payer.stack, "SELECT due_at FROM payment WHERE id = %s", payment) == [(None,)]
    assert ledger(payer, needs_a_person="true", booking_id=booking) == []
    assert refunds(payer, intent) == [10_000]
