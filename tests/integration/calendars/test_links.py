"""Links to calendars: what each kind shows, who may make it, and all the ways in which it ends."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import httpx
import pytest

from api.calendars.subscribed_file import READS, UNKNOWN_TOKENS
from api.limits.throttle import Limit, Throttle
from core.identity.principals import hash_token
from tests.integration.calendars.conftest import HOUR, LATER, booked, events
from tests.support.clients.callers import ADMIN, PRACTITIONER, STAFF, USER, browser, execute, new_address, signed_in
from tests.support.clients.marketplace import BASE, Market, Person
from tests.support.clients.rooms import new_room
from tests.support.processes.stack import Stack

LINKS = "/api/calendar-links/"
NOT_FOUND = 404


def make(client: httpx.Client, kind: str, **changes: Any) -> dict[str, Any]:
    answer = client.post(LINKS, json={"kind": kind, **changes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def read(url: str, tag: str = "") -> httpx.Response:
    """As a calendar does: without credentials, from an address of its own."""
    headers = {"X-Forwarded-For": new_address(), **({"If-None-Match": tag} if tag else {})}
    return httpx.get(url, headers=headers, timeout=30.0)


def words(answer: httpx.Response) -> set[tuple[str, str]]:
    return {(str(event["SUMMARY"]), str(event["STATUS"])) for event in events(answer)}


def test_one_s_own_bookings_are_read_by_a_link_that_is_shown_once(stack: Stack, market: Market, room: int) -> None:
    me = market.person()
    id_ = booked(me.client, room)["id"]
    made = make(me.client, "user")
    token = made["url"].rpartition("/")[2].removesuffix(".ics")
    ((kept,),) = execute(stack, "SELECT token_hash FROM calendar_link WHERE id = %s", made["id"])
    assert bytes(kept) == hash_token(token)
    assert token not in me.client.get(LINKS).text

    plain = read(made["url"])
    assert words(plain) == {("Booked", "CONFIRMED")}
    assert "Blue" not in plain.text
    assert plain.headers["Cache-Control"] == "private, no-cache"
    assert (plain.headers["Referrer-Policy"], plain.headers["X-Robots-Tag"]) == ("no-referrer", "noindex, nofollow")
    assert read(made["url"], plain.headers["ETag"]).status_code == 304
    named = make(me.client, "user", names=True, label="My rooms")
    assert words(read(named["url"])) == {("The Blue, Room; 1", "CONFIRMED")}
    assert b"X-WR-CALNAME:My rooms\r\n" in read(named["url"]).content

    assert me.client.delete(f"/api/bookings/{id_}/").status_code == 200
    assert words(read(made["url"], plain.headers["ETag"])) == {("Booked", "CANCELLED")}


def test_a_room_a_category_the_desk_and_a_practitioner_show_what_takes_their_time(
    stack: Stack, market: Market, staff: httpx.Client, room: int
) -> None:
    me = market.person()
    id_ = booked(me.client, room)["id"]
    other = new_room(staff, price_per_slot=0)
    of_room, of_other = make(staff, "room", subject_id=room), make(staff, "room", subject_id=other)
    assert words(read(of_room["url"])) == {("Booked", "CONFIRMED")}
    assert words(read(of_other["url"])) == set()
    named = make(staff, "room", subject_id=room, names=True)
    ((username,),) = execute(stack, "SELECT username FROM user_account WHERE id = %s", me.user_id)
    assert words(read(named["url"])) == {(f"The Blue, Room; 1: {username}", "CONFIRMED")}
    assert me.client.delete(f"/api/bookings/{id_}/").status_code == 200
    assert words(read(of_room["url"])) == set()
    for made in (make(staff, "desk"), make(staff, "category", subject_id=_category(stack))):
        assert read(made["url"]).status_code == 200


def _category(stack: Stack) -> int:
    ((id_,),) = execute(stack, "SELECT min(id) FROM category")
    return int(id_)


def test_a_practitioner_has_one_entry_for_a_session_and_one_for_each_other_booking(
    stack: Stack, market: Market
) -> None:
    doctor, clients = market.practitioner(), [market.person() for _ in range(2)]
    workshop = market.service(doctor, booking_type="workshop", name=f"Yoga {secrets.token_hex(4)}")
    session = market.session(doctor, workshop, **LATER)
    for client in clients:
        market.made("/bookings/", {"service_id": workshop, "service_session_id": session}, by=client.client)
    body = {"service_id": market.service(doctor), "practitioner_id": doctor.id, **HOUR}
    market.made("/bookings/", body, by=clients[0].client)
    made = make(doctor.client, "practitioner")
    assert sorted(str(event["SUMMARY"]) for event in events(read(made["url"]))) == ["Booked", "Booked"]
    own, by_staff = (
        make(doctor.client, "practitioner", names=True),
        make(market.desk, "practitioner", subject_id=doctor.id, names=True),
    )
    summaries = [sorted(str(event["SUMMARY"]) for event in events(read(one["url"]))) for one in (own, by_staff)]
    assert summaries[0] == summaries[1]
    assert any(summary.startswith("Yoga") for summary in summaries[0])


@pytest.mark.parametrize(
    ("who", "body", "status", "field"),
    [
        (USER, {"kind": "desk"}, 403, None),
        (USER, {"kind": "room", "subject_id": 1}, 403, None),
        (USER, {"kind": "category", "subject_id": 1}, 403, None),
        (USER, {"kind": "practitioner"}, 403, None),
        (USER, {"kind": "practitioner", "subject_id": 1}, 403, None),
        (PRACTITIONER, {"kind": "desk", "names": True}, 403, None),
        (PRACTITIONER, {"kind": "practitioner", "subject_id": 999999999}, 403, None),
        (STAFF, {"kind": "room"}, 400, "subject_id"),
        (STAFF, {"kind": "room", "subject_id": 999999999}, 400, "subject_id"),
        (STAFF, {"kind": "desk", "subject_id": 1}, 400, "subject_id"),
        (USER, {"kind": "user", "subject_id": 2}, 400, "subject_id"),
        (USER, {"kind": "everything"}, 400, "kind"),
        (USER, {"kind": "user", "names": "yes"}, 400, "names"),
        (USER, {"kind": "user", "token": "mine"}, 400, "token"),
    ],
)
def test_a_link_that_somebody_may_not_make_is_refused(
    stack: Stack, who: int, body: dict[str, Any], status: int, field: str | None
) -> None:
    with signed_in(stack, who) as client:
        answer = client.post(LINKS, json=body)
    assert answer.status_code == status, answer.text
    assert field is None or [problem["field"] for problem in answer.json()["errors"]] == [field]


def test_a_link_ends_when_it_is_rotated_or_revoked_and_says_no_more_than_an_unknown_one(
    stack: Stack, market: Market
) -> None:
    me, other = market.person(), market.person()
    made = make(me.client, "user")
    for method, path in (("POST", f"{LINKS}{made['id']}/rotate/"), ("DELETE", f"{LINKS}{made['id']}/")):
        assert other.client.request(method, path).status_code == NOT_FOUND
    rotated = me.client.post(f"{LINKS}{made['id']}/rotate/").json()["data"]
    assert (read(made["url"]).status_code, read(rotated["url"]).status_code) == (NOT_FOUND, 200)
    assert me.client.delete(f"{LINKS}{made['id']}/").status_code == 200
    revoked, unknown = read(rotated["url"]), read(f"{stack.api_url}/api/calendars/{secrets.token_urlsafe(32)}.ics")
    assert (revoked.status_code, revoked.json()) == (unknown.status_code, unknown.json())
    assert revoked.headers.keys() == unknown.headers.keys()
    assert me.client.get(LINKS).json()["data"] == []
    assert me.client.post(f"{LINKS}{made['id']}/rotate/").status_code == NOT_FOUND


def test_a_link_ends_for_good_with_the_role_that_made_it(stack: Stack, market: Market) -> None:
    person, boss = market.person(), market.signed_in(ADMIN)
    change = f"/api/admin/users/{person.user_id}/update/"
    assert boss.put(change, json={"is_staff": True}).status_code == 200
    client = market.signed_in(person.user_id)
    desk, own = make(client, "desk"), make(client, "user")
    assert boss.put(change, json={"is_staff": False}).status_code == 200
    assert (read(desk["url"]).status_code, read(own["url"]).status_code) == (NOT_FOUND, 200)
    assert boss.put(change, json={"is_staff": True}).status_code == 200
    assert read(desk["url"]).status_code == NOT_FOUND
    assert boss.put(change, json={"is_active": False}).status_code == 200
    assert read(own["url"]).status_code == NOT_FOUND


@pytest.mark.parametrize(
    "ended", ["is_active = false", "anonymised_at = clock_timestamp()", "is_staff = false, is_superuser = false"]
)
def test_the_role_is_looked_at_with_each_read(stack: Stack, market: Market, ended: str) -> None:
    """Also where a role was taken behind the API's back."""
    person = market.person()
    execute(stack, "UPDATE user_account SET is_staff = true WHERE id = %s", person.user_id)
    made = make(person.client, "desk")
    assert read(made["url"]).status_code == 200
    execute(stack, f"UPDATE user_account SET {ended} WHERE id = %s", person.user_id)
    assert read(made["url"]).status_code == NOT_FOUND


def test_a_practitioner_s_link_ends_with_the_practitioner(market: Market) -> None:
    doctor = market.practitioner()
    own, by_staff = make(doctor.client, "practitioner"), make(market.desk, "practitioner", subject_id=doctor.id)
    answer = market.desk.patch(f"{BASE}/practitioners/{doctor.id}/", json={"is_active": False})
    assert answer.status_code == 200, answer.text
    assert (read(own["url"]).status_code, read(by_staff["url"]).status_code) == (NOT_FOUND, 200)


def test_nobody_has_more_links_than_there_may_be(market: Market) -> None:
    me = market.person()
    _fill(market, me, 49)
    make(me.client, "user")
    refused = me.client.post(LINKS, json={"kind": "user"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_links")


def _fill(market: Market, person: Person, links: int) -> None:
    execute(
        market.stack,
        """INSERT INTO calendar_link (token_hash, user_id, role, kind, subject_id, names, label)
           SELECT sha256(convert_to(%s || n, 'UTF8')), %s, 'user', 'user', %s, false, '' FROM generate_series(1, %s) n""",
        secrets.token_hex(8),
        person.user_id,
        person.user_id,
        links,
    )


def test_guessing_stops_for_one_address_and_a_link_is_not_read_without_end(stack: Stack, market: Market) -> None:
    made = make(market.person().client, "user")
    guesser = new_address()
    asyncio.run(_spend(stack, UNKNOWN_TOKENS, guesser, leave=1))
    with browser(stack, guesser) as client:
        tried = [client.get(f"/api/calendars/{secrets.token_urlsafe(32)}.ics").status_code for _ in range(2)]
        refused = client.get(made["url"])
    assert (tried, refused.status_code) == ([404, 429], 429)
    assert int(refused.headers["Retry-After"]) > 0
    asyncio.run(_spend(stack, READS, str(made["id"]), leave=1))
    assert [read(made["url"]).status_code for _ in range(2)] == [200, 429]


async def _spend(stack: Stack, limit: Limit, who: str, *, leave: int) -> None:
    throttle = Throttle(stack.redis_url, stack.settings.redis_keys)
    for _ in range(limit.amount - leave):
        assert await throttle.count(limit, who)
    await throttle.close()


def test_what_staff_make_is_in_the_audit_log(stack: Stack, market: Market) -> None:
    made = make(market.desk, "desk", names=True)
    market.desk.post(f"{LINKS}{made['id']}/rotate/")
    market.desk.delete(f"{LINKS}{made['id']}/")
    subject = f"calendar_link:{made['id']}"
    rows = execute(stack, "SELECT action, actor, after FROM audit_entry WHERE subject = %s ORDER BY id", subject)
    assert [action.partition(".")[2] for action, _, _ in rows] == ["created", "rotated", "revoked"]
    assert {actor for _, actor, _ in rows} == {f"user:{STAFF}"}
    assert rows[0][2] == {"kind": "desk", "subject_id": None, "names": True} | rows[0][2]


def test_no_log_metric_or_table_holds_a_token(stack: Stack, market: Market) -> None:
    made = make(market.person().client, "user")
    token = made["url"].rpartition("/")[2].removesuffix(".ics")
    assert read(made["url"]).status_code == 200
    assert read(f"{made['url']}?x=1").status_code == 400
    assert httpx.post(made["url"]).status_code == 405
    metrics = "".join(httpx.get(stack.metrics_url(name)).text for name in stack.metrics_targets)
    assert "/api/calendars/{token}.ics" in metrics
    logs = "".join(server.log for server in stack.servers)
    assert "/api/calendars/[blank].ics" in logs
    assert token not in metrics + logs
