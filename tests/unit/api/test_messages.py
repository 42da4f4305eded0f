"""Every message about a value is a sentence for a person: no code, no regular expression, no words of a library."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from api.accounts.audit_log import AuditQuery
from api.contracts.marketplace.bookings import MarketFilters
from api.http.bodies import parse_json
from api.http.errors import Problem
from api.http.parameters import Parameter, parameters_of, read_query
from api.webhooks.deliveries import DeliveriesAsked
from core import text_forms
from core.wire.refusals import REFUSALS, REFUSALS_BY_CONTRACT
from tests.conftest import FIGURE
from tests.support.clients.responder_requests import request
from tests.support.conformance.description import bodies, served
from tests.support.conformance.sentences import unclear_wording
from tests.support.hostile_texts import fields_with_text, placed, with_bad_characters

BODIES = bodies()
QUERIES = {route.operation.query for route in served() if route.operation and route.operation.query}
WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 7, 25, 1.5, 5.0, 1e300, 10**30, 2**63, "", " ", "x", "x" * 6000, "9", "\x00", "24:61", "2030-02-30",
    "2030-01-31T10:00:00", "2030-01-31T10:00:00+02:00 ", [], [1], ["x"], [None], [[]], ["x"] * 1001, {}, {"x": 1},
    {"id": "1"}, {"id": 1, "x": 2}, [{}], [{"weekday": 9}], [{"weekday": 0, "start": "09:00\n", "end": "x"}], [{"index": 1000}],
)  # fmt: skip
"""Of wrong types, too short and too long, too small and too large, of wrong forms, and nested."""


def told(kind: type[Struct], body: Any) -> list[tuple[str, str]]:
    try:
        parse_json(json.dumps(body).encode(), kind)
    except Problem as problem:
        return [(one.field, one.message) for one in problem.problems]
    return []


def test_every_message_about_a_field_of_a_body_is_a_sentence(record_property: Callable[[str, object], None]) -> None:
    wrong, sentences, fields, odd = set(), set(), 0, []
    for kind, good in BODIES.items():
        for field in msgspec.structs.fields(kind):
            fields += 1
            for value in WRONG:
                for name, message in told(kind, {**good, field.encode_name: value}):
                    sentences.add(message)
                    if found := unclear_wording(message):
                        wrong.add((kind.__name__, name, message, *found))
                    if name.startswith(field.encode_name) and "cannot be understood" in message:
                        odd.append((kind.__name__, name, value))
    record_property(FIGURE, f"messages: {len(sentences)} different ones of {fields} fields of {len(BODIES)} bodies")
    assert wrong == set()
    assert odd == [], "the mistake was not found"


def test_every_text_that_does_not_belong_is_told_in_a_sentence() -> None:
    wrong = set()
    for kind, good in BODIES.items():
        for field in fields_with_text(kind):
            if "[]." in field or "." in field:
                continue
            for _, text in with_bad_characters("x1"):
                wrong |= {
                    (field, message, *unclear_wording(message))
                    for _, message in told(kind, placed(good, field, text))
                    if unclear_wording(message)
                }
    assert wrong == set()


def test_every_message_about_a_query_is_a_sentence(record_property: Callable[[str, object], None]) -> None:
    wrong, sentences, parameters = set(), set(), 0
    for kind in QUERIES:
        for one in parameters_of(kind):
            parameters += 1
            for value in [str(value) for value in WRONG] + [["a", "b"]]:
                asked = request()
                asked._params = {one.name: value}
                try:
                    read_query(asked, kind)
                except Problem as problem:
                    sentences |= {told.message for told in problem.problems}
    wrong = {(sentence, *unclear_wording(sentence)) for sentence in sentences if unclear_wording(sentence)}
    record_property(FIGURE, f"messages: {len(sentences)} different ones of {parameters} query parameters")
    assert wrong == set()


def test_every_form_and_every_refusal_has_a_sentence() -> None:
    said = [form.words.format(field="name") for form in text_forms.FORMS]
    said += [answer.sentence for answer in REFUSALS.values()]
    said += [answer.sentence for answers in REFUSALS_BY_CONTRACT.values() for answer in answers.values()]
    assert {sentence: unclear_wording(sentence) for sentence in said if unclear_wording(sentence)} == {}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("booking_date", "soon", "booking_date must be a day like 2025-10-15"),
        ("booking_date", "2030-10-21T10:00:00Z", "booking_date must be a day like 2025-10-15"),
        ("booking_date", "2030-02-30", "booking_date must be a day of the calendar, and 2030-02-30 is none"),
        ("booking_date", "2030-13-01", "booking_date must be a day of the calendar, and 2030-13-01 is none"),
        ("booking_date", "9999-12-31", "booking_date must be a day from 1900-01-01 to 2199-12-31"),
        ("booking_date", "0001-01-01", "booking_date must be a day from 1900-01-01 to 2199-12-31"),
        ("booking_time", "9:30", "booking_time must be a time like 09:30"),
        ("booking_time", "09:30\n", "booking_time must be a time like 09:30"),
        ("booking_time", 9, "booking_time must be text: a time like 09:30"),
        ("service_name", "a\nb", "service_name must not contain a line break"),
        ("service_name", "<b>", "service_name must not contain < or >"),
        ("service_name", "\uff1cb", "service_name must not contain \uff1c (U+FF1C), which looks like <"),
        ("service_name", "  ", "service_name must not be blank"),
        (
            "service_name",
            "a\u200bb",
            "service_name must not contain the character U+200B, which cannot be seen (zero width space)",
        ),
        ("service_name", "\u0301a", "service_name must begin with a letter, a digit or a sign that can be seen"),
        ("service_name", "x" * 201, "service_name may have 200 characters at most"),
        ("notes", "\x07", "notes must not contain the control character U+0007"),
        ("user_id", "1", "user_id must be a whole number, 1 or more"),
        ("user_id", 1.0, "user_id must be a whole number, 1 or more, written without a point"),
        ("user_id", 0, "user_id must be a whole number, 1 or more"),
    ],
)
def test_a_message_says_what_belongs_there(field: str, value: Any, sentence: str) -> None:
    kind = next(one for one in BODIES if one.__name__ == "NewBooking")
    assert told(kind, {**BODIES[kind], field: value}) == [(field, sentence)]


def test_a_number_with_a_point_is_told_so_where_an_object_may_stand_too() -> None:
    kind = next(one for one in BODIES if one.__name__ == "NewSlot")
    assert told(kind, {**BODIES[kind], "category": 1.0}) == [
        ("category", "category must be a whole number, 1 or more, written without a point")
    ]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ("europe/BERLIN", "This is not an IANA time zone: write Europe/Berlin"),
        ("est5edt", "This is not an IANA time zone: write EST5EDT"),
        ("Mars/Olympus", text_forms.ZONE.words),
        ("", text_forms.ZONE.words),
    ],
)
def test_a_zone_whose_capitals_are_wrong_is_told_how_it_is_written(sent: str, sentence: str) -> None:
    kind = next(one for one in BODIES if one.__name__ == "NewNamedService")
    assert told(kind, {"name": "x", "own_resource": True, "time_zone": sent}) == [("time_zone", sentence)]


def test_a_day_in_a_query_is_told_the_same() -> None:
    kind = next(one for one in QUERIES if {"date", "service"} == {parameter.name for parameter in parameters_of(one)})
    with pytest.raises(Problem, match="date must be a day of the calendar, and 2030-02-30 is none"):
        read_query(request(query="date=2030-02-30"), kind)


def time_typed() -> Iterator[tuple[type[Struct], Parameter]]:
    """Every parameter that may be an instant with its offset."""
    for kind in sorted(QUERIES, key=lambda one: (one.__module__, one.__name__)):
        for one in parameters_of(kind):
            asked = request()
            asked._params = {one.name: "2030-10-21T10:00:00+02:00"}
            try:
                read_query(asked, kind)
            except Problem as problem:
                if any(told.field == one.name for told in problem.problems):
                    continue
            if set(fields_with_text(kind)) & {one.name, one.field} and one.name not in FREE_TEXTS:
                yield kind, one


FREE_TEXTS = {
    "service",
    "user",
    "search",
    "country",
    "categories",
    "categories[]",
    "next",
    "code",
    "state",
    "error",
} | {"actor", "action", "subject", "problem"}


def test_an_offset_whose_plus_was_lost_is_told_how_to_send_it(record_property: Callable[[str, object], None]) -> None:
    found = list(time_typed())
    bounds = {
        (kind, name) for kind in (MarketFilters, AuditQuery, DeliveriesAsked) for name in ("start_date", "end_date")
    }
    assert {(kind, one.name) for kind, one in found} == bounds
    for kind, one in found:
        for lost in ("2030-10-21T10:00:00 02:00", "2030-10-21T10:00 02:00"):
            with pytest.raises(Problem, match=r"Send the \+ of an offset as %2B") as refused:
                read_query(request(query=f"{one.name}={lost.replace(' ', '+')}"), kind)
            assert [told.field for told in refused.value.problems] == [one.name]
        sent = f"{one.name}=2030-10-21T10:00:00%2B02:00"
        assert getattr(read_query(request(query=sent), kind), one.field) == "2030-10-21T10:00:00+02:00"
    record_property(FIGURE, f"messages: {len(found)} query parameters that take an offset")
