"""Bodies: decoded once, refused with every field's problem named."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import msgspec
import pytest

from api.contracts.agent.new_booking import AgentBooking
from api.contracts.agent.new_booking import place_command as agent_place
from api.contracts.appointments.new_booking import WHOM, NewBooking
from api.contracts.appointments.new_booking import place_command as appointments_place
from api.contracts.marketplace.purchase_bodies import NewPackage
from api.contracts.rooms.new_booking import NewRoomBooking
from api.http.bodies import BODY_MAX_BYTES, read_json
from api.http.errors import Problem
from core.domain.bookings.status import Status
from core.domain.commands import PersonById, PersonByPhone
from core.identity.principals import ANONYMOUS, Principal, PrincipalKind
from core.text_forms import BAD_DATE, BAD_PHONE, BAD_TIME
from tests.support.clients.responder_requests import refused_fields as named
from tests.support.clients.responder_requests import request

COMPLETE: dict[str, Any] = {
    # the agent document, "Complete Request"
    "phone": "1234567890",
    "first_name": "John",
    "last_name": "Doe",
    "email": "john.doe@example.com",
    "gender": "male",
    "country": "USA",
    "service_name": "Legal Consultation",
    "booking_date": "2025-10-20",
    "booking_time": "14:00",
    "notes": "Agent created booking",
    "status": "upcoming",
}
UMA = Principal(PrincipalKind.USER, user_id=1)


async def agent_body(raw: bytes) -> AgentBooking:
    return await read_json(request(method="POST", body=raw), AgentBooking)


async def refused_fields(raw: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as refused:
        await agent_body(raw)
    assert refused.value.status == 400
    return [(p.field, p.message) for p in refused.value.problems]


async def test_the_documents_complete_request_becomes_a_command() -> None:
    place = agent_place(await agent_body(msgspec.json.encode(COMPLETE)), None)
    assert (place.date, place.time, place.status) == (date(2025, 10, 20), time(14), Status.CONFIRMED)
    assert place.person == PersonByPhone(
        "1234567890", "1234567890", "John", "Doe", "john.doe@example.com", "male", "USA", place.person.country_code  # type: ignore[union-attr]
    )  # fmt: skip


@pytest.mark.parametrize(("word", "status"), [("completed", Status.COMPLETED), ("cancelled", Status.CANCELLED)])
async def test_an_agents_status_word_records_history(word: str, status: Status) -> None:
    body = await agent_body(msgspec.json.encode({**COMPLETE, "status": word}))
    assert agent_place(body, None).status is status


async def test_the_first_missing_field_in_document_order_is_the_message_and_all_are_named() -> None:
    with pytest.raises(Problem, match=r"^Missing required field: phone$") as refused:
        await agent_body(b'{"notes": "x"}')
    assert [p.field for p in refused.value.problems] == ["phone", "service_name", "booking_date", "booking_time"]


async def test_wrong_types_missing_and_unknown_fields_are_named_together() -> None:
    raw = b'{"phone": 5, "service_name": "", "booking_date": "2025-10-20", "colour": "red", "status": "maybe"}'
    assert [field for field, _ in await refused_fields(raw)] == [
        "phone", "service_name", "booking_time", "status", "colour",
    ]  # fmt: skip


async def test_an_unknown_fields_name_is_said_without_what_cannot_be_stored() -> None:
    assert ("a\N{REPLACEMENT CHARACTER}b", "Unknown field: a\N{REPLACEMENT CHARACTER}b") in await refused_fields(
        b'{"a\\u0000b": 1}'
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[1,",
        b"nonsense",
        b"\xff\xfe",
        b'{"phone": "\\ud800"}',
        b"{'a': 1}",
        b'{"phone": 5, ',
        b'{"phone": 5} x',
        b"[" * 60_000,
        b'{"x":' * 10_000,
    ],
)
async def test_what_is_no_json_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(Problem) as refused:
        await agent_body(raw)
    assert (refused.value.status, refused.value.code) == (400, "malformed_json")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"5", b'"text"'])
async def test_json_that_is_no_object_is_said_to_be_none(raw: bytes) -> None:
    assert await refused_fields(raw) == [("", "The body must be a JSON object")]


async def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await agent_body(b'{"notes": "' + b"x" * BODY_MAX_BYTES + b'"}')
    assert (refused.value.status, refused.value.code) == (400, "body_too_large")


@pytest.mark.parametrize("name", ["first_name", "last_name", "gender", "country", "service_name", "phone"])
@pytest.mark.parametrize("value", ["<b>", "a\x00b", "a\nb", "\x85"])
async def test_names_refuse_angle_brackets_and_control_characters(name: str, value: str) -> None:
    assert [field for field, _ in await refused_fields(msgspec.json.encode({**COMPLETE, name: value}))] == [name]


async def test_notes_refuse_nul_which_postgresql_cannot_store() -> None:
    assert [f for f, _ in await refused_fields(msgspec.json.encode({**COMPLETE, "notes": "a\x00"}))] == ["notes"]


async def test_optional_fields_may_be_null_or_empty() -> None:
    empty = {name: None for name in COMPLETE if name not in {"phone", "service_name", "booking_date", "booking_time"}}
    empty.pop("status")
    place = agent_place(await agent_body(msgspec.json.encode({**COMPLETE, **empty})), None)
    assert place.notes == ""


async def test_unusable_values_of_an_agent_are_all_named_in_the_documents_words() -> None:
    unusable = {"phone": "nobody", "booking_date": "soon", "booking_time": "late"}
    assert await refused_fields(msgspec.json.encode({**COMPLETE, **unusable})) == [
        ("phone", BAD_PHONE),
        ("booking_date", BAD_DATE),
        ("booking_time", BAD_TIME),
    ]


async def test_unusable_values_are_named_together_with_wrong_types_and_missing_and_unknown_fields() -> None:
    raw = b'{"phone":12,"booking_date":"2025-02-30","booking_time":"25:00","colour":"red"}'
    assert await refused_fields(raw) == [
        ("phone", f"phone must be text. {BAD_PHONE}"),
        ("service_name", "Missing required field: service_name"),
        ("booking_date", BAD_DATE),
        ("booking_time", BAD_TIME),
        ("colour", "Unknown field: colour"),
    ]


async def test_a_rule_is_held_over_the_fields_that_are_sound() -> None:
    body = {"room_id": "1", "booking_date": "2025-10-20", "start_time": "10:00", "end_time": "09:00"}
    assert named(NewRoomBooking, body) == ["room_id", "end_time"]
    assert named(NewRoomBooking, {**body, "start_time": "25:00"}) == ["room_id", "start_time"]
    assert named(NewRoomBooking, {**body, "room_id": 1}) == ["end_time"]


def test_what_is_wrong_inside_a_list_is_named_with_its_place() -> None:
    part = {"index": 0, "start_time": "2030-01-31T10:00:00Z", "end_time": "2030-01-31T09:00:00Z"}
    body = {"service_id": 1, "schedule": [{"index": 1, "service_session_id": 1}, part, {"index": 2}]}
    assert named(NewPackage, body) == ["schedule[1].end_time", "schedule[2].start_time", "schedule[2].end_time"]


def new_booking(**changes: Any) -> NewBooking:
    return NewBooking(**{"service_name": "x", "booking_date": "2025-10-20", "booking_time": "14:00", **changes})


def test_a_signed_in_user_books_for_itself_without_saying_so() -> None:
    assert appointments_place(new_booking(), UMA).person == PersonById(1)


def test_a_user_may_not_name_another() -> None:
    with pytest.raises(Problem) as refused:
        appointments_place(new_booking(user_id=2), UMA)
    assert refused.value.status == 403


def test_nobody_knows_for_whom_an_anonymous_caller_books_unless_told() -> None:
    body = {"service_name": "x", "booking_date": "2025-10-20", "booking_time": "14:00"}
    assert named(NewBooking, body, needs=WHOM) == ["user_id"]
    assert appointments_place(new_booking(user_id=2), ANONYMOUS).person == PersonById(2)


async def test_an_id_that_is_no_positive_whole_number_is_refused() -> None:
    for user_id in (b"0", b"-1", b"1.5", b'"1"', b"true", b"1e400", b"99999999999999999999"):
        raw = b'{"service_name":"x","booking_date":"2025-10-20","booking_time":"14:00","user_id":' + user_id + b"}"
        with pytest.raises(Problem) as refused:
            await read_json(request(method="POST", body=raw), NewBooking)
        assert [p.field for p in refused.value.problems] in ([], ["user_id"]), user_id
