"""A service is found by its name however it is written, wherever a name is sent; and what cannot be booked is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import time
from typing import Any
from unicodedata import normalize

import pytest

from core.domain.values import Policy
from ops.processes import API, LANES
from tests.conftest import FIGURE, FreshStack
from tests.support.clients.bulks import accepted, code_of, finished, rows_of, send
from tests.support.clients.callers import answers, execute
from tests.support.clients.http_client import Client, admin, agent_booking, free_day, free_slot
from tests.support.engine.lanes import Pipeline
from tests.support.values import by_phone, place
from tests.support.wait import wait_until

NAME = "İnci's Gro\u00dfe Kür"
SPELT: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "case-folded": str.casefold,
    "NFD": lambda name: normalize("NFD", name),
    "blanks around": lambda name: f"  {name} ",
    "two blanks": lambda name: name.replace(" ", "  "),
    "no-break space": lambda name: name.replace(" ", "\u00a0"),
    "ideographic space": lambda name: name.replace(" ", "\u3000"),
    "joiner": lambda name: name.replace("K", "K\u200d"),
    "soft hyphen": lambda name: name.replace("Gro", "Gro\u00ad"),
    "full width": lambda name: name.replace("K", "\uff2b"),
}
SERVICES = "/api/admin/services/"


def new_service(staff: Client, name: str, **more: Any) -> dict[str, Any]:
    answer = staff.post(SERVICES, json={"name": name, "own_resource": True, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def codes_at_every_door(client: Client, staff: Client, name: str) -> dict[str, tuple[int, str]]:
    """What each place where a service is named says to this name."""
    slot = free_slot()
    month = {"year": int(slot["booking_date"][:4]), "month": int(slot["booking_date"][5:7])}
    asked = {
        "appointments": staff.post("/api/booking/create/", json={"service_name": name, "user_id": 4, **slot}),
        "agent": client.book(agent_booking(service_name=name)),
        "slots": client.get(
            "/api/booking/smart-available-slots/", params={"date": slot["booking_date"], "service": name}
        ),
        "calendar": client.get("/api/booking/calendar/", params={**month, "service": name}),
        "closures": staff.post("/api/admin/closures/", json={"start_date": slot["booking_date"], "service": name}),
    }
    found = {door: (answer.status_code, answer.json().get("code", "")) for door, answer in asked.items()}
    batch = accepted(send(staff, [agent_booking(service_name=name)]))
    finished(staff, batch)
    (row,) = rows_of(staff, batch)
    return {**found, "bulk": (row["response"]["status"], code_of(row))}


def test_a_service_is_one_however_its_name_is_written(
    client: Client, staff: Client, record_property: Callable[[str, object], None]
) -> None:
    name = f"{NAME} {secrets.token_hex(4)}"
    own = new_service(staff, name)
    day = free_day()
    for hour, (way, write) in enumerate(SPELT.items(), 9):
        spelt = write(name)
        slot = {"booking_date": day, "booking_time": f"{hour % 8 + 9:02}:00"} if hour < 17 else free_slot()
        booked = client.book(agent_booking(service_name=spelt, **slot))
        assert (booked.status_code, booked.json().get("message")) == (201, "Booking created successfully"), way
        assert booked.json()["data"]["booking"]["service_name"] == own["name"], way
        assert staff.post(SERVICES, json={"name": spelt}).json()["code"] == "service_exists", way
    for way, write in SPELT.items():
        asked = {"service": write(name)}
        listed = staff.get("/api/admin/bookings/", params=asked).json()
        assert (listed["total_count"], {one["service_name"] for one in listed["data"]}) == (len(SPELT), {own["name"]})
        assert client.get("/api/reservations/reserved_slots/", params=asked).json()["total_count"] == len(SPELT), way
        taken = client.get("/api/booking/smart-available-slots/", params={"date": day, **asked}).json()
        assert taken["total_available_slots"] == 0, way
    record_property(FIGURE, f"service names: {len(SPELT)} ways to write one, booked, listed, offered and refused")


def test_names_that_nothing_has_are_listed_by_the_same_rule(client: Client, staff: Client) -> None:
    """They book the desk here, under the name that was sent."""
    name = f"Stra\u00dfe {secrets.token_hex(4)}"
    for spelt in (name, name.upper(), f" {name}\u00a0"):
        assert client.book(agent_booking(service_name=spelt)).status_code == 201
    for asked in (name, name.upper(), name.casefold()):
        listed = staff.get("/api/admin/bookings/", params={"service": asked}).json()
        assert {one["service_name"] for one in listed["data"]} == {name, name.upper()}
        assert listed["total_count"] == 3


def test_the_dotted_i_is_no_plain_one_for_anybody(client: Client, staff: Client) -> None:
    tail = secrets.token_hex(4)
    for name in (f"istanbul {tail}", f"\u0130stanbul {tail}"):
        assert client.book(agent_booking(service_name=name)).status_code == 201
        assert staff.get("/api/admin/bookings/", params={"service": name}).json()["total_count"] == 1
        assert staff.get("/api/admin/bookings/", params={"service": name.upper()}).json()["total_count"] == 1


def test_a_deactivated_service_is_refused_at_every_door_and_a_renamed_one_is_unknown(
    client: Client, staff: Client
) -> None:
    name = f"Gone {secrets.token_hex(4)}"
    own = new_service(staff, name)
    path = f"{SERVICES}{own['id']}/"
    staff.delete(path)
    doors = codes_at_every_door(client, staff, name.upper())
    assert doors == dict.fromkeys(doors, (409, "service_inactive"))
    renamed = f"New {secrets.token_hex(4)}"
    staff.put(path, json={"is_active": True, "name": renamed})
    assert client.book(agent_booking(service_name=name)).json()["data"]["booking"]["service_name"] == name, "the desk"
    booked = client.book(agent_booking(service_name=renamed.lower()))
    assert booked.json()["data"]["booking"]["service_name"] == renamed


def test_a_service_keeps_its_name_for_itself_in_the_marketplace_too(staff: Client) -> None:
    first, second = (new_service(staff, f"{n} {secrets.token_hex(4)}", duration_minutes=60) for n in ("One", "Two"))
    answer = staff.patch(f"/api/v1/drf/services/{second['id']}/", json={"name": first["name"].upper()})
    assert (answer.status_code, answer.json()["code"]) == (409, "service_exists")


def test_a_category_and_a_person_are_found_by_the_same_rule(client: Client, staff: Client) -> None:
    tail = secrets.token_hex(4)
    category = f"Stra\u00dfe {tail}"
    assert staff.post("/api/admin/categories/", json={"name": category}).status_code == 201
    assert staff.post("/api/admin/categories/", json={"name": f"STRASSE  {tail}"}).json()["code"] == "name_taken"
    made = staff.post(
        "/api/admin/users/create/",
        json={"username": f"u{tail}", "last_name": f"Gro\u00df{tail}", "country": f"Stra\u00dfia {tail}"},
    )
    assert made.status_code == 201, made.text
    asked: list[dict[str, str]] = [
        *({"search": word} for word in (f"GROSS{tail}", f"gro\u00df{tail}", f" Gro\u00df{tail}\u00a0")),
        *({"country": word} for word in (f"STRASSIA {tail}", f"stra\u00dfia\u00a0 {tail}")),
    ]
    for query in asked:
        found = staff.get("/api/admin/users/", params=query).json()
        assert [one["username"] for one in found["data"]] == [f"u{tail}"], query
    for wild in ("%", "_", "\\"):
        found = staff.get("/api/admin/users/", params={"search": f"u{tail[:4]}{wild}{tail[5:]}"}).json()
        assert found["data"] == [], wild


@pytest.fixture
def strict(fresh_stack: FreshStack) -> Iterator[tuple[Client, Client]]:
    """(client, staff) of an installation that refuses names that nothing has, as all do but the demo."""
    environment = {"HOLDFAST_UNKNOWN_SERVICES": "refuse", "HOLDFAST_API_PROCESSES": "1"}
    stack = fresh_stack(processes=(API, LANES), environment=environment, wait=False)
    wait_until(lambda: answers(stack), "the API answers")
    with admin(stack.api_url) as staff, Client(base_url=stack.api_url, timeout=35.0) as client:
        yield client, staff


def test_an_unknown_name_is_refused_at_every_door_and_the_nearest_are_named(strict: tuple[Client, Client]) -> None:
    client, staff = strict
    doors = codes_at_every_door(client, staff, "Legal Consulting")
    assert doors == dict.fromkeys(doors, (400, "unknown_service"))
    answer = client.book(agent_booking(service_name="Legal Consulting"))
    words = "There is no service of this name. The nearest: Legal Consultation, 60-minute Consultation"
    assert answer.json()["errors"] == [{"field": "service_name", "message": words}]
    assert client.book(agent_booking(service_name=" LEGAL\u00a0consultation")).status_code == 201


TWICE = """
DROP INDEX service_by_folded_name;
DROP INDEX category_by_folded_name;
INSERT INTO service (name, name_key, resource_id, duration_minutes)
VALUES ('Hot Stone', 'hot stone', 1, 60), ('Hot  Stone', 'hot  stone', 1, 60), (U&'Cafe\\0301', U&'cafe\\0301', 1, 60),
       (U&'Caf\\00E9', U&'caf\\00E9', 1, 60);
INSERT INTO category (name, name_key, resource_id) VALUES ('Hot  Stone', 'hot  stone', 1), ('Hot Stone', 'hot stone', 1)
"""
"""As an older release let them in."""


def test_each_of_two_services_of_one_name_is_changed_and_taken_off_the_list(fresh_stack: FreshStack) -> None:
    stack = fresh_stack(processes=(API,), environment={"HOLDFAST_API_PROCESSES": "1"}, wait=False)
    wait_until(lambda: answers(stack), "the API answers")
    for statement in TWICE.split(";"):
        execute(stack, statement)
    with admin(stack.api_url) as staff:
        for one in staff.get(SERVICES).json()["data"][-4:]:
            path, market = f"{SERVICES}{one['id']}/", f"/api/v1/drf/services/{one['id']}/"
            for body in ({"price_cents": 100}, {**one, "duration_minutes": 30}):
                assert staff.put(path, json=body).status_code == 200, one["name"]
            assert staff.patch(market, json={"description": "Warm"}).status_code == 200, one["name"]
            assert staff.delete(path).json()["data"]["name"] == one["name"]
            assert staff.put(path, json={"name": f"New {one['id']}"}).status_code == 200
        for one in staff.get("/api/admin/categories/").json()[-2:]:
            path = f"/api/admin/categories/{one['id']}/"
            assert staff.put(path, json={"name": one["name"], "resource_id": one["resource_id"]}).status_code == 200


def codes_of(pipeline: Pipeline, names: list[str], *, books_unknown: bool) -> list[str]:
    commands = [
        place(at=time(9 + number), service_name=name, person=by_phone("555001")) for number, name in enumerate(names)
    ]
    ids = pipeline.put(*commands)
    worker = pipeline.worker(Policy(allow_past=True, books_unknown_services=books_unknown))
    worker.visit_until_done()
    return pipeline.codes(ids)


@pytest.mark.parametrize("books_unknown", [True, False])
def test_the_lane_decides_by_what_the_database_knows_then(pipeline: Pipeline, *, books_unknown: bool) -> None:
    """Deactivated or renamed after a command was accepted; and of two that older releases let in, the active one counts."""
    pipeline.one_lane()
    pipeline.connection.execute("DROP INDEX service_by_folded_name")
    pipeline.connection.execute(
        """
        INSERT INTO service (name, name_key, resource_id, is_active)
        VALUES ('Gone', 'gone', 1, false), ('Twice', 'twice', 1, false), ('Twice ', 'twice ', 1, true)
        """
    )
    unknown = "succeeded" if books_unknown else "unknown_service"
    names = ["gone", "GONE\u00a0", "twice", "Renamed"]
    assert codes_of(pipeline, names, books_unknown=books_unknown) == [
        "service_inactive",
        "service_inactive",
        "succeeded",
        unknown,
    ]


def test_a_lane_s_refusal_names_the_nearest_services(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    (id_,) = pipeline.put(place(service_name="Masage"))
    pipeline.connection.execute("INSERT INTO service (name, name_key, resource_id) VALUES ('Massage', 'massage', 1)")
    pipeline.worker(Policy(allow_past=True, books_unknown_services=False)).visit_until_done()
    _, status, body = pipeline.outcomes()[id_]
    assert (status, body["message"]) == (400, "There is no service of this name. The nearest: Massage")
