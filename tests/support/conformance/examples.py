"""Every example of the served description, sent to a demo as it stands.

A round begins with the demo's data and nothing else, so that the numbers of what is made are known. What must exist
before an example comes of those sent before it, or of `BEFORE`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import msgspec
from msgspec import Struct

from api.openapi.examples import BATCH_ID, COMMAND_ID, DELIVERY_ID, LINK_TOKEN, LOGIN_ID, PAYMENT_ID
from core.domain.versions import SCHEMA_VERSION
from core.identity.principals import hash_token
from core.store.connections.database import connect_lane
from core.store.mails.addresses import note_asked
from core.store.mails.bounces import ADDRESS_OF
from tests.support.clients.callers import ADMIN, PRACTITIONER, USER, access_for, bearer, execute
from tests.support.documents import reset_demo_database
from tests.support.mail_sending import guest_link
from tests.support.payments.payer import WEBHOOK_SECRET
from tests.support.payments.stripe_standin.deliveries import signature
from tests.support.processes.stack import Stack
from tests.support.webhooks import sent_delivery

MARKET = "/api/v1/drf"
ONE = f"{MARKET}/bookings/{{booking_id}}"
GUEST = "/api/guest/bookings/{token}"
UNTRIED: Mapping[str, str] = (
    {
        f"GET /oauth/{provider}/login{rest}/": "the demo has no provider: tests/integration/accounts/test_oauth.py"
        for provider in ("google", "github")
        for rest in ("", "/callback")
    }
    | {
        f"{method} /guest/reminders/{{token}}/": "its token is the installation's own: tests/integration/mails/test_reminders.py"
        for method in ("GET", "POST")
    }
    | {"POST /api/demo/payment/": "its secret is the intent's own: tests/integration/site/test_demo_payment.py"}
)
"""What cannot succeed on a demo, and where it does."""
THE_REST = ""
ROUNDS: Sequence[Sequence[str]] = (
    (
        f"POST {MARKET}/bookings/",
        f"GET {ONE}/",
        f"PATCH {ONE}/",
        f"POST {ONE}/notes/",
        f"GET {ONE}/notes/",
        f"POST {ONE}/reschedule/",
        f"GET {GUEST}/",
        f"GET {GUEST}/booking.ics",
        f"POST {GUEST}/move/",
        "GET /b/{token}/",
        "GET /guest/{token}/",
        "GET /guest/{token}/cancel/",
        "GET /guest/{token}/move/",
        "POST /guest/{token}/move/",
        f"POST {ONE}/confirm/",
        f"POST {ONE}/cancel/",
        f"POST {GUEST}/cancel/",
        "POST /guest/{token}/cancel/",
        f"DELETE {ONE}/",
        f"POST {ONE}/complete/",
        f"POST {ONE}/no-show/",
        f"POST {MARKET}/sessions/",
        f"GET {MARKET}/sessions/{{session_id}}/",
        f"PATCH {MARKET}/sessions/{{session_id}}/",
        f"POST {MARKET}/bookings/create-package/",
        f"POST {MARKET}/bookings/create-bundle/",
        f"POST {MARKET}/bookings/create-course/",
        f"POST {MARKET}/sessions/{{session_id}}/waiting-list/",
        f"GET {MARKET}/sessions/{{session_id}}/waiting-list/",
        f"DELETE {MARKET}/sessions/{{session_id}}/waiting-list/",
        f"DELETE {MARKET}/sessions/{{session_id}}/",
        f"POST {MARKET}/locations/",
        f"GET {MARKET}/locations/{{location_id}}/",
        f"PATCH {MARKET}/locations/{{location_id}}/",
        f"POST {MARKET}/locations/{{location_id}}/rooms/",
        f"DELETE {MARKET}/locations/{{location_id}}/rooms/{{room_id}}/",
        f"POST {MARKET}/practitioners/{{practitioner_id}}/time-off/",
        f"DELETE {MARKET}/practitioners/{{practitioner_id}}/time-off/{{closure_id}}/",
        "POST /api/bookings/{booking_id}/move/",
        "POST /api/admin/bookings/{booking_id}/move/",
        "POST /api/admin/bookings/{booking_id}/confirm/",
        "POST /api/admin/bookings/{booking_id}/complete/",
        "POST /api/admin/bookings/{booking_id}/no-show/",
        "DELETE /api/bookings/{booking_id}/",
        "DELETE /api/admin/bookings/{booking_id}/delete/",
    ),
    (
        "POST /api/calendar-links/",
        "POST /api/calendar-links/{link_id}/rotate/",
        "POST /api/admin/busy-calendars/",
        "POST /api/busy-calendars/",
        "POST /api/admin/webhooks/",
        "POST /api/admin/embedding-origins/",
        "POST /api/admin/webhooks/{webhook_id}/test/",
        "POST /api/admin/timeslots/",
        "GET /api/admin/timeslots/{time_slot_id}/",
        "PUT /api/admin/timeslots/{time_slot_id}/",
        "POST /api/bookings/",
        "POST /api/payment-intent/",
        "POST /api/admin/timeslots/weekly/",
        "POST /api/admin/closures/",
        "GET /api/admin/closures/{closure_id}/",
        "DELETE /api/admin/closures/{closure_id}/",
        "POST /api/agent/booking/create/",
        "GET /api/commands/{command_id}/",
        "POST /api/booking-links/",
        "POST /api/agent/bookings/bulk/",
        "GET /api/agent/bookings/bulk/{batch_id}/",
        THE_REST,
        "DELETE /api/commands/{command_id}/",
        "POST /api/admin/users/{user_id}/confirm-email/",
        "DELETE /api/admin/bookings/{booking_id}/",
        "DELETE /api/admin/timeslots/{time_slot_id}/",
        "DELETE /api/admin/agent-keys/{key_id}/delete/",
        "DELETE /api/admin/webhooks/{webhook_id}/",
        "DELETE /api/admin/embedding-origins/{origin_id}/",
        "DELETE /api/admin/busy-calendars/{busy_calendar_id}/",
        "DELETE /api/busy-calendars/{busy_calendar_id}/",
        "DELETE /api/calendar-links/{link_id}/",
        "POST /api/register/",
        "DELETE /api/user/",
        "POST /api/auth/password/change/",
        "POST /api/auth/password/reset/confirm/",
        "DELETE /api/admin/users/{user_id}/delete/",
    ),
)
"""In this order. `THE_REST` is every operation that is named nowhere."""

BY: Mapping[str, int] = {
    f"POST {MARKET}/bookings/": USER,
    f"POST {ONE}/cancel/": USER,
    f"POST {MARKET}/bookings/create-package/": USER,
    f"POST {MARKET}/bookings/create-bundle/": USER,
    f"POST {MARKET}/bookings/create-course/": USER,
    f"POST {MARKET}/sessions/{{session_id}}/waiting-list/": USER,
    f"GET {MARKET}/sessions/{{session_id}}/waiting-list/": USER,
    "POST /api/bookings/{booking_id}/move/": USER,
    "DELETE /api/bookings/{booking_id}/": USER,
    f"DELETE {MARKET}/sessions/{{session_id}}/waiting-list/": USER,
    "POST /api/bookings/": USER,
    "GET /api/busy-calendars/": PRACTITIONER,
    "POST /api/busy-calendars/": PRACTITIONER,
    "GET /api/busy-calendars/{busy_calendar_id}/": PRACTITIONER,
    "POST /api/busy-calendars/{busy_calendar_id}/fetch/": PRACTITIONER,
    "DELETE /api/busy-calendars/{busy_calendar_id}/": PRACTITIONER,
    "POST /api/payment-intent/": USER,
    "POST /api/auth/password/change/": USER,
}
"""Who sends an operation's examples; everything else is the demo's superuser's."""

CLIENT = 5
SQL_NOT_FETCHED = "UPDATE busy_calendar SET lease = NULL, tried_at = NULL, fetch_at = NULL"
SQL_UNDECIDED = """
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, owner, request_id, actor, body)
VALUES (%s, 0, 0, 0, 'from_tomorrow', %s, 'agent', 'user:4', 'examples', '{"kind": "staff", "user_id": 4}', '{}')
"""
"""A command that waits for newer workers, so that it can be withdrawn."""
SQL_GIVEN_UP_ON = """
WITH of_the_lane AS (
    INSERT INTO parked_command (id, slot_crc, class, version, weight, why) VALUES (%(id)s, 0, 0, %(version)s, 1, 'DataError'))
INSERT INTO outcome (id, seq, type, contract, owner, request_id, accepted_at, decided_at, status, http_status, response,
                     actor, body)
VALUES (%(id)s, 0, 'cancel', 'appointments', 'user:4', 'examples', now(), now(), 'failed', 503, '{}',
        '{"kind": "staff", "user_id": 4}', '{"type": "cancel", "booking_id": 987654321}')
"""
SQL_PARKED_PAYMENT = """
INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, created_at, updated_at, tries, parked_at, problem)
VALUES (%s, 1, 99, 5000, 'usd', 'failed', now(), now(), 5, now(), 'the provider refused it')
"""
SQL_PAID = "UPDATE booking SET payment_status = 'succeeded' WHERE id = 2"
SQL_BEGUN = """
UPDATE booking SET status = 'confirmed', payment_status = 'succeeded', hold_expires_at = NULL,
       created_at = now() - interval '2 hours', starts_at = now() - interval '1 hour', ends_at = now()
WHERE id = 2
"""
SQL_COMING = """
UPDATE booking SET status = 'confirmed', starts_at = now() + interval '8 days',
       ends_at = now() + interval '8 days 1 hour' WHERE id = 2
"""
SQL_RESET = """
INSERT INTO password_reset (token_hash, user_id, auth_epoch, email_key, expires_at)
SELECT %s, id, auth_epoch, email_key, now() + interval '1 hour' FROM user_account WHERE id = 1
"""
SQL_ROOM_COMING = """
UPDATE booking SET status = 'confirmed', starts_at = now() + interval '8 days',
       ends_at = now() + interval '8 days 1 hour' WHERE id = 1
"""
SQL_ROOM_IN_USE = """
UPDATE booking SET status = 'confirmed', created_at = now() - interval '2 hours',
       starts_at = now() - interval '1 hour', ends_at = now() + interval '1 hour' WHERE id = 1
"""
SQL_STANDS = "UPDATE booking SET status = 'confirmed' WHERE id = 1"
SQL_CONTACT = "UPDATE user_account SET contact_email = email, email = '', email_key = NULL WHERE id = 1"
SQL_LOGIN = """
INSERT INTO login_session (id, token_hash, csrf_secret, user_id, auth_epoch, expires_at)
SELECT %s, '\\x00', '', id, auth_epoch, now() + interval '1 hour' FROM user_account WHERE id = %s
"""
SQL_LINKED = """
INSERT INTO social_account (id, provider, subject, user_id, email) OVERRIDING SYSTEM VALUE
VALUES (1, 'github', '1', %s, 'admin@example.com')
"""
SQL_BOUNCED = f"""
INSERT INTO mail_address (address_hash, user_id, bounced_at, bounce)
SELECT {ADDRESS_OF}, u.id, clock_timestamp(), '550' FROM user_account u WHERE u.id = %s
ON CONFLICT (address_hash) DO UPDATE SET bounced_at = clock_timestamp()
"""
SQL_NEWEST = "SELECT max(id) FROM user_account"
SQL_LINK = "UPDATE calendar_link SET token_hash = %s WHERE id = 1"
SQL_EMAIL = "SELECT shown_email FROM user_account WHERE id = %s"

TELLS_WHY = "?problem="
"""In the page to see next, where a form was refused."""
ENDS_LOGINS = re.compile("/users/|/auth/|/logout/|/logins/|/practitioners/$")


class Request(Struct, frozen=True):
    """What one example of an operation asks."""

    method: str
    path: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    content: bytes | None


class Walk:
    """Sends examples to a stack with the demo's data, and remembers what did not succeed."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.client = httpx.Client(base_url=stack.api_url, timeout=20.0)
        described = self.client.get("/api/schema/").raise_for_status().json()
        self.parameters = described["components"]["parameters"]
        self.operations = {
            f"{method.upper()} {path}": operation
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
        }
        self._logins: dict[int, dict[str, str]] = {}
        self.sent = 0
        self.failed: list[str] = []

    def run(self) -> None:
        named = {*UNTRIED, *(one for some in ROUNDS for one in some)} - {THE_REST}
        assert named <= self.operations.keys(), f"no longer served: {named - self.operations.keys()}"
        rest = sorted((one for one in self.operations if one not in named), key=lambda one: not one.startswith("GET "))
        _forget_command(self)
        for some in ROUNDS:
            reset_demo_database(self.stack.settings)
            self._logins.clear()
            for one in (found for name in some for found in (rest if name == THE_REST else (name,))):
                self._try(one)
        self.client.close()

    def signed_in(self, user_id: int) -> dict[str, str]:
        if user_id not in self._logins:
            self._logins[user_id] = bearer(access_for(self.stack, user_id))
        return self._logins[user_id]

    def _try(self, name: str) -> None:
        operation = self.operations[name]
        success = {int(status) for status in operation["responses"] if status[0] in "23"}
        for number, request in enumerate(requests(name, operation, self.parameters), 1):
            extra = BEFORE[name](self, request) if name in BEFORE else {}
            self.client.cookies.clear()
            headers = {**self.signed_in(BY.get(name, ADMIN)), **request.headers, **(extra or {})}
            answer = self.client.request(
                request.method, request.path, params=request.params, headers=headers, content=request.content
            )
            self.sent += 1
            if request.method != "GET" and ENDS_LOGINS.search(request.path):
                self._logins.clear()
            if answer.status_code not in success or TELLS_WHY in answer.headers.get("Location", ""):
                self.failed.append(f"{name}, example {number}: {answer.status_code} {answer.text[:200]}")


def requests(name: str, operation: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[Request]:
    """One for each example of a body, with the examples of all parameters; one where there is no body."""
    method, _, path = name.partition(" ")
    params: dict[str, Any] = {}
    headers: dict[str, str] = {}
    for one in operation["parameters"]:
        parameter = shared[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
        for example in examples_of(parameter)[:1] or parameter["schema"].get("examples", [])[:1]:
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", str(example))
            elif parameter["in"] == "query":
                params[parameter["name"]] = example
            elif parameter["in"] == "header":
                headers[parameter["name"]] = example
    assert "{" not in path, f"{name} shows no example of its path"
    contents = operation.get("requestBody", {}).get("content", {})
    if not contents:
        yield Request(method, path, params, headers, None)
    for media_type, media in contents.items():
        for example in examples_of(media):
            content = example.encode() if isinstance(example, str) else msgspec.json.encode(example)
            yield Request(method, path, params, {**headers, "Content-Type": media_type}, content)


def examples_of(shown: Mapping[str, Any]) -> list[Any]:
    if "example" in shown:
        return [shown["example"]]
    return [one["value"] for one in shown.get("examples", {}).values()]


Before = Callable[[Walk, Request], Mapping[str, str] | None]
"""Makes what an example needs; headers that it needs beside its own."""


def _sql(statement: str, *values: object) -> Before:
    def run(walk: Walk, _: Request) -> None:
        execute(walk.stack, statement, *values)

    return run


def _forget_command(walk: Walk) -> None:
    execute(walk.stack, "DELETE FROM outcome WHERE id = %s", COMMAND_ID)


def _command(id_: str) -> Before:
    """As the front door names a command."""
    return lambda _walk, _request: {"Holdfast-Command": id_}


def _undecided(walk: Walk, _: Request) -> None:
    _forget_command(walk)
    execute(walk.stack, SQL_UNDECIDED, COMMAND_ID, SCHEMA_VERSION + 1)


def _given_up_on(walk: Walk, _: Request) -> None:
    execute(walk.stack, "DELETE FROM parked_command WHERE id = %s", COMMAND_ID)
    _forget_command(walk)
    with connect_lane(walk.stack.database_url, "holdfast tests") as connection:
        connection.execute(SQL_GIVEN_UP_ON.encode(), {"id": COMMAND_ID, "version": SCHEMA_VERSION})


def _full_session(walk: Walk, _: Request) -> None:
    execute(walk.stack, "UPDATE service_session SET capacity = 1 WHERE id = 1")
    body = {"service_id": 3, "service_session_id": 1}
    who = bearer(access_for(walk.stack, CLIENT))
    walk.client.post(f"{MARKET}/bookings/", json=body, headers=who).raise_for_status()


def _refresh_cookie(walk: Walk, _: Request) -> Mapping[str, str]:
    body = {"email": "user@example.com", "password": "123456Long"}
    answer = walk.client.post("/api/login/", json=body).raise_for_status()
    return {"Cookie": f"holdfast_refresh={answer.cookies['holdfast_refresh']}"}


def _api_token(walk: Walk, _: Request) -> Mapping[str, str]:
    body = {"email": "user@example.com", "password": "123456Long"}
    token = walk.client.post("/api/auth/token/", json=body).raise_for_status().json()["token"]
    return {"Authorization": f"Token {token}"}


def _newest_person(walk: Walk, _: Request) -> Mapping[str, str]:
    return bearer(access_for(walk.stack, int(execute(walk.stack, SQL_NEWEST)[0][0])))


def _signed(_walk: Walk, request: Request) -> Mapping[str, str]:
    return {"Stripe-Signature": signature(request.content or b"", WEBHOOK_SECRET, int(time.time()))}


def _logged_delivery(walk: Walk, _: Request) -> None:
    sent_delivery(walk.stack, 1, DELIVERY_ID)
    execute(walk.stack, "DELETE FROM delivery_run WHERE %s = ANY (ids)", UUID(DELIVERY_ID))


def _guest_link(walk: Walk, _: Request) -> None:
    """The link of the mail about the marketplace's booking, by the token that is shown. The demo's own is long over."""
    execute(walk.stack, "DELETE FROM guest_link")
    guest_link(walk.stack, 2, LINK_TOKEN)


def _uncancelled(walk: Walk, request: Request) -> None:
    execute(walk.stack, SQL_COMING)
    _guest_link(walk, request)


def _asked_address(walk: Walk, _: Request) -> None:
    """The mail that asks whether an address wants mails."""
    email = execute(walk.stack, SQL_EMAIL, USER)[0][0]
    with connect_lane(walk.stack.database_url, "holdfast tests") as connection:
        note_asked(connection, email, USER, hash_token(LINK_TOKEN), UUID(DELIVERY_ID))


BEFORE: Mapping[str, Before] = {
    "GET /api/admin/webhooks/{webhook_id}/deliveries/{delivery_id}/": _logged_delivery,
    "POST /api/admin/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver/": _logged_delivery,
    "POST /api/admin/busy-calendars/{busy_calendar_id}/fetch/": _sql(SQL_NOT_FETCHED),
    "POST /api/busy-calendars/{busy_calendar_id}/fetch/": _sql(SQL_NOT_FETCHED),
    "GET /api/calendars/{token}.ics": _sql(SQL_LINK, hash_token(LINK_TOKEN)),
    f"GET {GUEST}/": _guest_link,
    f"GET {GUEST}/booking.ics": _guest_link,
    f"POST {GUEST}/cancel/": _uncancelled,
    f"POST {GUEST}/move/": _guest_link,
    "GET /b/{token}/": _guest_link,
    "GET /guest/{token}/": _guest_link,
    "GET /guest/{token}/cancel/": _guest_link,
    "POST /guest/{token}/cancel/": _uncancelled,
    "GET /guest/{token}/move/": _guest_link,
    "POST /guest/{token}/move/": _guest_link,
    "GET /guest/addresses/{token}/": _asked_address,
    "POST /guest/addresses/{token}/": _asked_address,
    "POST /api/agent/booking/create/": _command(COMMAND_ID),
    "POST /api/agent/bookings/bulk/": _command(BATCH_ID),
    "DELETE /api/commands/{command_id}/": _undecided,
    "DELETE /api/admin/bounced-addresses/{user_id}/": _sql(SQL_BOUNCED, USER),
    f"POST {ONE}/confirm/": _sql(SQL_PAID),
    f"DELETE {ONE}/": _sql(SQL_COMING),
    f"POST {ONE}/complete/": _sql(SQL_BEGUN),
    f"POST {ONE}/no-show/": _sql(SQL_BEGUN),
    f"POST {MARKET}/sessions/{{session_id}}/waiting-list/": _full_session,
    "DELETE /api/admin/parked/commands/{command_id}/": _given_up_on,
    "POST /api/admin/parked/commands/{command_id}/replay/": _given_up_on,
    "POST /api/admin/parked/payments/{payment_id}/replay/": _sql(SQL_PARKED_PAYMENT, PAYMENT_ID),
    "POST /api/admin/users/{user_id}/confirm-email/": _sql(SQL_CONTACT),
    "POST /api/auth/password/reset/confirm/": _sql(SQL_RESET, hash_token("the-token-of-the-mail")),
    "POST /api/token/refresh-cookie/": _refresh_cookie,
    "DELETE /api/auth/token/": _api_token,
    "POST /api/bookings/{booking_id}/move/": _sql(SQL_ROOM_COMING),
    "POST /api/admin/bookings/{booking_id}/move/": _sql(SQL_ROOM_COMING),
    "POST /api/admin/bookings/{booking_id}/confirm/": _sql(SQL_ROOM_COMING),
    "POST /api/admin/bookings/{booking_id}/complete/": _sql(SQL_ROOM_IN_USE),
    "POST /api/admin/bookings/{booking_id}/no-show/": _sql(SQL_ROOM_IN_USE),
    "DELETE /api/bookings/{booking_id}/": _sql(SQL_STANDS),
    "DELETE /api/admin/bookings/{booking_id}/": _sql(SQL_STANDS),
    "DELETE /api/user/": _newest_person,
    "DELETE /api/user/logins/{login_id}/": _sql(SQL_LOGIN, LOGIN_ID, ADMIN),
    "DELETE /api/oauth/accounts/{linked_id}/": _sql(SQL_LINKED, ADMIN),
    "POST /api/payment-intent/": lambda _walk, _request: {"Prefer": "respond-async"},
    "POST /api/stripe-webhook/": _signed,
}
