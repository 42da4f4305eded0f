"""An empty database is filled through the marketplace's own endpoints, and then answers the marketplace document as printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import httpx
import msgspec
import pytest

from tests.support.clients.callers import PASSWORD, execute, new_address
from tests.support.clients.marketplace import BASE
from tests.support.documents import Printed, differences, printed
from tests.support.payments.payer import StripeServer, stack_with_stripe
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

PRACTITIONER, CLIENT, STAFF = "dr.smith@example.com", "reader@example.com", "desk@example.com"
WEEK = [{"weekday": day, "start": "09:00", "end": "17:00"} for day in range(5)]
LUNCH = [{"weekday": day, "start": "12:00", "end": "13:00"} for day in range(5)]
SOON = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=30)


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, stripe: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack_with_stripe(postgres, stripe, tmp_path_factory.mktemp("from-nothing"), demo=False) as running:
        yield running


class Someone:
    """Registered; signed in with an API token when first needed, because becoming a practitioner ends every login."""

    def __init__(self, stack: Stack, email: str, *, is_staff: bool = False) -> None:
        self._stack = stack
        self._who = {"email": email, "password": PASSWORD}
        registered = self._nobody("/api/register/", {**self._who, "confirm_password": PASSWORD})
        self.id = int(registered["user_id"])
        if is_staff:
            execute(stack, "UPDATE user_account SET is_staff = true WHERE id = %s", self.id)

    @cached_property
    def token(self) -> str:
        return str(self._nobody("/api/auth/token/", self._who)["token"])

    @cached_property
    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Token {self.token}"}
        return httpx.Client(base_url=self._stack.api_url, headers=headers, timeout=30.0)

    def _nobody(self, path: str, body: dict[str, str]) -> Any:
        headers = {"X-Forwarded-For": new_address()}
        return (
            httpx.post(self._stack.api_url + path, json=body, headers=headers, timeout=30.0).raise_for_status().json()
        )

    def makes(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.client.post(f"{BASE}{path}", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


class Reader:
    """Sends what is printed as the client or the practitioner, about the booking that was made last."""

    def __init__(self, client: Someone, practitioner: Someone, stripe: StripeServer, specials: dict[str, int]) -> None:
        self._client = client
        self._stripe = stripe
        self._tokens = {"your-auth-token": client.token, "<practitioner's auth-token>": practitioner.token}
        self._specials = specials
        self._booking = 0

    def send(self, entry: Printed) -> list[str]:
        """Where its answer is not as printed."""
        path = entry.path.replace("{id}", str(self._booking))
        authorization = entry.headers["Authorization"]
        for placeholder, token in self._tokens.items():
            authorization = authorization.replace(placeholder, token)
        body = entry.body
        if body == {"service_id": 123}:
            body = {"service_id": self._specials[entry.section]}
        content = None if body is None else msgspec.json.encode(body)
        headers = {**entry.headers, "Authorization": authorization}
        answer = self._client.client.request(entry.method, path, headers=headers, content=content)
        if answer.status_code != entry.status:
            return [f"{answer.status_code} instead of {entry.status}: {answer.text}"]
        if entry.section.startswith("Create Booking"):
            self._booking = int(answer.json()["id"])
            self._pay()
        return differences(entry, answer.json())

    def _pay(self) -> None:
        asked = {"booking_id": self._booking, "amount": 50.00, "currency": "usd"}
        intent = self._client.client.post("/api/payment-intent/", json=asked)
        assert intent.status_code == 201, intent.text
        self._stripe.pay(intent.json()["client_secret"])

        def is_paid() -> bool:
            found = self._client.client.get(f"{BASE}/bookings/{self._booking}/").json()
            return bool(found["payment_status"] == "paid")

        wait_until(is_paid, "the booking is paid")


def filled(desk: Someone, practitioner: Someone) -> dict[str, int]:
    """The document's practitioner 1 with a week and rules of their own, and their service 2; services by section."""
    shown = desk.makes("/practitioners/", {"user_id": practitioner.id, "name": "Dr. Smith", "horizon_days": 3660})
    assert (shown["id"], shown["hours"]) == (1, [])
    rules = {"hours": WEEK, "breaks": LUNCH, "buffer_before_minutes": 5, "buffer_after_minutes": 15}
    kept = practitioner.client.patch(f"{BASE}/practitioners/1/", json={**rules, "notice_minutes": 120}).json()
    assert (kept["breaks"], kept["buffer_after_minutes"], kept["notice_minutes"]) == (LUNCH, 15, 120)
    practitioner.makes("/practitioners/1/time-off/", {"start_date": "2024-03-18", "reason": "Holiday"})
    place = practitioner.makes("/locations/", {"name": "Practice", "address": "High Street 1"})
    practitioner.makes(f"/locations/{place['id']}/rooms/", {"name": "Room 1"})
    workshop = practitioner.makes("/services/", {"name": "Breathing", "booking_type": "workshop"})
    talk = {"name": "60-minute Consultation", "duration_minutes": 60, "price_cents": 5000}
    consultation = practitioner.makes("/services/", talk)
    assert (place["id"], consultation["id"], consultation["practitioner_ids"]) == (1, 2, [1])
    several = {"price_cents": 9000, "service_ids": [2], "practitioner_ids": [1]}
    package = desk.makes("/services/", {"name": "Start", "booking_type": "package", **several})
    credits_ = {**several, "credits": 2, "valid_days": 90}
    bundle = desk.makes("/services/", {"name": "Two", "booking_type": "bundle", **credits_})
    course = practitioner.makes("/services/", {"name": "Voice", "booking_type": "course", "price_cents": 7000})
    for n, service in enumerate((workshop, course, course)):
        begins = SOON + timedelta(days=n)
        hours = {"start_time": begins.isoformat(), "end_time": (begins + timedelta(hours=1)).isoformat()}
        practitioner.makes("/sessions/", {"service_id": service["id"], "practitioner_id": 1, "capacity": 20, **hours})
    return {"Package booking": package["id"], "Bundle booking": bundle["id"], "Course booking": course["id"]}


def test_an_empty_database_is_filled_through_the_api_and_answers_the_document(
    stack: Stack, stripe: StripeServer
) -> None:
    assert execute(stack, "SELECT count(*) FROM practitioner UNION ALL SELECT count(*) FROM service") == [(0,), (0,)]
    desk, practitioner, client = (
        Someone(stack, STAFF, is_staff=True),
        Someone(stack, PRACTITIONER),
        Someone(stack, CLIENT),
    )
    specials = filled(desk, practitioner)
    with closing(desk.client), closing(practitioner.client), closing(client.client):
        reader = Reader(client, practitioner, stripe, specials)
        for entry in printed("marketplace"):
            assert (entry.section, reader.send(entry)) == (entry.section, [])
