"""Every route by which staff, superusers and agent keys change something leaves one entry, and no secret in it.

Commands of the command line: `AUDITED` in tests/unit/ops/test_command_line.py.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from api.route_rules import ALLOWED, TABLE, Rule
from core.domain.versions import SCHEMA_VERSION
from core.identity import users
from core.identity.credentials import reset_tokens
from core.identity.demo_accounts import AGENT_KEY
from core.identity.principals import PrincipalKind as Kind
from core.store.connections.database import connect_lane
from tests.support.clients.callers import ADMIN, PASSWORD, access_for, bearer, execute, log_in, new_address
from tests.support.clients.http_client import agent_booking, free_day, free_slot
from tests.support.clients.market_bookings import at
from tests.support.clients.marketplace import Market, next_hours
from tests.support.clients.rooms import wish
from tests.support.clients.time_slots import DAYS
from tests.support.conformance.examples import SQL_BOUNCED, SQL_GIVEN_UP_ON, SQL_PARKED_PAYMENT
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until
from tests.support.webhooks import sent_delivery

NO_CHANGE = {
    "POST /api/login": "a sign-in",
    "POST /api/auth/login": "a sign-in",
    "POST /api/token/refresh-cookie": "a sign-in that goes on",
    "POST /api/logout": "a sign-out",
    "POST /api/auth/logout": "a sign-out",
    "DELETE /api/user/logins": "a sign-out elsewhere",
    "DELETE /api/user/logins/{id}": "the same",
    "POST /api/ws-ticket": "a sign-in for one socket",
    "POST /api/register": "somebody makes an account of their own",
    "POST /api/auth/register": "the same",
    "POST /api/auth/password/reset": "a mail to whoever asked",
    "POST /api/cleanup-expired-bookings": "the clock's work, whoever asks for it",
    "POST /api/stripe-webhook": "Stripe's",
    "POST /api/v1/drf/bookings/check-availability": "a question",
    "POST /api/v1/drf/availability": "a question",
    "POST /api/payment-intent": "paid for oneself: tests/unit/store/test_decided_changes.py",
    "POST /api/demo/payment": "paid for oneself, at the demo's stand-in",
    "POST /api/booking-links": "a link to what its caller has just booked; nothing of the booking changes",
    "POST /api/guest/bookings/{token}/cancel": "a guest's own booking, as when its user cancels it",
    "POST /api/guest/bookings/{token}/move": "a guest's own booking",
    "POST /guest/{token}/cancel": "the same from a page",
    "POST /guest/{token}/move": "the same from a page",
    "POST /guest/addresses/{token}": "a reader answers for an address of their own",
    "POST /guest/reminders/{token}": "a reader's own reminders",
}
"""By method and route: why nothing is left, or where it is tested."""
AUDITED = {Kind.STAFF, Kind.SUPERUSER, Kind.AGENT}
SQL_ENTRIES = """
SELECT e.action, e.actor, e.subject, e.actor_kind FROM audit_entry e LEFT JOIN audit_person p ON p.entry_id = e.id
WHERE (%s IN (e.address, p.address) OR e.action = 'user.deleted' AND coalesce(e.address, p.address) IS NULL)
  AND e.id > %s ORDER BY e.id
"""
"""The address of a person who has left is erased, at once or a moment later."""
SQL_HOLD = "UPDATE booking SET status = 'held', hold_expires_at = now() + interval '1 hour' WHERE id = %s"
SECRET = re.compile(r"hf[at]_|\$argon2|eyJ[A-Za-z0-9_-]{8}|\\x[0-9a-f]{32}")
"""A key, a token, a hash of a password, a signed token, bytes such as a hash."""


class Walk:
    """Sends one change after another, each from the same address, and looks for its entry."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.address = new_address()
        self.client = httpx.Client(base_url=stack.api_url, timeout=35.0, headers={"X-Forwarded-For": self.address})
        self.admin = bearer(access_for(stack, ADMIN))
        self.key = {"Authorization": f"Token {AGENT_KEY}"}
        self.walked: set[str] = set()
        self.wrong: list[str] = []
        self.typed = {PASSWORD}
        """Secrets that were sent."""

    def last(self) -> int:
        return int(execute(self.stack, "SELECT coalesce(max(id), 0) FROM audit_entry")[0][0])

    def send(
        self,
        line: str,
        action: str,
        body: Any = None,
        *,
        ids: Sequence[Any] = (),
        who: dict[str, str] | None = None,
        actor: str = f"user:{ADMIN}",
        subject: str | None = None,
        after: bool = False,
    ) -> Any:
        """`line` is a method and route with `{}` for ids. `after`: the entry comes a moment after the answer."""
        method, _, template = line.partition(" ")
        before = self.last()
        numbers = iter(ids)
        path = re.sub(r"\{\w*\}", lambda _: str(next(numbers)), template)
        answer = self.client.request(method, f"{path}/", json=body, headers=self.admin if who is None else who)
        self.walked.add(line)
        self.client.cookies.clear()
        if not answer.is_success:
            self.wrong.append(f"{line}: {answer.status_code} {answer.text}")
            return {}
        if after:
            wait_until(lambda: self.entries(before) != [], f"{line} leaves an entry")
        found = self.entries(before)
        kind = Kind.AGENT if actor.startswith("key:") else Kind.SUPERUSER if actor == f"user:{ADMIN}" else None
        if [(one[0], one[1]) for one in found] != [(action, actor)] or subject not in {None, found[0][2]}:
            self.wrong.append(f"{line}: {found}")
        elif kind not in {None, found[0][3]}:
            self.wrong.append(f"{line}: by {found[0][3]}, not by {kind}")
        return answer.json()

    def entries(self, after: int) -> list[tuple[Any, ...]]:
        return execute(self.stack, SQL_ENTRIES, self.address, after)


@pytest.fixture(scope="module")
def walk(stack: Stack) -> Iterator[Walk]:
    one = Walk(stack)
    yield one
    one.client.close()


def desk(walk: Walk) -> None:
    kept = walk.client.get("/api/booking/settings/").json()["data"]
    changed = {"DEFAULT_RESERVATION_DURATION_MINUTES": 50}
    walk.send("POST /api/booking/settings", "booking_settings.changed", changed)
    walk.send("POST /api/booking/settings", "booking_settings.changed", {name: kept[name] for name in changed})
    closure = walk.send("POST /api/admin/closures", "closure.created", {"start_date": free_day(), "reason": "Ill"})
    walk.send("DELETE /api/admin/closures/{id}", "closure.deleted", ids=(closure["data"]["id"],))
    name = f"Audited {secrets.token_hex(4)}"
    service = walk.send("POST /api/admin/services", "service.created", {"name": name})["data"]["id"]
    walk.send("PUT /api/admin/services/{id}", "service.changed", {"description": "x"}, ids=(service,))
    walk.send("DELETE /api/admin/services/{id}", "service.changed", ids=(service,))
    bookings = [
        walk.send(
            "POST /api/booking/create",
            "booking.created",
            {"user_id": 1, "service_name": "Legal Consultation", **free_slot()},
        )["data"]["id"]
        for _ in range(5)
    ]
    update = "PUT /api/admin/bookings/{id}/update"
    walk.send(update, "booking.status_changed", {"status": "completed"}, ids=bookings[:1])
    walk.send("POST /api/admin/bookings/{id}/move", "booking.moved", free_time(), ids=bookings[1:2])
    execute(walk.stack, "UPDATE booking SET starts_at = now() - interval '1 hour' WHERE id = ANY(%s)", bookings[3:])
    walk.send("POST /api/admin/bookings/{id}/complete", "booking.status_changed", ids=bookings[3:4])
    walk.send("POST /api/admin/bookings/{id}/no-show", "booking.status_changed", ids=bookings[4:])
    execute(walk.stack, SQL_HOLD, bookings[2])
    walk.send("POST /api/admin/bookings/{id}/confirm", "booking.status_changed", ids=bookings[2:3])
    mine = {"user_id": ADMIN, "service_name": "Legal Consultation", **free_slot()}
    own = walk.send("POST /api/booking/create", "booking.created", mine)["data"]["id"]
    walk.send("POST /api/bookings/{id}/move", "booking.moved", free_time(), ids=(own,))
    cancelled = f"booking:{bookings[1]}"
    walk.send("DELETE /api/admin/bookings/{id}", "booking.cancelled", ids=bookings[1:2], subject=cancelled)
    walk.send("DELETE /api/admin/bookings/{id}/delete", "booking.deleted", ids=bookings[2:])


def free_time() -> dict[str, str]:
    slot = free_slot()
    return {"start_time": f"{slot['booking_date']}T{slot['booking_time']}"}


def agents(walk: Walk) -> None:
    as_key: dict[str, Any] = {"who": walk.key, "actor": "key:1"}
    walk.send("POST /api/agent/booking/create", "booking.created", agent_booking(), **as_key)
    walk.send("POST /api/agent/bookings/bulk", "booking.created", [agent_booking()], after=True, **as_key)
    walk.send("POST /api/agent/booking/create", "booking.created", agent_booking())
    key = walk.send("POST /api/admin/agent-keys/create", "agent_key.created", {"name": "Audited"})["data"]
    walk.typed.add(key["key"])
    walk.send("PUT /api/admin/agent-keys/{id}/update", "agent_key.changed", {"name": "Other"}, ids=(key["id"],))
    walk.send("DELETE /api/admin/agent-keys/{id}/delete", "agent_key.revoked", ids=(key["id"],))


def webhooks(walk: Walk) -> None:
    route = "/api/admin/webhooks"
    made = walk.send(f"POST {route}", "webhook.created", {"url": "https://hooks.example.com/"})["data"]
    ids = (made["id"],)
    rotated = walk.send(f"POST {route}/{{id}}/rotate-secret", "webhook.secret_rotated", ids=ids)["data"]
    walk.typed |= {made["secret"], rotated["secret"]}
    walk.send(f"POST {route}/{{id}}/test", "webhook.tested", ids=ids)
    sent = sent_delivery(walk.stack, made["id"])
    again = f"POST {route}/{{id}}/deliveries/{{delivery_id}}/redeliver"
    walk.send(again, "webhook.redelivered", ids=(made["id"], sent))
    walk.send(f"POST {route}/{{id}}/redeliver", "webhook.redelivered", {"start_date": "2030-01-01"}, ids=ids)
    walk.send(f"PATCH {route}/{{id}}", "webhook.changed", {"is_enabled": False}, ids=ids)
    walk.send(f"DELETE {route}/{{id}}", "webhook.deleted", ids=ids)


def embedding_origins(walk: Walk) -> None:
    route = "/api/admin/embedding-origins"
    made = walk.send(f"POST {route}", "embedding_origin.allowed", {"origin": "https://audited.example.com"})["data"]
    walk.send(f"DELETE {route}/{{id}}", "embedding_origin.removed", ids=(made["id"],))


def person(walk: Walk, **fields: Any) -> tuple[int, str]:
    """(id, address) of somebody new with `PASSWORD`."""
    email = f"audited-{secrets.token_hex(6)}@example.com"
    body = {"username": email, "email": email, "password": PASSWORD, **fields}
    made = walk.send("POST /api/admin/users/create", "user.created", body)["data"]
    return int(made["id"]), email


def people(walk: Walk) -> None:
    user, _ = person(walk)
    change = {"first_name": "Zelda", "is_staff": True, "password": "another secret"}
    walk.typed.add("another secret")
    walk.send("PUT /api/admin/users/{id}/update", "user.changed", change, ids=(user,), subject=f"user:{user}")
    execute(
        walk.stack,
        "UPDATE user_account SET email = NULL, email_key = NULL, contact_email = username WHERE id = %s",
        user,
    )
    execute(walk.stack, "UPDATE user_account SET is_staff = false WHERE id = %s", user)
    walk.send("POST /api/admin/users/{id}/confirm-email", "user.email_confirmed", ids=(user,))
    execute(walk.stack, SQL_BOUNCED, user)
    walk.send("DELETE /api/admin/bounced-addresses/{id}", "user.address_works", ids=(user,))
    walk.send("DELETE /api/admin/users/{id}/delete", "user.deleted", ids=(user,))


def own_account(walk: Walk) -> None:
    """What staff do to their own."""
    user, email = person(walk, is_staff=True)
    as_self: dict[str, Any] = {"actor": f"user:{user}"}
    token = walk.send(
        "POST /api/auth/token", "user.api_token_created", {"email": email, "password": PASSWORD}, who={}, **as_self
    )["token"]
    walk.typed |= {token, "a third secret", "a fourth secret"}
    walk.send("DELETE /api/auth/token", "api_token.revoked", who={"Authorization": f"Token {token}"}, **as_self)
    with httpx.Client(base_url=walk.stack.api_url, headers={"X-Forwarded-For": new_address()}) as client:
        access = bearer(log_in(client, email)["access"])
    body = {"current_password": PASSWORD, "password": "a third secret"}
    walk.send("POST /api/auth/password/change", "user.password_changed", body, who=access, **as_self)
    reset = {"token": asyncio.run(reset_token(walk.stack, user)), "password": "a fourth secret"}
    walk.typed.add(reset["token"])
    walk.send("POST /api/auth/password/reset/confirm", "user.password_reset", reset, who={}, **as_self)
    access = bearer(access_for(walk.stack, user))
    settings = {"language": "de", "reminders": False}
    walk.send("PATCH /api/user/settings", "user.settings_changed", settings, who=access, **as_self)
    walk.send("DELETE /api/user", "user.deleted", {"password": "a fourth secret"}, who=access, **as_self)


async def reset_token(stack: Stack, user_id: int) -> str:
    """As it is mailed."""
    async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
        user = await users.by_id(connection, user_id)
        assert user is not None
        token = await reset_tokens.issue(connection, user)
    assert token is not None
    return token


def rooms(walk: Walk) -> None:
    body = {"name": f"Audited {secrets.token_hex(4)}", "price_per_slot": 0, "capacity": 10}
    room = walk.send("POST /api/admin/rooms", "room.created", body)["id"]
    walk.send("PUT /api/admin/rooms/{id}", "room.changed", {"capacity": 11}, ids=(room,), subject=f"room:{room}")
    walk.send("PATCH /api/admin/rooms/{id}", "room.changed", {"capacity": 12}, ids=(room,))
    booking = walk.send("POST /api/bookings", "booking.created", wish(room))["id"]
    walk.send("DELETE /api/bookings/{id}", "booking.cancelled", ids=(booking,))


def calendar(walk: Walk) -> None:
    name, day = f"Audited {secrets.token_hex(4)}", next(DAYS)
    category = walk.send("POST /api/admin/categories", "category.created", {"name": name})["id"]
    walk.send("PUT /api/admin/categories/{id}", "category.changed", {"name": name + "!"}, ids=(category,))
    slot = {"start_time": f"{day}T09:00:00Z", "end_time": f"{day}T10:00:00Z", "category": category}
    made = walk.send("POST /api/admin/timeslots", "time_slot.created", slot)["id"]
    change = {"end_time": f"{day}T10:30:00Z"}
    walk.send("PUT /api/admin/timeslots/{id}", "time_slot.changed", change, ids=(made,), subject=f"time_slot:{made}")
    walk.send("DELETE /api/admin/timeslots/{id}", "time_slot.deleted", ids=(made,))
    week = {"start_date": f"{next(DAYS)}", "weekdays": [0, 1, 2, 3, 4, 5, 6], "duration_minutes": 60}
    hours = {"end_date": f"{next(DAYS)}", "start_time": "12:00", "end_time": "14:00", "category": category}
    walk.send("POST /api/admin/timeslots/weekly", "time_slot.created", week | hours)


DRF = "/api/v1/drf"


def busy_calendars(walk: Walk) -> None:
    """Any resource's, and those of staff who are practitioners."""
    user, _ = person(walk, is_staff=True)
    walk.send(f"POST {DRF}/practitioners", "practitioner.created", {"user_id": user})
    own: dict[str, Any] = {"who": bearer(access_for(walk.stack, user)), "actor": f"user:{user}"}
    sent = {"url": "https://calendars.example.com/key/basic.ics"}
    whose: tuple[tuple[str, dict[str, Any]], ...] = (("/api/admin/busy-calendars", {}), ("/api/busy-calendars", own))
    for route, as_whom in whose:
        made = walk.send(f"POST {route}", "busy_calendar.created", sent, **as_whom)["data"]["id"]
        execute(walk.stack, "UPDATE busy_calendar SET lease = NULL, tried_at = NULL WHERE id = %s", made)
        walk.send(f"POST {route}/{{id}}/fetch", "busy_calendar.fetched", ids=(made,), **as_whom)
        walk.send(f"DELETE {route}/{{id}}", "busy_calendar.deleted", ids=(made,), **as_whom)


def linked_accounts(walk: Walk) -> None:
    sql = "INSERT INTO social_account (provider, subject, user_id) VALUES ('github', 'audited', %s) RETURNING id"
    linked = execute(walk.stack, sql, ADMIN)[0][0]
    walk.send("DELETE /api/oauth/accounts/{id}", "user.provider_unlinked", ids=(linked,))


def calendar_links(walk: Walk) -> None:
    made = walk.send("POST /api/calendar-links", "calendar_link.created", {"kind": "desk"})["data"]["id"]
    walk.send("POST /api/calendar-links/{id}/rotate", "calendar_link.rotated", ids=(made,))
    walk.send("DELETE /api/calendar-links/{id}", "calendar_link.revoked", ids=(made,))


def marketplace(walk: Walk, market: Market) -> None:
    user = market.person().user_id
    week = [{"weekday": day, "start": "09:00", "end": "17:00"} for day in range(7)]
    body = {"user_id": user, "horizon_days": 3660, "hours": week}
    whom = walk.send(f"POST {DRF}/practitioners", "practitioner.created", body)["id"]
    walk.send(f"PATCH {DRF}/practitioners/{{id}}", "practitioner.changed", {"bio": "Her life"}, ids=(whom,))
    off = {"start_date": "2041-01-01", "end_date": "2041-01-02", "reason": "Holiday"}
    closure = walk.send(f"POST {DRF}/practitioners/{{id}}/time-off", "closure.created", off, ids=(whom,))["id"]
    walk.send(f"DELETE {DRF}/practitioners/{{id}}/time-off/{{id}}", "closure.deleted", ids=(whom, closure))
    place = walk.send(f"POST {DRF}/locations", "location.created", {"name": "Here", "address": "There"})["id"]
    walk.send(f"PATCH {DRF}/locations/{{id}}", "location.changed", {"address": "Elsewhere"}, ids=(place,))
    rooms = walk.send(f"POST {DRF}/locations/{{id}}/rooms", "location.changed", {"name": "Room"}, ids=(place,))
    room = rooms["rooms"][0]["id"]
    walk.send(f"DELETE {DRF}/locations/{{id}}/rooms/{{id}}", "location.changed", ids=(place, room))
    services = services_of(walk, whom)
    walk.send(f"PATCH {DRF}/services/{{id}}", "service.changed", {"description": "x"}, ids=(services["individual"],))
    buy(walk, whom, services)


def services_of(walk: Walk, practitioner: int) -> dict[str, int]:
    """By type; free of charge."""
    found: dict[str, int] = {}
    kinds: dict[str, dict[str, Any]] = {
        "individual": {"duration_minutes": 60},
        "group": {},
        "course": {},
        "package": {},
        "bundle": {"credits": 3, "valid_days": 30},
    }
    for kind, more in kinds.items():
        body: dict[str, Any] = {"name": f"Audited {kind}", "booking_type": kind, **more}
        if kind in {"package", "bundle"}:
            body["service_ids"] = [found["individual"]]
        else:
            body["practitioner_ids"] = [practitioner]
        found[kind] = walk.send(f"POST {DRF}/services", "service.created", body)["id"]
    return found


def buy(walk: Walk, practitioner: int, services: dict[str, int]) -> None:
    seats = {"practitioner_id": practitioner, "capacity": 1}
    sessions = [
        walk.send(f"POST {DRF}/sessions", "session.created", {"service_id": services[kind], **seats, **next_hours()})[
            "id"
        ]
        for kind in ("group", "course")
    ]
    hour = {"service_id": services["individual"], "practitioner_id": practitioner, "user_id": 1}
    bookings = [
        walk.send(f"POST {DRF}/bookings", "booking.created", {**hour, **at(9, day=day)})["id"] for day in range(5)
    ]
    for kind in ("package", "bundle", "course"):
        walk.send(f"POST {DRF}/bookings/create-{kind}", "booking.created", {"service_id": services[kind]})
    change, note = {"title": "Second opinion"}, {"content": "A note"}
    walk.send(f"PATCH {DRF}/bookings/{{id}}", "booking.amended", change, ids=bookings[:1])
    walk.send(f"POST {DRF}/bookings/{{id}}/notes", "booking.note_added", note, ids=bookings[:1])
    walk.send(f"POST {DRF}/bookings/{{id}}/reschedule", "booking.moved", at(11), ids=bookings[:1])
    walk.send(f"POST {DRF}/bookings/{{id}}/cancel", "booking.status_changed", {}, ids=bookings[:1])
    walk.send(f"DELETE {DRF}/bookings/{{id}}", "booking.status_changed", ids=bookings[1:2])
    execute(
        walk.stack,
        "UPDATE booking SET starts_at = starts_at - interval '60 days', ends_at = ends_at - interval '60 days'"
        " WHERE id = ANY(%s)",
        bookings[2:4],
    )
    walk.send(f"POST {DRF}/bookings/{{id}}/complete", "booking.status_changed", {}, ids=bookings[2:3])
    walk.send(f"POST {DRF}/bookings/{{id}}/no-show", "booking.status_changed", {}, ids=bookings[3:4])
    execute(
        walk.stack,
        "UPDATE booking SET status = 'held', hold_expires_at = now() + interval '1 day' WHERE id = %s",
        bookings[4],
    )
    walk.send(f"POST {DRF}/bookings/{{id}}/confirm", "booking.status_changed", {}, ids=bookings[4:])
    seat = {"service_id": services["group"], "service_session_id": sessions[0]}
    walk.send(f"POST {DRF}/bookings", "booking.created", seat)
    waiting = f"{DRF}/sessions/{{id}}/waiting-list"
    other = bearer(access_for(walk.stack, 2))
    as_staff: dict[str, Any] = {"who": other, "actor": "user:2"}
    walk.send(f"POST {waiting}", "waiting_place.created", {}, ids=(sessions[0],), **as_staff)
    walk.send(f"DELETE {waiting}", "waiting_place.deleted", ids=(sessions[0],), **as_staff)
    walk.send(f"PATCH {DRF}/sessions/{{id}}", "session.changed", {"capacity": 7}, ids=(sessions[1],))
    cancelled = f"session:{sessions[1]}"
    walk.send(f"DELETE {DRF}/sessions/{{id}}", "session.cancelled", ids=(sessions[1],), subject=cancelled, after=True)


def withdrawal(walk: Walk) -> None:
    """Of a command whose lane is held up."""
    with psycopg.connect(walk.stack.database_url) as holding:
        holding.execute("SELECT pg_advisory_xact_lock(%s, lane) FROM generate_series(0, 63) AS lane", (0x4C414E45,))
        accepted = walk.client.post(
            "/api/agent/booking/create/", json=agent_booking(), headers={**walk.key, "Prefer": "respond-async"}
        )
        id_ = accepted.json()["id"]
        execute(walk.stack, "UPDATE inbox SET put_off_until = now() + interval '1 day' WHERE id = %s", id_)
    walk.send("DELETE /api/commands/{id}", "command.withdrawn", ids=(id_,), subject=f"command:{id_}")


def parked(walk: Walk) -> None:
    route = "/api/admin/parked"
    replayed, dropped, payment = uuid4(), uuid4(), str(uuid4())
    with connect_lane(walk.stack.database_url, "holdfast tests") as connection:
        for id_ in (replayed, dropped):
            connection.execute(SQL_GIVEN_UP_ON.encode(), {"id": str(id_), "version": SCHEMA_VERSION})
    of_command = f"command:{replayed}"
    walk.send(f"POST {route}/commands/{{id}}/replay", "command.replayed", ids=(replayed,), subject=of_command)
    walk.send(f"DELETE {route}/commands/{{id}}", "command.dropped", ids=(dropped,), subject=f"command:{dropped}")
    execute(walk.stack, SQL_PARKED_PAYMENT, payment)
    try:
        walk.send(f"POST {route}/payments/{{id}}/replay", "payment.replayed", ids=(payment,))
    finally:
        execute(walk.stack, "DELETE FROM payment WHERE id = %s", payment)


def test_every_change_leaves_one_entry_and_no_secret(walk: Walk, market: Market) -> None:
    for part in (
        desk,
        agents,
        webhooks,
        embedding_origins,
        people,
        own_account,
        rooms,
        calendar,
        linked_accounts,
        calendar_links,
        busy_calendars,
        withdrawal,
        parked,
    ):
        part(walk)
    marketplace(walk, market)
    assert walk.wrong == []
    assert changing_routes() - walk.walked - NO_CHANGE.keys() == set(), "walk it, or say why nothing is left"
    assert NO_CHANGE.keys() - changing_routes() == set(), "there is no such route"
    kept = "SELECT concat(to_jsonb(t)) FROM audit_entry t UNION ALL SELECT concat(to_jsonb(t)) FROM audit_person t"
    texts = [text for (text,) in execute(walk.stack, kept)]
    assert len(texts) > 100
    assert [text for text in texts if SECRET.search(text) or any(typed in text for typed in walk.typed)] == []


def changing_routes() -> set[str]:
    """What staff, superusers or agent keys may send that is no question."""
    return {
        f"{method} {template}"
        for template, methods in TABLE.items()
        for method, rule in methods.items()
        if method != "GET" and (AUDITED & ALLOWED[rule] or rule is Rule.SIGN_IN)
    }
