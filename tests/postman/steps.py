"""In which order the collection's requests work on a demo: what is made comes before what reads and ends it.

Here stand the operations that need a place, somebody else to send them, or what an earlier one answered. `REST` is where
all others of a folder come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

MARKET = "/api/v1/drf"
ONE = f"{MARKET}/bookings/{{booking_id}}"
SESSION = f"{MARKET}/sessions/{{session_id}}"
WEBHOOK = "/api/admin/webhooks/{webhook_id}"
BUSY = "/api/busy-calendars/{busy_calendar_id}/"
GUEST = "/api/guest/bookings/{token}"
BOOK, BOOK_MARKET, BOOK_SHARED = "POST /api/booking/create/", f"POST {MARKET}/bookings/", "POST /api/bookings/"
LOGIN = "POST /api/login/"
NEWCOMER = {"username": None, "email": "newcomer@example.com", "password": "yourpassword"}
LINK = "POST /api/booking-links/"
REST = "the rest"


class Step(Struct, frozen=True):
    operation: str
    called: str = ""
    """Its name in the collection where the operation is sent twice."""
    by: str = ""
    """Whose token goes along, unless the rule says it."""
    changes: Mapping[str, Any] = {}
    """Of the example's fields. `#name` is the variable of that name, as a number."""
    headers: Mapping[str, str] = {}
    keeps: Mapping[str, str] = {}
    """Variables by their name: where the answer has their value, in JavaScript, with `told` for the body."""


def _number(name: str) -> str:
    return f"#{name}"


COMMAND = {"command_id": 'pm.response.headers.get("Holdfast-Command")'}
ORDER: Mapping[str, Sequence[Step | str]] = {
    "appointments": (
        "POST /api/admin/services/",
        Step("POST /api/admin/users/create/", keeps={"user_id": "told.data.id"}),
        "POST /api/admin/closures/",
        "GET /api/admin/closures/",
        "GET /api/admin/closures/{closure_id}/",
        "DELETE /api/admin/closures/{closure_id}/",
        Step(BOOK, keeps={"booking_id": "told.data.id", **COMMAND}),
        REST,
        Step("PUT /api/admin/users/{user_id}/update/", by="admin"),
        Step("DELETE /api/admin/users/{user_id}/delete/", by="admin"),
        "PUT /api/admin/services/{service_id}/",
        "DELETE /api/admin/services/{service_id}/",
        "PUT /api/admin/bookings/{booking_id}/update/",
        Step(
            BOOK,
            "Create a booking to cancel",
            changes={"booking_time": "11:00"},
            keeps={"booking_id": "told.data.id", **COMMAND},
        ),
        "DELETE /api/admin/bookings/{booking_id}/",
        Step(
            BOOK,
            "Create another booking to cancel",
            changes={"booking_time": "12:00"},
            keeps={"booking_id": "told.data.id", **COMMAND},
        ),
        "DELETE /api/admin/bookings/{booking_id}/delete/",
    ),
    "agent": (
        Step("POST /api/agent/booking/create/", by="agent", keeps={"user_id": "told.user_id"}),
        Step("POST /api/agent/bookings/bulk/", keeps={"batch_id": "told.batch_id || told.id"}),
        REST,
    ),
    "rooms": ("POST /api/admin/rooms/", REST, "PUT /api/admin/rooms/{room_id}/", "PATCH /api/admin/rooms/{room_id}/"),
    "marketplace": (
        Step(BOOK_MARKET, keeps={"booking_id": "told.id", **COMMAND}),
        f"GET {ONE}/",
        f"PATCH {ONE}/",
        f"POST {ONE}/notes/",
        f"GET {ONE}/notes/",
        f"POST {ONE}/reschedule/",
        f"POST {ONE}/confirm/",
        f"POST {ONE}/complete/",
        f"POST {ONE}/no-show/",
        f"POST {ONE}/cancel/",
        Step(BOOK_MARKET, "Create a booking to cancel", keeps={"booking_id": "told.id", **COMMAND}),
        f"DELETE {ONE}/",
        f"POST {MARKET}/bookings/create-package/",
        f"POST {MARKET}/bookings/create-bundle/",
        Step(f"POST {MARKET}/sessions/", changes={"capacity": 1}, keeps={"session_id": "told.id"}),
        f"GET {SESSION}/",
        Step(
            BOOK_MARKET,
            "Fill the session",
            by="admin",
            changes={
                "service_id": 3,
                "service_session_id": _number("session_id"),
                **dict.fromkeys(("practitioner_id", "start_time", "end_time", "client_notes")),
            },
        ),
        f"POST {SESSION}/waiting-list/",
        f"GET {SESSION}/waiting-list/",
        f"DELETE {SESSION}/waiting-list/",
        f"DELETE {SESSION}/",
        Step(
            f"POST {MARKET}/sessions/",
            "Open a session of a course",
            changes={"service_id": 6, "start_time": "2026-03-17T13:00:00Z", "end_time": "2026-03-17T15:00:00Z"},
        ),
        f"POST {MARKET}/bookings/create-course/",
        f"POST {MARKET}/locations/",
        f"GET {MARKET}/locations/{{location_id}}/",
        f"PATCH {MARKET}/locations/{{location_id}}/",
        Step(
            f"POST {MARKET}/locations/{{location_id}}/rooms/",
            keeps={"room_id": "(told.rooms || [told]).slice(-1)[0].id"},
        ),
        f"DELETE {MARKET}/locations/{{location_id}}/rooms/{{room_id}}/",
        Step(f"POST {MARKET}/practitioners/", by="admin"),
        Step(f"POST {MARKET}/practitioners/{{practitioner_id}}/time-off/", by="admin"),
        Step(f"GET {MARKET}/practitioners/{{practitioner_id}}/time-off/", by="admin"),
        Step(f"DELETE {MARKET}/practitioners/{{practitioner_id}}/time-off/{{closure_id}}/", by="admin"),
        Step(f"PATCH {MARKET}/practitioners/{{practitioner_id}}/", by="admin"),
        f"POST {MARKET}/services/",
        REST,
    ),
    "calendar": (
        "POST /api/admin/categories/",
        "POST /api/admin/timeslots/",
        "PUT /api/admin/timeslots/{time_slot_id}/",
        "POST /api/admin/timeslots/weekly/",
        REST,
        "PUT /api/admin/categories/{category_id}/",
        "DELETE /api/admin/timeslots/{time_slot_id}/",
    ),
    "guests": (
        Step(BOOK_MARKET, "Create a booking as somebody will", keeps={"booking_id": "told.id", **COMMAND}),
        Step(LINK, "Get its link", changes={"command_id": "{{command_id}}"}, keeps={"token": "told.token"}),
        f"GET {GUEST}/",
        f"GET {GUEST}/booking.ics",
        f"POST {GUEST}/move/",
        "GET /guest/{token}/",
        "GET /guest/{token}/move/",
        "POST /guest/{token}/move/",
        "GET /guest/{token}/cancel/",
        "POST /guest/{token}/cancel/",
        f"POST {GUEST}/cancel/",
        REST,
    ),
    "bookings": (
        Step(BOOK_SHARED, keeps={"booking_id": "told.id || told.booking.id"}),
        "GET /api/bookings/{booking_id}/",
        "POST /api/bookings/{booking_id}/move/",
        "POST /api/admin/bookings/{booking_id}/move/",
        "POST /api/admin/bookings/{booking_id}/complete/",
        "POST /api/admin/bookings/{booking_id}/no-show/",
        "DELETE /api/bookings/{booking_id}/",
        REST,
    ),
    "calendars": (
        Step(
            "POST /api/calendar-links/",
            keeps={"link_id": "told.data.id", "token": 'told.data.url.split("/").pop().split(".")[0]'},
        ),
        REST,
        Step(
            "POST /api/calendar-links/{link_id}/rotate/",
            keeps={"token": 'told.data.url.split("/").pop().split(".")[0]'},
        ),
        "DELETE /api/calendar-links/{link_id}/",
    ),
    "busy_calendars": (
        "POST /api/admin/busy-calendars/",
        f"GET {BUSY.replace('/api', '/api/admin')}",
        f"POST {BUSY.replace('/api', '/api/admin')}fetch/",
        f"DELETE {BUSY.replace('/api', '/api/admin')}",
        "POST /api/busy-calendars/",
        f"GET {BUSY}",
        f"POST {BUSY}fetch/",
        f"DELETE {BUSY}",
        REST,
    ),
    "payments": (
        Step(
            BOOK_SHARED,
            "Hold a room",
            changes={"start_time": "11:00:00", "end_time": "12:00:00"},
            keeps={"booking_id": "told.id || told.booking.id"},
        ),
        Step(
            "POST /api/payment-intent/",
            changes={"booking_id": _number("booking_id")},
            keeps={"client_secret": "told.client_secret || told.clientSecret"},
        ),
        REST,
    ),
    "webhooks": (
        "POST /api/admin/webhooks/",
        f"POST {WEBHOOK}/test/",
        Step(f"GET {WEBHOOK}/deliveries/", keeps={"delivery_id": "told.data[0].id"}),
        REST,
        f"POST {WEBHOOK}/deliveries/{{delivery_id}}/redeliver/",
        f"POST {WEBHOOK}/redeliver/",
        f"POST {WEBHOOK}/rotate-secret/",
        f"PATCH {WEBHOOK}/",
        f"DELETE {WEBHOOK}/",
    ),
    "commands": (
        Step(
            BOOK,
            "Create a booking without waiting",
            changes={"booking_time": "13:00"},
            headers={"Prefer": "respond-async"},
            keeps={"command_id": "told.id"},
        ),
        Step("GET /api/commands/{command_id}/", by="user", headers={"Prefer": "wait=20"}),
        REST,
        Step("DELETE /api/commands/{command_id}/", by="user"),
    ),
    "accounts": (
        "POST /api/register/",
        Step(LOGIN, "Sign in as who has registered", changes=NEWCOMER, keeps={"newcomer_token": "told.access"}),
        Step("POST /api/auth/token/", keeps={"api_token": "told.token"}),
        "POST /api/token/refresh-cookie/",
        Step("POST /api/admin/agent-keys/create/", keeps={"key_id": "told.data.id"}),
        REST,
        Step("DELETE /api/auth/token/", by="api"),
        "PUT /api/admin/agent-keys/{key_id}/update/",
        "DELETE /api/admin/agent-keys/{key_id}/delete/",
        Step("POST /api/auth/password/change/", by="newcomer", changes={"current_password": "yourpassword"}),
        Step(
            LOGIN,
            "Sign in with the new password",
            changes={**NEWCOMER, "password": "a new password"},
            keeps={"newcomer_token": "told.access"},
        ),
        Step("DELETE /api/user/", by="newcomer", changes={"password": "a new password"}),
        Step("POST /api/auth/logout/", by="practitioner"),
        "POST /api/logout/",
    ),
    "site": (
        Step(LINK, changes={"command_id": "{{command_id}}"}),
        REST,
        Step("POST /api/demo/payment/", changes={"client_secret": "{{client_secret}}"}),
    ),
}
LAST_FOLDERS = ("accounts",)
"""Logins end there."""
