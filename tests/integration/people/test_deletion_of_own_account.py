"""Somebody leaves by themselves: what is kept of them is read out first, and nothing of it is found afterwards."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.accounts.limits import EXPORTS
from core.identity.personal_data.export import PAGES
from core.identity.personal_data.inventory import STEPPED, WHEN_LEAVING, Fate, Field
from tests.conftest import FIGURE
from tests.support.clients.callers import (
    ADMIN,
    PASSWORD,
    USER,
    bearer,
    browser,
    csrf,
    execute,
    log_in,
    new_address,
    only_superuser,
    signed_in,
)
from tests.support.clients.callers import new_person as registered
from tests.support.clients.http_client import agent_booking, anonymous
from tests.support.clients.marketplace import BASE, Market, Person
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

USERS = "/api/admin/users/"
BOOKINGS = f"{BASE}/bookings/"
SQL_TABLES = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=50)


def hours(hour: int, day: int = 0) -> dict[str, str]:
    starts = SOON.replace(hour=hour) + timedelta(days=day)
    ends = starts + timedelta(hours=1)
    return {name: at.strftime("%Y-%m-%dT%H:%M:%SZ") for name, at in (("start_time", starts), ("end_time", ends))}


def ok(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.url} {answer.text}"
    return answer.json()


class Zelda:
    """Somebody who has been everywhere. Whatever says who she is holds `mark`, or one of her `numbers`."""

    def __init__(self, stack: Stack, market: Market) -> None:
        self.stack, self.market = stack, market
        self.mark = f"zelda{secrets.token_hex(4)}"
        self.numbers = [f"7{secrets.randbelow(10**9):09}" for _ in range(2)]
        self.email = f"{self.mark}@example.com"
        desk = market.desk
        made = {"phone": self.numbers[0], "first_name": self.said("first"), "last_name": self.said("last")}
        more = {"email": self.email, "password": PASSWORD, "gender": self.mark, "country": self.mark}
        self.id = ok(desk.post(f"{USERS}create/", json={"username": self.mark, **made, **more}))["data"]["id"]
        self.client = market.signed_in(self.id)

    def said(self, about: str) -> str:
        return f"{self.mark} {about}"

    def books_by_phone(self) -> None:
        who = {"phone": self.numbers[0], "first_name": self.mark, "email": self.email, "country": self.mark}
        with anonymous(self.stack.api_url) as agent:
            over = agent_booking(**who, service_name=self.said("service"), notes=self.said("notes"), status="completed")
            ok(agent.book(over))
            ok(agent.book(agent_booking(**who, service_name=self.said("to come"))))
            assert agent.book(agent_booking(**who, booking_date="2100-01-03")).status_code == 400, "a Sunday"
        ok(self.market.desk.put(f"{USERS}{self.id}/update/", json={"phone": self.numbers[1]}))
        self.client = self.market.signed_in(self.id)

    def books(self, practitioner: Person) -> None:
        service = self.market.service(practitioner)
        words = {name: self.said(name) for name in ("title", "description", "client_notes")}
        whom = {"practitioner_id": practitioner.id, "service_id": service, **words}
        for hour, verb in ((9, "cancel"), (11, "reschedule"), (13, "")):
            one = ok(self.client.post(BOOKINGS, json={**whom, **hours(hour)}))["id"]
            meeting = {"meeting_url": f"https://{self.mark}.example.com", "meeting_id": self.said("meeting")}
            ok(practitioner.client.patch(f"{BOOKINGS}{one}/", json=meeting))
            ok(self.client.patch(f"{BOOKINGS}{one}/", json={"timezone": "Pacific/Apia"}))
            ok(self.client.post(f"{BOOKINGS}{one}/notes/", json={"content": self.said("note")}))
            reason = {"reason": self.said("reason")}
            if verb == "cancel":
                ok(self.client.post(f"{BOOKINGS}{one}/cancel/", json={**reason, "canceled_by": "client"}))
            elif verb:
                ok(self.client.post(f"{BOOKINGS}{one}/reschedule/", json={**hours(hour + 1), **reason}))
        workshop = self.market.service(practitioner, booking_type="workshop")
        full = self.market.session(practitioner, workshop, capacity=1)
        seat = {"practitioner_id": practitioner.id, "service_id": workshop, "service_session_id": full}
        ok(self.market.person().client.post(BOOKINGS, json=seat))
        ok(self.client.post(f"{BASE}/sessions/{full}/waiting-list/"))

    def gives(self, client: Person) -> None:
        lunch = [{"weekday": 6, "start": "12:00", "end": "13:00"}]
        one = self.market.practitioner_of(self.id, name=self.said("doctor"), bio=self.said("bio"), breaks=lunch)
        self.client = one.client
        own = self.market.service(one, name=self.said("hour"), description=self.said("about"))
        house = self.market.made(
            "/services/", {"name": f"With {self.said('doctor')}", "duration_minutes": 60, "practitioner_ids": [one.id]}
        )
        place = {"name": self.said("studio"), "address": self.said("street")}
        location = self.market.made("/locations/", place, by=one.client)
        ok(one.client.post(f"{BASE}/locations/{location}/rooms/", json={"name": self.said("room")}))
        off = {"start_date": "2035-03-15", "reason": self.said("ill")}
        ok(one.client.post(f"{BASE}/practitioners/{one.id}/time-off/", json=off))
        workshop = self.market.service(one, booking_type="workshop")
        meeting = {"title": self.said("class"), "meeting_url": f"https://{self.mark}.example.org"}
        self.market.session(one, workshop, **meeting)
        for service, hour in ((own, 9), (house, 11)):
            wish = {"practitioner_id": one.id, "service_id": service, **hours(hour, 1)}
            booked = ok(client.client.post(BOOKINGS, json=wish))["id"]
            link = {"meeting_url": f"https://{self.mark}.example.net", "meeting_id": self.said("link")}
            ok(one.client.patch(f"{BOOKINGS}{booked}/", json=link))
            if hour == 9:
                gone = {"reason": self.said("cannot"), "canceled_by": "practitioner"}
                ok(one.client.post(f"{BOOKINGS}{booked}/cancel/", json=gone))

    def signs_in(self) -> None:
        with browser(self.stack) as other:
            log_in(other, self.email)
        ok(self.client.patch("/api/user/settings/", json={"language": "de"}))
        by_name = {"username": self.mark, "password": PASSWORD}
        ok(self.client.post("/api/auth/token/", json=by_name))
        ok(self.client.post("/api/ws-ticket/"))
        ok(self.client.post("/api/calendar-links/", json={"kind": "user", "label": self.said("calendar")}))
        rows = {
            "INSERT INTO social_account (provider, subject, user_id, email) VALUES ('github', %s, %s, %s)": (
                self.said("subject"),
                self.id,
                self.email,
            ),
            "INSERT INTO password_reset (token_hash, user_id, auth_epoch, email_key, expires_at)"
            " VALUES (sha256(%s), %s, 0, %s, now() + interval '1 hour')": (self.mark.encode(), self.id, self.email),
            "UPDATE user_account SET contact_email = %s, email_verified_at = now(), country_code = 'CA' WHERE id = %s": (
                self.email,
                self.id,
            ),
            "INSERT INTO mail_address (address_hash, user_id, bounced_at, bounce) VALUES (sha256(%s), %s, now(), '550')": (
                self.email.encode(),
                self.id,
            ),
            "INSERT INTO busy_calendar (resource_id, sealed_url, host, label, fetch_at)"
            " SELECT resource_id, %s, %s, %s, NULL FROM practitioner WHERE user_id = %s": (
                *(self.said(part) for part in ("sealed", "host", "label")),
                self.id,
            ),
            "INSERT INTO kept_mail (delivery_id, user_id, subject, text, html, calendar)"
            " VALUES (gen_random_uuid(), %s, %s, %s, %s, %s)": (
                self.id,
                *(self.said(part) for part in ("subject", "text", "html", "calendar")),
            ),
        }
        for statement, values in rows.items():
            execute(self.stack, statement, *values)
        named = {"Idempotency-Key": f"{self.mark}-key-of-hers"}
        body = {"service_name": self.said("by key"), "booking_date": "2100-01-03", "booking_time": "09:00"}
        assert self.client.post("/api/booking/create/", json=body, headers=named).status_code == 400


@pytest.fixture
def zelda(stack: Stack, market: Market) -> Zelda:
    one = Zelda(stack, market)
    one.books_by_phone()
    one.books(market.practitioner())
    one.gives(market.person())
    one.signs_in()
    return one


def found_in_the_database(zelda: Zelda) -> list[str]:
    """Rows, by table, that hold what says who she is."""
    needles = [zelda.mark, *zelda.numbers]
    tables = [row[0] for row in execute(zelda.stack, SQL_TABLES)]
    found = []
    for table in tables:
        rows = execute(
            zelda.stack, f"SELECT t::text FROM {table} t WHERE t::text ILIKE ANY(%s)", [f"%{n}%" for n in needles]
        )
        found += [f"{table}: {row[0]}" for row in rows]
    return found


def empty(zelda: Zelda) -> list[str]:
    """Listed columns and paths that say nothing of her yet: the test would prove nothing about them."""
    return [
        f"{rows.name}: {field.column} {field.path}"
        for rows in (*WHEN_LEAVING, *STEPPED)
        for field in rows.fields
        if field.fate is not Fate.KEPT and not _is_filled(zelda, rows.table, rows.find, field)
    ]


def _is_filled(zelda: Zelda, table: str, find: str, field: Field) -> bool:
    value = f"t.{field.column} #>> '{{{','.join(field.path)}}}'" if field.path else f"t.{field.column}::text"
    found = find.replace("%(id)s", str(zelda.id))
    only = f" AND {field.only}" if field.only else ""
    sql = f"SELECT EXISTS (SELECT FROM {table} t WHERE ({found}){only} AND coalesce({value}, '') NOT IN ('', '[]'))"
    return bool(execute(zelda.stack, sql)[0][0])


def test_nothing_of_somebody_who_left_is_found_anywhere(stack: Stack, zelda: Zelda, record_property: Any) -> None:
    assert empty(zelda) == []
    before = found_in_the_database(zelda)
    tables = {row.split(":")[0] for row in before}
    exported = zelda.client.get("/api/user/export/")
    data = ok(exported)["data"]
    assert set(data) == set(PAGES)
    assert exported.headers["Content-Disposition"].startswith("attachment")
    silent = {name for name, rows in data.items() if not rows}
    assert silent <= {"credits", "payments", "notes_written"}, "each of the others has something to tell"
    assert data["account"][0]["email"] == zelda.email
    assert zelda.numbers[0] in exported.text, "an earlier number too"
    assert {"reason"} < set(exported.text.replace('"', " ").split())
    for secret in ("password_hash", "$argon2", "csrf_secret", "token_hash"):
        assert secret not in exported.text

    gone = ok(zelda.client.request("DELETE", "/api/user/", json={"password": PASSWORD}))["data"]
    assert (gone["id"], gone["deleted"], gone["anonymised"]) == (zelda.id, False, True)
    assert (gone["bookings_being_cancelled"], gone["bookings_with_others"]) == (3, 1)
    wait_until(lambda: zelda.client.get("/api/auth/user/").status_code == 401, "the login has ended")
    left = "SELECT user_id FROM erasure WHERE user_id = %s"
    wait_until(lambda: execute(stack, left, zelda.id) == [], "the erasure is finished")
    assert "\n".join(found_in_the_database(zelda)) == ""
    cancelled = "SELECT count(*) FROM booking WHERE user_id = %s AND status IN ('held', 'confirmed')"
    wait_until(lambda: execute(stack, cancelled, zelda.id) == [(0,)], "what was to come is cancelled")
    assert found_in_the_database(zelda) == [], "nor what the cancellations say"
    record_property(
        FIGURE, f"{len(before)} rows of {len(tables)} tables told who somebody was, and none after they left"
    )


def leave(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.request("DELETE", "/api/user/", json=body)


def test_an_account_is_deleted_by_its_owner_only_who_proves_it_again(stack: Stack) -> None:
    with browser(stack) as client:
        email = registered(stack)
        log_in(client, email)
        assert leave(client, password=PASSWORD).json()["code"] == "csrf_failed"
        client.headers.update(csrf(client))
        for wrong in ({}, {"password": "not hers at all"}):
            answer = leave(client, **wrong)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "password")
        gone = leave(client, password=PASSWORD)
        assert gone.status_code == 200, gone.text
        assert gone.json()["data"]["deleted"] is True
        assert "holdfast_session" not in client.cookies, "a browser forgets it"
        again = client.post(
            "/api/login/", json={"email": email, "password": PASSWORD}, headers={"X-Forwarded-For": new_address()}
        )
        assert again.status_code == 401


def test_guesses_at_the_password_are_counted(stack: Stack) -> None:
    with browser(stack) as client:
        access = log_in(client, registered(stack))["access"]
        client.cookies.clear()
        client.headers.update(bearer(access))
        answers = [leave(client, password="a guess at it") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [400] * 10 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_user_without_a_password_signs_in_again(stack: Stack, market: Market) -> None:
    person = market.person()
    late = "UPDATE login_session SET created_at = now() - interval '11 minutes' WHERE user_id = %s"
    assert person.client.get("/api/auth/user/").status_code == 200
    execute(stack, late, person.user_id)
    answer = leave(person.client)
    assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_again")
    with signed_in(stack, person.user_id) as fresh:
        assert leave(fresh).status_code == 200


def test_the_last_superuser_and_the_demos_accounts_stay(stack: Stack, market: Market) -> None:
    only_superuser(stack)
    with signed_in(stack, USER) as shared:
        assert leave(shared, password=PASSWORD).json()["code"] == "demo_account"
    person = market.person()
    execute(
        stack,
        "UPDATE user_account SET is_superuser = id = %s WHERE id IN (%s, %s)",
        person.user_id,
        person.user_id,
        ADMIN,
    )
    try:
        with signed_in(stack, person.user_id) as only:
            answer = leave(only)
            assert (answer.status_code, answer.json()["code"]) == (409, "last_superuser")
    finally:
        execute(
            stack, "UPDATE user_account SET is_superuser = id = %s WHERE id IN (%s, %s)", ADMIN, person.user_id, ADMIN
        )


def test_exports_are_bounded(stack: Stack, market: Market) -> None:
    person = market.person().client
    answers = [person.get("/api/user/export/").status_code for _ in range(EXPORTS.amount + 1)]
    assert answers == [200] * EXPORTS.amount + [429]


def test_a_long_history_is_exported_in_pages(stack: Stack, market: Market) -> None:
    person = market.person()
    execute(
        stack,
        "INSERT INTO earlier_phone (user_id, until, phone_key)"
        " SELECT %s, now() + n * interval '1 s', n::text FROM generate_series(1, 3) AS n",
        person.user_id,
    )
    execute(
        stack,
        "INSERT INTO booking_note (booking_id, author_id, content) SELECT 1, %s, 'note ' || n FROM generate_series(1, 1203) AS n",
        person.user_id,
    )
    data = ok(person.client.get("/api/user/export/"))["data"]
    assert len({note["id"] for note in data["notes_written"]}) == 1203
    assert all("content" not in note for note in data["notes_written"]), "what was noted is about the client"
    assert len(data["earlier_phones"]) == 3
    execute(stack, "DELETE FROM booking_note WHERE author_id = %s", person.user_id)


def test_what_has_no_time_or_is_not_paid_yet_is_cancelled_too(stack: Stack, market: Market) -> None:
    """A package's parts can be scheduled later, and a bundle that is held can still be paid."""
    practitioner, person = market.practitioner(), market.person()
    talk = market.service(practitioner)
    package = market.service(practitioner, booking_type="package", service_ids=[talk, talk], price_cents=0)
    schedule = [{"index": 1, "practitioner_id": practitioner.id, **hours(9)}]
    ok(person.client.post(f"{BOOKINGS}create-package/", json={"service_id": package, "schedule": schedule}))
    bundle = market.service(
        practitioner, booking_type="bundle", service_ids=[talk], credits=3, valid_days=90, price_cents=5_000
    )
    ok(person.client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))
    status = "SELECT status, count(*) FROM booking WHERE user_id = %s GROUP BY 1 ORDER BY 1"
    assert execute(stack, status, person.user_id) == [("confirmed", 2), ("draft", 1), ("held", 1)]
    with signed_in(stack, person.user_id) as fresh:
        gone = ok(leave(fresh))["data"]
    assert (gone["bookings_being_cancelled"], gone["bookings_kept"]) == (4, 0)
    wait_until(lambda: execute(stack, status, person.user_id) == [("cancelled", 4)], "all are cancelled")


def test_the_money_for_a_package_without_a_time_is_said_to_come_back(stack: Stack, market: Market) -> None:
    practitioner, person = market.practitioner(), market.person()
    talk = market.service(practitioner)
    package = market.service(practitioner, booking_type="package", service_ids=[talk, talk], price_cents=0)
    bought = ok(person.client.post(f"{BOOKINGS}create-package/", json={"service_id": package}))["id"]
    execute(stack, "UPDATE booking SET price_minor = 900, payment_status = 'succeeded' WHERE id = %s", bought)
    with signed_in(stack, person.user_id) as fresh:
        gone = ok(leave(fresh))["data"]
    assert (gone["paid_bookings_to_come"], gone["refunds_expected"]) == (1, 1)


def a_bundle(market: Market, credits_: int) -> tuple[Any, int, int]:
    """(practitioner, service, bundle): somebody's talks, bought in advance for nothing."""
    practitioner = market.practitioner()
    talk = market.service(practitioner)
    bundle = market.service(
        practitioner, booking_type="bundle", service_ids=[talk], credits=credits_, valid_days=90, price_cents=0
    )
    return practitioner, talk, bundle


def test_an_unspent_bundle_is_cancelled_and_its_money_is_said_to_come_back(stack: Stack, market: Market) -> None:
    person = market.person()
    _, _, bundle = a_bundle(market, 3)
    bought = ok(person.client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))["id"]
    execute(stack, "UPDATE booking SET price_minor = 900, payment_status = 'succeeded' WHERE id = %s", bought)
    with signed_in(stack, person.user_id) as fresh:
        gone = ok(leave(fresh))["data"]
    assert (gone["credits_lost"], gone["bookings_being_cancelled"], gone["refunds_expected"]) == (0, 1, 1)
    status = "SELECT status FROM booking WHERE id = %s"
    wait_until(lambda: execute(stack, status, bought) == [("cancelled",)], "the bundle is cancelled")


def test_credits_of_a_bundle_used_in_part_are_given_up_only_by_saying_so(stack: Stack, market: Market) -> None:
    person = market.person()
    _, _, bundle = a_bundle(market, 3)
    bought = ok(person.client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))["id"]
    execute(stack, "UPDATE credit SET balance = 2 WHERE booking_id = %s", bought)
    with signed_in(stack, person.user_id) as fresh:
        stays = leave(fresh)
        assert (stays.status_code, stays.json()["code"]) == (409, "credits_left")
        assert stays.json()["errors"][0]["field"] == "give_up_credits"
        gone = ok(leave(fresh, give_up_credits=True))["data"]
    assert (gone["credits_lost"], gone["bookings_being_cancelled"]) == (2, 0)
    assert execute(stack, "SELECT status FROM booking WHERE id = %s", bought) == [("confirmed",)]


def test_a_bundle_whose_last_credit_comes_back_by_the_deletion_is_cancelled_as_well(
    stack: Stack, market: Market
) -> None:
    person = market.person()
    practitioner, talk, bundle = a_bundle(market, 2)
    bought = ok(person.client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))["id"]
    wanted = {"service_id": talk, "practitioner_id": practitioner.id, **hours(9)}
    ok(person.client.post(BOOKINGS, json=wanted))
    assert execute(stack, "SELECT balance FROM credit WHERE booking_id = %s", bought) == [(1,)]
    with signed_in(stack, person.user_id) as fresh:
        ok(leave(fresh, give_up_credits=True))
    status = "SELECT status, count(*) FROM booking WHERE user_id = %s GROUP BY 1"
    wait_until(lambda: execute(stack, status, person.user_id) == [("cancelled", 2)], "both are cancelled")
