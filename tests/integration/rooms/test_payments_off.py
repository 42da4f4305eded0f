"""Without an account at Stripe: bookings are made and held as ever; only nothing can be paid, and it is said so."""

from __future__ import annotations

import httpx

from tests.support.clients.callers import STAFF, signed_in
from tests.support.clients.rooms import book, new_room
from tests.support.processes.stack import Stack


def test_without_a_key_paying_is_refused_and_nothing_else(stack: Stack) -> None:
    with signed_in(stack, STAFF) as desk, signed_in(stack) as person:
        booking = book(person, new_room(desk)).json()
        assert booking["status"] == "pending"
        body = {"booking_id": booking["id"], "amount": booking["total_amount"], "currency": "usd"}
        answer = person.post("/api/payment-intent/", json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "payments_not_set_up")
        assert int(answer.headers["Retry-After"]) > 0
        assert person.delete(f"/api/bookings/{booking['id']}/").status_code == 200
    webhook = httpx.post(f"{stack.api_url}/api/stripe-webhook/", json={"id": "evt_1"})
    assert (webhook.status_code, webhook.json()["code"]) == (503, "payments_not_set_up")
    assert httpx.get(f"{stack.api_url}/api/payment-settings/").json()["is_set_up"] is False
