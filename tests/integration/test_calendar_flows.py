"""calendar.md as its users live it: with session and CSRF, on the real stack."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.accounts import PASSWORD, access_for, bearer, browser, csrf, execute, new_person
from tests.listening import Listener
from tests.rooms import Crowd
from tests.stack import Stack

DAYS = (date(2101, 1, 3) + timedelta(days=n) for n in count())
"""Each test has days of its own; the first is a Monday."""


@pytest.fixture
def day() -> date:
    return next(DAYS)


@pytest.fixture
def user(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody new, by access token."""
    with browser(stack) as client:
        client.headers.update(bearer(access_for(stack, new_user(stack))))
        yield client


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Iterator[httpx.Client]:
    """With session and CSRF token, as the document's admin pages."""
    with browser(stack) as client:
        sign_in(client, "staff@example.com")
        yield client


def sign_in(client: httpx.Client, email: str) -> None:
    """As the document's client does: by form, then every write with the token."""
    answer = client.post("/api/auth/login/", json={"username": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers.update(csrf(client))


def new_user(stack: Stack) -> int:
    name = f"calendar-{next(_numbers)}"
    sql = "INSERT INTO user_account (username, username_key) VALUES (%s, %s) RETURNING id"
    return int(execute(stack, sql, name, name)[0][0])


def new_category(staff: httpx.Client, **fields: Any) -> int:
    numbered = f"Cat of test {next(_numbers)}"
    answer = staff.post("/api/admin/categories/", json={"name": numbered, **fields})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


_numbers = count()


def new_slot(staff: httpx.Client, category: int, day: date, hour: int = 9) -> dict[str, Any]:
    body = {"start_time": f"{day}T{hour:02}:00:00Z", "end_time": f"{day}T{hour + 1:02}:00:00Z", "category": category}
    answer = staff.post("/api/admin/timeslots/", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def book(client: httpx.Client, slot: int) -> httpx.Response:
    return client.post("/api/bookings/", json={"time_slot": slot})


def slots(client: httpx.Client, **wanted: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/timeslots/", params=wanted)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_categories_are_public(stack: Stack) -> None:
    with browser(stack) as anybody:
        found = anybody.get("/api/categories/").json()
    assert found[:3] == [{"id": 1, "name": "Cat 1"}, {"id": 2, "name": "Cat 2"}, {"id": 3, "name": "Cat 3"}]


def test_a_slot_s_life_as_the_document_has_it(stack: Stack, staff: httpx.Client, day: date) -> None:
    with browser(stack) as user, browser(stack) as other:
        for client in (user, other):
            sign_in(client, new_person(stack))
        live_a_slot_s_life(staff, user, other, day)


def live_a_slot_s_life(staff: httpx.Client, user: httpx.Client, other: httpx.Client, day: date) -> None:
    category = new_category(staff)
    name = staff.get(f"/api/admin/categories/{category}/").json()["name"]
    free = {
        "category": {"id": category, "name": name},
        "start_time": f"{day}T09:00:00Z",
        "end_time": f"{day}T10:00:00Z",
        "is_booked": False,
        "booked_by_me": False,
    }
    slot = new_slot(staff, category, day)
    id_ = slot["id"]
    assert slot == {"id": id_, **free, "booking": None}
    assert slots(user, date=day, categories=name) == [{"id": id_, **free}]

    booked = book(user, id_)
    assert booked.status_code == 201
    booking = booked.json()
    mine = {"id": id_, **free, "is_booked": True, "booked_by_me": True}
    assert booking["time_slot"] == mine
    assert (booking["start_time"], booking["status"]) == (free["start_time"], "upcoming")
    assert slots(user, date=day, categories=name) == [mine]
    assert slots(user, date=day, categories=name, available_only="true") == []
    assert user.get("/api/user/bookings/", params={"status": "upcoming"}).json() == [booking]
    assert user.get("/api/user/bookings/", params={"status": "past"}).json() == []
    assert user.get(f"/api/bookings/{booking['id']}/").json() == booking

    assert slots(other, date=day, categories=name) == [{"id": id_, **free, "is_booked": True}]
    assert book(other, id_).status_code == 409
    assert other.delete(f"/api/bookings/{booking['id']}/").status_code == 404
    (seen,) = slots(staff, date=day, categories=name)
    assert seen["booking"]["id"] == booking["id"]
    assert seen["booking"]["user_details"]["id"] == user.get("/api/auth/user/").json()["id"]
    assert staff.delete(f"/api/bookings/{booking['id']}/").status_code == 404
    assert staff.get(f"/api/bookings/{booking['id']}/").json()["time_slot"] == {**mine, "booked_by_me": False}

    assert user.delete(f"/api/bookings/{booking['id']}/").status_code == 200
    assert slots(user, date=day, categories=name) == [{"id": id_, **free}]
    assert user.get("/api/user/bookings/").json() == []
    again = book(user, id_).json()["id"]
    assert staff.delete(f"/api/admin/bookings/{again}/").status_code == 200
    assert user.get(f"/api/bookings/{again}/").json()["status"] == "cancelled"
    assert slots(user, date=day, categories=name) == [{"id": id_, **free}]


def test_writes_want_the_csrf_token_and_reads_a_login(stack: Stack, staff: httpx.Client, user: httpx.Client) -> None:
    with browser(stack) as stranger:
        assert stranger.get("/api/timeslots/").status_code == 401
        assert stranger.get("/api/user/bookings/").status_code == 401
    answer = staff.post("/api/bookings/", json={"time_slot": 1}, headers={"X-CSRFToken": ""})
    assert answer.json()["code"] == "csrf_failed"
    for path in ("/api/admin/timeslots/", "/api/admin/categories/"):
        assert user.get(path).status_code == 403


def test_lists_filter_by_days_names_and_what_is_free(staff: httpx.Client, user: httpx.Client, day: date) -> None:
    one, other = new_category(staff), new_category(staff)
    names = [staff.get(f"/api/admin/categories/{id_}/").json()["name"] for id_ in (one, other)]
    next_day = next(DAYS)
    wanted = {(c, d): new_slot(staff, c, d)["id"] for c in (one, other) for d in (day, next_day)}
    book(user, wanted[one, day])

    def ids(**asked: Any) -> list[int]:
        return [slot["id"] for slot in slots(user, **asked)]

    both = [wanted[one, day], wanted[other, day]]
    assert ids(date=day) == both
    assert ids(start_date=day, end_date=next_day, categories=names[0]) == [wanted[one, day], wanted[one, next_day]]
    assert ids(date=day, categories=",".join(names).upper()) == both
    assert ids(date=day, categories=names) == both
    assert ids(date=day, **{"categories[]": names}) == both
    assert ids(date=day, categories="Nobody's") == []
    assert ids(date=day, available_only="true") == [wanted[other, day]]
    assert ids(start_date=next_day, end_date=next_day, categories=names[1], available_only="false") == [
        wanted[other, next_day]
    ]

    def admin_ids(**asked: Any) -> list[int]:
        return [slot["id"] for slot in staff.get("/api/admin/timeslots/", params=asked).json()]

    assert admin_ids(date=day) == both
    assert admin_ids(category=one) == [wanted[one, day], wanted[one, next_day]]
    assert admin_ids(date=day, status="booked") == [wanted[one, day]]
    assert admin_ids(date=day, status="available") == [wanted[other, day]]
    first = staff.get("/api/admin/timeslots/", params={"category": one, "limit": 1})
    assert [slot["id"] for slot in first.json()] == [wanted[one, day]]
    rest = staff.get(first.links["next"]["url"])
    assert [slot["id"] for slot in rest.json()] == [wanted[one, next_day]]
    assert "next" not in rest.links


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/timeslots/?date=2025-13-01", "date"),
        ("/api/timeslots/?start_date=2025-10-02&end_date=2025-10-01", "end_date"),
        ("/api/timeslots/?available_only=perhaps", "available_only"),
        ("/api/timeslots/?category=1", "category"),
        ("/api/timeslots/?categories=%00", "categories"),
        ("/api/admin/timeslots/?category=0", "category"),
        ("/api/admin/timeslots/?status=gone", "status"),
        ("/api/admin/timeslots/?limit=1001", "limit"),
        ("/api/user/bookings/?status=cancelled", "status"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(staff: httpx.Client, path: str, field: str) -> None:
    answer = staff.get(path)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start_time": "tomorrow"}, "start_time"),
        ({"start_time": "2101-01-01T09:00:30Z"}, "start_time"),
        ({"start_time": "2101-02-30T09:00:00Z"}, "start_time"),
        ({"start_time": "2101-01-01T09:00:00+99:00"}, "start_time"),
        ({"end_time": "2101-01-01T09:00:00Z"}, "end_time"),
        ({"end_time": "2101-01-03T09:00:00Z"}, "end_time"),
        ({"category": "Cat 1"}, "category"),
        ({"category": 2**70}, "category"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_slot_that_cannot_be_is_refused_by_field(staff: httpx.Client, change: dict[str, Any], field: str) -> None:
    body = {"start_time": "2101-01-01T09:00:00Z", "end_time": "2101-01-01T10:00:00Z", "category": 1, **change}
    answer = staff.post("/api/admin/timeslots/", json=body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


def test_what_is_not_there_is_not_found(staff: httpx.Client) -> None:
    assert book(staff, 10**15).json()["code"] == "time_slot_not_found"
    assert staff.get("/api/admin/timeslots/1000000000/").status_code == 404
    assert staff.delete(f"/api/admin/timeslots/{2**80}/").status_code == 404
    assert staff.put("/api/admin/timeslots/1000000000/", json={}).status_code == 404
    assert staff.get(f"/api/admin/categories/{2**80}/").status_code == 404
    body = {"start_time": "2101-01-01T09:00:00Z", "end_time": "2101-01-01T10:00:00Z", "category": 10**15}
    assert staff.post("/api/admin/timeslots/", json=body).json()["code"] == "category_not_found"


def test_either_a_room_or_a_time_slot_is_booked_and_nothing_less(user: httpx.Client) -> None:
    for body in ({}, {"room_id": 1, "time_slot": 1}):
        answer = user.post("/api/bookings/", json=body)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (
            400,
            ["room_id", "time_slot"],
        )


def test_slots_of_a_category_do_not_overlap_but_others_may_share_the_time(staff: httpx.Client, day: date) -> None:
    category = new_category(staff)
    new_slot(staff, category, day)
    body = {"start_time": f"{day}T09:30:00Z", "end_time": f"{day}T09:45:00Z", "category": category}
    answer = staff.post("/api/admin/timeslots/", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "time_slot_overlaps")
    new_slot(staff, new_category(staff), day)


def test_two_categories_of_one_resource_offer_the_same_time_once(
    stack: Stack, staff: httpx.Client, user: httpx.Client, day: date
) -> None:
    one = new_category(staff)
    resource = staff.get(f"/api/admin/categories/{one}/").json()["resource_id"]
    other = new_category(staff, resource_id=resource)
    first, second = new_slot(staff, one, day), new_slot(staff, other, day)
    assert book(user, first["id"]).status_code == 201
    assert book(user, second["id"]).json()["code"] == "slot_taken"
    assert [slot["is_booked"] for slot in slots(user, date=day)] == [True, True]
    assert slots(user, date=day, available_only="true") == []


def test_times_without_an_offset_are_local_to_the_category(staff: httpx.Client) -> None:
    category = new_category(staff, time_zone="Europe/Berlin")
    body = {"start_time": "2101-07-01T09:00", "end_time": "2101-07-01T10:00", "category": category}
    made = staff.post("/api/admin/timeslots/", json=body).json()
    assert made["start_time"] == "2101-07-01T07:00:00Z"
    skipped = {"start_time": "2030-03-31T02:30", "end_time": "2030-03-31T03:30", "category": category}
    answer = staff.post("/api/admin/timeslots/", json=skipped)
    assert (answer.status_code, answer.json()["code"]) == (400, "local_time_skipped")
    late = {"start_time": "2101-07-01T23:30", "end_time": "2101-07-02T00:30", "category": category}
    id_ = staff.post("/api/admin/timeslots/", json=late).json()["id"]
    assert [slot["id"] for slot in slots(staff, date="2101-07-01", categories=made["category"]["name"])] == [
        made["id"],
        id_,
    ]


def test_a_slot_read_may_be_put_back_with_another_time(staff: httpx.Client, day: date) -> None:
    slot = new_slot(staff, new_category(staff), day)
    path = f"/api/admin/timeslots/{slot['id']}/"
    answer = staff.put(path, json={**slot, "end_time": f"{day}T11:00:00Z"})
    assert answer.json() == {**slot, "end_time": f"{day}T11:00:00Z", "booking_change": None}
    assert staff.put(path, json=answer.json()).json() == answer.json()
    told = staff.put(path, json={**slot, "is_booked": True, "id": 1})
    assert (told.status_code, [one["field"] for one in told.json()["errors"]]) == (400, ["id", "is_booked"])


def test_an_update_that_would_strand_a_booking_says_so_and_does_what_it_is_told(
    staff: httpx.Client, user: httpx.Client, day: date
) -> None:
    slot = new_slot(staff, new_category(staff), day)
    booking = book(user, slot["id"]).json()["id"]
    path, later = (
        f"/api/admin/timeslots/{slot['id']}/",
        {"start_time": f"{day}T12:00:00Z", "end_time": f"{day}T13:00:00Z"},
    )
    refused = staff.put(path, json=later)
    assert (refused.status_code, refused.json()["code"]) == (409, "time_slot_booked")
    assert "if_booked" in refused.json()["message"]
    moved = staff.put(path, params={"if_booked": "move"}, json=later).json()
    assert (moved["booking_change"], moved["booking"]["booking_time"]) == ("moved", "12:00:00")
    assert user.get(f"/api/bookings/{booking}/").json()["start_time"] == f"{day}T12:00:00Z"
    cancelled = staff.put(path, params={"if_booked": "cancel"}, json={"end_time": f"{day}T14:00:00Z"}).json()
    assert (cancelled["booking_change"], cancelled["booking"], cancelled["is_booked"]) == ("cancelled", None, False)
    assert user.get(f"/api/bookings/{booking}/").json()["status"] == "cancelled"


def test_a_key_names_one_change_with_its_parameters(staff: httpx.Client, user: httpx.Client, day: date) -> None:
    slot = new_slot(staff, new_category(staff), day)
    first = book(user, slot["id"])
    path, key = f"/api/admin/timeslots/{slot['id']}/", {"Idempotency-Key": f"move-{slot['id']}"}
    later = {"end_time": f"{day}T11:00:00Z"}
    moved = staff.put(path, params={"if_booked": "move"}, json=later, headers=key)
    assert (moved.status_code, moved.json()["booking"]["id"]) == (200, first.json()["id"])
    assert staff.put(path, params={"if_booked": "move"}, json=later, headers=key).content == moved.content
    assert staff.put(path, params={"if_booked": "cancel"}, json=later, headers=key).status_code == 422


def test_deleting_a_booked_slot_is_one_command_that_cancels_its_booking(
    staff: httpx.Client, user: httpx.Client, day: date
) -> None:
    slot = new_slot(staff, new_category(staff), day)
    booking = book(user, slot["id"]).json()["id"]
    answer = staff.delete(f"/api/admin/timeslots/{slot['id']}/")
    assert (answer.status_code, answer.json()["cancelled_booking_id"]) == (200, booking)
    assert user.get(f"/api/bookings/{booking}/").json()["status"] == "cancelled"
    assert staff.get(f"/api/admin/timeslots/{slot['id']}/").status_code == 404
    assert slots(user, date=day) == []
    new_slot(staff, slot["category"]["id"], day)


def test_a_weekly_pattern_skips_or_refuses_what_collides(staff: httpx.Client) -> None:
    category = new_category(staff)
    pattern = {
        "category": category,
        "start_date": "2102-01-02",
        "end_date": "2102-01-15",
        "weekdays": [0, 2],
        "start_time": "09:00",
        "end_time": "11:00",
        "duration_minutes": 60,
    }
    made = staff.post("/api/admin/timeslots/weekly/", json=pattern)
    assert (made.status_code, made.json()["created_count"], made.json()["skipped"]) == (201, 8, [])
    again = staff.post("/api/admin/timeslots/weekly/", json={**pattern, "weekdays": [0, 1, 2]})
    assert (again.status_code, again.json()["code"]) == (409, "time_slot_overlaps")
    skipping = {**pattern, "weekdays": [0, 1, 2], "on_collision": "skip"}
    round_ = staff.post("/api/admin/timeslots/weekly/", json=skipping).json()
    assert (round_["created_count"], round_["skipped_count"]) == (4, 8)
    assert round_["skipped"][0] == {"date": "2102-01-02", "start_time": "09:00", "reason": "overlaps"}
    listed = staff.get("/api/admin/timeslots/", params={"category": category}).json()
    assert len(listed) == 12


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"end_date": "2102-01-01"}, "end_date"),
        ({"end_date": "2103-01-03"}, "end_date"),
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": [7]}, "weekdays"),
        ({"weekdays": [6], "end_date": "2102-01-04"}, "weekdays"),
        ({"duration_minutes": 121}, "end_time"),
        ({"duration_minutes": 1, "end_date": "2102-02-28"}, "end_date"),
        ({"start_time": "9"}, "start_time"),
        ({"end_time": "25:00"}, "end_time"),
        ({"on_collision": "shrug"}, "on_collision"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused_by_field(staff: httpx.Client, change: dict[str, Any], field: str) -> None:
    pattern = {
        "category": 1, "start_date": "2102-01-02", "end_date": "2102-01-15", "weekdays": [0, 2], "start_time": "09:00",
        "end_time": "11:00", "duration_minutes": 60, **change,
    }  # fmt: skip
    answer = staff.post("/api/admin/timeslots/weekly/", json=pattern)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


def test_staff_rename_a_category_and_give_it_another_resource(staff: httpx.Client) -> None:
    category, other = new_category(staff), new_category(staff)
    resource = staff.get(f"/api/admin/categories/{other}/").json()["resource_id"]
    path = f"/api/admin/categories/{category}/"
    changed = staff.put(path, json={**staff.get(path).json(), "name": "Renamed", "resource_id": resource})
    assert (changed.status_code, changed.json()["name"], changed.json()["resource_id"]) == (200, "Renamed", resource)
    assert staff.put(f"/api/admin/categories/{other}/", json={"name": "RENAMED"}).json()["code"] == "name_taken"
    for body in ({"name": "a,b"}, {"name": "<b>"}, {"name": ""}, {"resource_id": 10**15}, {"time_zone": "Mars/Base"}):
        assert staff.put(path, json=body).status_code == 400
    for made in ({"name": "Zoned", "time_zone": "Mars/Base"}, {"name": "Both", "time_zone": "UTC", "resource_id": 1}):
        assert staff.post("/api/admin/categories/", json=made).status_code == 400


def test_of_a_hundred_people_who_want_five_slots_five_get_one_and_the_rest_are_told(
    stack: Stack, staff: httpx.Client, day: date
) -> None:
    category = new_category(staff)
    wanted = [new_slot(staff, category, day, hour)["id"] for hour in range(9, 14)]
    answers = Crowd(stack, 100).book_at_once([{"time_slot": wanted[n % 5]} for n in range(100)])
    outcomes = [(answer.status_code, answer.json().get("code", "")) for answer in answers]
    assert sorted(outcomes) == [(201, "")] * 5 + [(409, "slot_taken")] * 95
    held = execute(
        stack, "SELECT count(*), count(DISTINCT time_slot_id) FROM booking WHERE time_slot_id = ANY(%s)", wanted
    )
    assert held == [(5, 5)]


def test_crowds_that_book_while_staff_move_and_delete_strand_nobody(
    stack: Stack, staff: httpx.Client, day: date
) -> None:
    """Whoever wins each race: every live booking lies on a slot that is there, at its time, alone."""
    category = new_category(staff)
    wanted = [new_slot(staff, category, day, hour)["id"] for hour in range(6, 18)]
    crowd = Crowd(stack, 72)

    def change(n: int) -> int:
        path = f"/api/admin/timeslots/{wanted[n]}/"
        if n % 3 == 0:
            return staff.delete(path).status_code
        later = {"end_time": f"{day}T{n + 6:02}:45:00Z"}
        return staff.put(path, params={"if_booked": "move" if n % 3 == 1 else "cancel"}, json=later).status_code

    with ThreadPoolExecutor(5) as pool:
        booking = pool.submit(crowd.book_at_once, [{"time_slot": wanted[n % 12]} for n in range(72)])
        assert set(pool.map(change, range(12))) == {200}
        statuses = {answer.status_code for answer in booking.result()}
    assert statuses <= {201, 404, 409}
    stranded = """SELECT count(*) FROM booking b JOIN time_slot s ON s.id = b.time_slot_id
                  LEFT JOIN claim c ON c.booking_id = b.id AND c.during = tstzrange(s.starts_at, s.ends_at)
                  WHERE b.time_slot_id = ANY(%s) AND b.status = 'confirmed'
                    AND (s.deleted_at IS NOT NULL OR c.id IS NULL OR b.starts_at <> s.starts_at OR b.ends_at <> s.ends_at)"""
    assert execute(stack, stranded, wanted) == [(0,)]
    live = "SELECT count(*), count(DISTINCT time_slot_id) FROM booking WHERE time_slot_id = ANY(%s) AND status = 'confirmed'"
    ((bookings, slots_taken),) = execute(stack, live, wanted)
    assert 0 < bookings == slots_taken <= 8


def test_the_calendar_follows_the_list_from_its_position(
    stack: Stack, staff: httpx.Client, user: httpx.Client, day: date
) -> None:
    """A client reads the slots, is away while one is deleted, and resumes from what it read."""
    category = new_category(staff)
    slot = new_slot(staff, category, day)
    booking = book(user, slot["id"]).json()["id"]
    listed = user.get("/api/timeslots/", params={"date": str(day)})
    staff.delete(f"/api/admin/timeslots/{slot['id']}/")
    path = f"/ws/calendar/?last_position={listed.headers['Holdfast-Position']}"
    header = {"Authorization": user.headers["Authorization"]}
    with connect(stack.ws_url + path, additional_headers=header, compression=None) as socket:
        heard = Listener(socket)
        messages = [heard.next()]
        while messages[-1]["type"] != "timeslot_deleted":
            messages.append(heard.next())
    about = [(m["type"], m["data"].get("booking_id")) for m in messages if m["data"]["id"] == slot["id"]]
    assert about[-2:] == [("booking_cancelled", booking), ("timeslot_deleted", None)]
    assert messages[-1]["data"] == {**listed.json()[0], "is_booked": False, "booked_by_me": False}
