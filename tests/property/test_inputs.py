"""Whatever clients send: a value or a Problem, never another exception."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date, time
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.contracts.agent.date_formats import agent_date, agent_time
from api.contracts.agent.new_booking import AgentBooking
from api.contracts.agent.new_booking import place_command as agent_place
from api.contracts.appointments.booking_lists import Filters
from api.contracts.appointments.booking_settings import SettingsChange
from api.contracts.appointments.new_booking import WHOM, NewBooking
from api.contracts.appointments.new_booking import place_command as appointments_place
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import EARLIEST, LATEST, clock_time, iso_date
from api.http.parameters import read_query
from api.http.preferences import deadline, idempotency_key, preferences
from core.identity.phones import phone_key
from core.identity.principals import ANONYMOUS
from core.store.feed import Position, parse_position
from core.wire.errors import error_body
from tests.support.clients.responder_requests import request

ALMOST_ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "phone", "service_name", "booking_date", "booking_time", "first_name", "email", "notes", "status", "user_id",
        "OFF_DAYS", "WORKING_HOURS_START", "is_active", "surprise",
    ]
)  # fmt: skip
LIKELY = st.sampled_from(["1234567890", "2025-10-20", "14:00", "upcoming", "Legal", 9, True, None, "", "5,6"])
OBJECTS = st.dictionaries(FIELDS, st.one_of(LIKELY, ALMOST_ANY), max_size=12)


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from([AgentBooking, NewBooking, SettingsChange]), body=st.one_of(OBJECTS, ALMOST_ANY))
def test_any_json_is_a_body_or_a_problem_with_an_error_body(kind: type[Any], body: Any) -> None:
    assert_body_or_problem(kind, json.dumps(body).encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from([AgentBooking, NewBooking]), body=OBJECTS, data=st.data())
@example(kind=AgentBooking, body={"phone": 5}, data=None)
def test_any_damaged_json_is_a_body_or_a_problem(kind: type[Any], body: Any, data: st.DataObject | None) -> None:
    raw = json.dumps(body).encode()
    cut = data.draw(st.integers(0, len(raw))) if data else len(raw) - 1
    junk = data.draw(st.binary(max_size=4)) if data else b""
    assert_body_or_problem(kind, raw[:cut] + junk + raw[cut + 1 :])


def problem_of(read: Callable[[], object]) -> Problem | None:
    """The only exception there may be."""
    try:
        read()
    except Problem as problem:
        return problem
    return None


def assert_body_or_problem(kind: type[Any], raw: bytes) -> None:
    def read() -> None:
        needs = WHOM if kind is NewBooking else ()
        body = asyncio.run(read_json(request(method="POST", body=raw), kind, needs))
        if isinstance(body, AgentBooking):
            place = agent_place(body, "DE")
            assert EARLIEST <= place.date <= LATEST
        if isinstance(body, NewBooking):
            appointments_place(body, ANONYMOUS)

    problem = problem_of(read)
    if problem is not None:
        assert problem.status == 400
        assert problem.message
        shown = error_body(problem.status, problem.code, problem.message, problem.problems)
        assert json.loads(msgspec.json.encode(shown)) == msgspec.to_builtins(shown)


@given(st.dates(EARLIEST, LATEST))
def test_a_date_survives_each_of_the_agents_forms(day: date) -> None:
    assert agent_date(day.strftime("%Y-%m-%d")) == day == iso_date(day.isoformat())
    for form in ("%d/%m/%Y", "%d-%m-%Y"):
        assert agent_date(day.strftime(form)) == day
    if day.day > 12:
        for form in ("%m/%d/%Y", "%m-%d-%Y"):
            assert agent_date(day.strftime(form)) == day


@given(st.times().map(lambda t: t.replace(second=0, microsecond=0)))
def test_a_time_survives_each_of_the_agents_forms(at: time) -> None:
    for form in ("%H:%M", "%I:%M %p", "%I:%M%p", "%H:%M:%S"):
        assert agent_time(at.strftime(form)) == at
    assert clock_time(at.isoformat("minutes")) == clock_time(at.isoformat("seconds")) == at


@settings(max_examples=300)
@given(st.text(max_size=40))
def test_any_text_is_a_value_or_none(text: str) -> None:
    for read in (agent_date, agent_time, iso_date, clock_time, parse_position):
        read(text)
    for region in (None, "DE", "EG"):
        key = phone_key(text, region)
        assert key is None or (key.lstrip("+").isdigit() and len(key) <= 21)


@given(st.integers(0, 10**18 - 1), st.from_regex(r"[0-9a-f]{1,32}", fullmatch=True))
def test_a_position_survives_its_way_through_a_client(number: int, epoch: str) -> None:
    position = Position(epoch, number)
    assert parse_position(str(position)) == position


@settings(max_examples=200, deadline=None)
@given(
    query=st.dictionaries(
        st.sampled_from(["limit", "offset", "date", "status", "user", "odd"]), st.text(max_size=12), max_size=4
    )
)
def test_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    req = request()
    req._params = dict(query)
    found: list[Filters] = []
    problem = problem_of(lambda: found.append(read_query(req, Filters)))
    assert all(1 <= one.limit <= 500 and one.offset >= 0 for one in found)
    assert found or (problem is not None and problem.status == 400 and problem.problems)


HEADERS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)


@settings(max_examples=200, deadline=None)
@given(prefer=HEADERS, key=HEADERS, expires=st.one_of(HEADERS, st.datetimes(timezones=st.timezones()).map(str)))
def test_any_header_is_a_preference_or_a_problem(prefer: str, key: str, expires: str) -> None:
    req = request(headers={"Prefer": prefer, "Idempotency-Key": key, "Holdfast-Expires-At": expires})
    assert 0 <= preferences(req).wait_s <= 30
    problems = problem_of(lambda: idempotency_key(req, anonymous=True)), problem_of(lambda: deadline(req))
    assert all(problem is None or problem.status == 400 for problem in problems)
