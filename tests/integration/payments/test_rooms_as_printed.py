"""The rooms document from top to bottom: its requests in its order, one reader, paying with its two cards."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from tests.support.clients.callers import STAFF, access_for, new_address
from tests.support.documents import Printed, differences, printed
from tests.support.payments.payer import EMPTY_CARD, GOOD_CARD, StripeServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


class Reader:
    """Sends what is printed, with the tokens and the booking that the answers before gave."""

    def __init__(self, client: httpx.Client, admin_access_token: str) -> None:
        self.client = client
        self._known = {"<admin_access_token>": admin_access_token}
        self.booking: dict[str, Any] = {}

    def assert_as_printed(self, entry: Printed) -> Any:
        """Send it; the answer's body, which must be as printed."""
        body = entry.body
        if entry.section == "3. Create Payment Intent":
            body = {**entry.body, "booking_id": self.booking["id"]}
            entry = msgspec.structs.replace(entry, response={**entry.response, "booking_id": self.booking["id"]})
        headers = {name: self._filled(value) for name, value in entry.headers.items()}
        content = None if body is None else msgspec.json.encode(body)
        if entry.section == "Manual Cleanup":
            self.client.cookies.clear()  # curl has none
        answer = self.client.request(entry.method, entry.path, headers=headers, content=content)
        found = answer.json()
        assert (answer.status_code, differences(entry, found)) == (entry.status, []), (entry.section, answer.text)
        if "access" in found:
            self._known["<access_token>"] = found["access"]
        return found

    def _filled(self, value: str) -> str:
        for placeholder, known in self._known.items():
            value = value.replace(placeholder, known)
        return value

    def stands(self) -> tuple[str, str]:
        headers = {"Authorization": self._filled("Bearer <access_token>")}
        found = self.client.get(f"/api/bookings/{self.booking['id']}/", headers=headers).json()
        return found["status"], found["payment_status"]


def test_the_documents_requests_in_its_order(stack: Stack, stripe: StripeServer) -> None:
    stripe.mend()
    stripe.webhooks("deliver")
    forwarded = {"X-Forwarded-For": new_address()}
    with httpx.Client(base_url=stack.api_url, timeout=30.0, headers=forwarded) as client:
        reader = Reader(client, access_for(stack, STAFF))
        for entry in printed("rooms"):
            answer = reader.assert_as_printed(entry)
            if entry.section == "2. Create Booking":
                reader.booking = answer
            if entry.section == "3. Create Payment Intent":
                stripe.pay(answer["client_secret"], EMPTY_CARD)
                wait_until(
                    lambda: reader.stands() == ("pending", "failed"), "the decline is known, the hold stands", 15
                )
                stripe.pay(reader.assert_as_printed(entry)["client_secret"], GOOD_CARD)
                wait_until(lambda: reader.stands() == ("confirmed", "succeeded"), "it is paid and confirmed")
