"""Every text that can be sent, with every character that does not belong: taken or refused as is right for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from api.contracts.agent.bulk.csv_rows import CsvRows
from api.contracts.agent.new_booking import AgentBooking
from api.contracts.marketplace.bookings import SEARCH_LEAST, MarketFilters
from api.http.errors import Problem
from api.http.parameters import parameters_of, read_query
from core import text_forms
from core.domain.names import folded
from core.settings import SettingsError, from_environment
from tests.conftest import FIGURE
from tests.support.clients.responder_requests import refused_fields, request
from tests.support.conformance.description import bodies, served
from tests.support.hostile_texts import TAKEN, Case, Kind, fields_with_text, names_of, placed, with_bad_characters

GOOD: Mapping[str, tuple[Kind, str]] = {
    "client_secret": (Kind.SEARCH_TEXT, "pi_1_secret_1"),
    "name": (Kind.NAME, "Room 9"),
    "service_name": (Kind.NAME, "Massage"),
    "service": (Kind.NAME, "Massage"),
    "username": (Kind.NAME, "zoe"),
    "first_name": (Kind.OPTIONAL_NAME, "Zoe"),
    "last_name": (Kind.OPTIONAL_NAME, "Doe"),
    "gender": (Kind.OPTIONAL_NAME, "female"),
    "country": (Kind.OPTIONAL_NAME, "Canada"),
    "address": (Kind.OPTIONAL_NAME, "High Street 1"),
    "amenities[]": (Kind.OPTIONAL_NAME, "WiFi"),
    "label": (Kind.OPTIONAL_NAME, "My bookings"),
    "title": (Kind.TEXT, "First visit"),
    "description": (Kind.TEXT, "Two lines"),
    "client_notes": (Kind.TEXT, "Two lines"),
    "bio": (Kind.TEXT, "Two lines"),
    "notes": (Kind.TEXT, "Two lines"),
    "special_requests": (Kind.TEXT, "Two lines"),
    "meeting_id": (Kind.TEXT, "123 456"),
    "content": (Kind.SOME_TEXT, "Two lines"),
    "token": (Kind.SEARCH_TEXT, "abcdef"),
    "refresh": (Kind.SEARCH_TEXT, "abc.def"),
    "email": (Kind.SHAPE, "zoe@example.com"),
    "phone": (Kind.PHONE, "2025551234"),
    "password": (Kind.NEW_SECRET, "correct horse"),
    "confirm_password": (Kind.NEW_SECRET, "correct horse"),
    "current_password": (Kind.SECRET, "correct horse"),
    "networks[]": (Kind.SHAPE, "192.0.2.0/24"),
    "OFF_DAYS": (Kind.SHAPE, "5,6"),
    "currency": (Kind.SHAPE, "usd"),
    "amount": (Kind.SHAPE, "100.00"),
    "price_per_slot": (Kind.SHAPE, "50.00"),
    "time_zone": (Kind.SHAPE, "Europe/Berlin"),
    "timezone": (Kind.SHAPE, "Europe/Berlin"),
    "url": (Kind.SHAPE, "https://hooks.example.com/holdfast"),
    "origin": (Kind.SHAPE, "https://www.example.com"),
    "meeting_url": (Kind.SHAPE, "https://meet.example.com/1"),
    "booking_date": (Kind.SHAPE, "2030-10-21"),
    "date": (Kind.SHAPE, "2030-10-21"),
    "start_date": (Kind.SHAPE, "2030-10-21"),
    "end_date": (Kind.SHAPE, "2030-12-20"),
    "booking_time": (Kind.SHAPE, "10:00"),
    "opening_time": (Kind.SHAPE, "09:00"),
    "closing_time": (Kind.SHAPE, "18:00"),
    "start": (Kind.SHAPE, "09:00"),
    "end": (Kind.SHAPE, "17:00"),
    "category.name": (Kind.NOT_READ, "Cat 1"),
}
"""By the field's name: what it is, and a good one. What a body calls otherwise stands in `OF_BODIES`."""
_INSTANTS = {
    "start_time": (Kind.SHAPE, "2030-10-21T09:00:00Z"),
    "end_time": (Kind.SHAPE, "2030-10-21T10:00:00Z"),
}
_HOURS = {"start_time": (Kind.SHAPE, "09:00"), "end_time": (Kind.SHAPE, "12:00")}
OF_BODIES: Mapping[str, Mapping[str, tuple[Kind, str]]] = {
    "LoginBody": {"password": (Kind.SECRET, "correct horse"), "username": (Kind.SEARCH_TEXT, "zoe"), "email": (Kind.SEARCH_TEXT, "z@example.com")},
    "Leave": {"password": (Kind.SECRET, "correct horse")},
    "SessionBody": {"password": (Kind.SECRET, "correct horse"), "username": (Kind.SEARCH_TEXT, "zoe")},
    "ResetBody": {"email": (Kind.SEARCH_TEXT, "zoe@example.com")},
    "NewClosure": {**_HOURS, "reason": (Kind.OPTIONAL_NAME, "Christmas")},
    "NewTimeOff": {"reason": (Kind.OPTIONAL_NAME, "Holiday")},
    "Cancellation": {"reason": (Kind.TEXT, "Illness")},
    "GuestCancellation": {"reason": (Kind.TEXT, "Illness")},
    "GuestMove": {"start_time": (Kind.SHAPE, "10:00"), "reason": (Kind.TEXT, "Illness")},
    "NewTime": {**_INSTANTS, "reason": (Kind.TEXT, "Illness")},
    "OwnMove": {**_INSTANTS, "reason": (Kind.TEXT, "Illness")},
    "BookingMove": {**_INSTANTS, "reason": (Kind.TEXT, "Illness")},
    "NewRoomBooking": _HOURS,
    "WeeklyPattern": _HOURS,
    "NewSlot": _INSTANTS,
    "SlotChange": _INSTANTS,
    "NewMarketBooking": _INSTANTS,
    "NewPackage": {f"schedule[].{name}": what for name, what in _INSTANTS.items()},
    "NewSession": _INSTANTS,
}  # fmt: skip
OTHER_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "NewClosure": {"start_date": "2030-10-21", "end_date": "2030-12-20", "start_time": "09:00", "end_time": "17:00"},
    "NewTimeOff": {"start_date": "2030-10-21", "end_date": "2030-12-20"},
    **{
        kind: {"start_time": "2030-10-21T09:00:00Z", "end_time": "2030-10-21T10:00:00Z"}
        for kind in ("NewMarketBooking", "NewTime", "NewSession")
    },
    "NewNamedService.time_zone": {"own_resource": True},
    "NewPackage": {
        "schedule": [{"index": 0, "start_time": "2030-10-21T09:00:00Z", "end_time": "2030-10-21T10:00:00Z"}]
    },
    "NewBooking": {"user_id": 1},
    "LoginBody.username": {"email": None},
    "NewSlot.category.name": {"category": {"id": 1}},
    "SlotChange.category.name": {"category": {"id": 1}},
    "WeeklyPattern.category.name": {"category": {"id": 1}},
    "SlotChange": {"start_time": "2030-10-21T09:00:00Z"},
    "PractitionerChange": {
        "hours": [{"weekday": 0, "start": "09:00", "end": "17:00"}],
        "breaks": [{"weekday": 0, "start": "12:00", "end": "13:00"}],
    },
}
"""What must be sent along, so that nothing else is wrong."""
BODIES = bodies()
"""Each with the good body of the API's description."""
QUERIES = {(route.template, route.operation.query) for route in served() if route.operation and route.operation.query}


def what_is(kind: type[Struct], field: str) -> tuple[Kind, str]:
    own = OF_BODIES.get(kind.__name__, {})
    return own.get(field) or GOOD.get(field) or GOOD[field.rpartition(".")[2]]


def body_with(kind: type[Struct], field: str, text: str) -> dict[str, Any]:
    """A body in which only this field can be wrong."""
    beside = {**OTHER_FIELDS.get(kind.__name__, {}), **OTHER_FIELDS.get(f"{kind.__name__}.{field}", {})}
    whole = {name: value for name, value in {**BODIES[kind], **beside}.items() if value is not None}
    body = placed(whole, field, text)
    if "confirm_password" in body:  # the two must be one
        body |= {"password": text, "confirm_password": text} if "password" in field else {}
    return body


def wrongly_judged(kind: type[Struct], field: str) -> Iterator[str]:
    """What is taken and should not be, refused and should not be, or refused for another field."""
    meaning, good = what_is(kind, field)
    for case, text in [(None, good), *with_bad_characters(good)]:
        refused = refused_fields(kind, body_with(kind, field, text))
        right: list[list[str]] = (
            [[]] if case is None or case in TAKEN[meaning] else [[name] for name in names_of(field)]
        )
        if "confirm_password" in fields_with_text(kind) and "password" in field and right != [[]]:
            right = [["password"]]
        if refused not in right:
            yield f"{kind.__name__}.{field} {case}: {text!r} is {'refused' if refused else 'taken'} ({refused})"


def test_every_text_of_every_body_is_taken_or_refused_as_is_right(
    record_property: Callable[[str, object], None],
) -> None:
    fields = [(kind, field) for kind in BODIES for field in fields_with_text(kind)]
    wrong = [one for kind, field in fields for one in wrongly_judged(kind, field)]
    cases = sum(1 for kind, field in fields for _ in with_bad_characters(what_is(kind, field)[1]))
    record_property(FIGURE, f"texts: {len(fields)} fields of {len(BODIES)} bodies, {cases} cases")
    assert wrong == []


OF_QUERIES: Mapping[str, tuple[Kind, str]] = {
    "service": (Kind.SEARCH_TEXT, "Massage"),
    "user": (Kind.SEARCH_TEXT, "zoe"),
    "search": (Kind.SEARCH_TEXT, "Massage"),
    "country": (Kind.SEARCH_TEXT, "Canada"),
    "actor": (Kind.SEARCH_TEXT, "user:1"),
    "action": (Kind.SEARCH_TEXT, "room.changed"),
    "subject": (Kind.SEARCH_TEXT, "room:1"),
    "categories": (Kind.SEARCH_TEXT, "Cat 1"),
    "categories[]": (Kind.SEARCH_TEXT, "Cat 1"),
    "problem": (Kind.SEARCH_TEXT, "invalid_transition"),
    "start_time": (Kind.SHAPE, "10:00"),
    "date": (Kind.SHAPE, "2030-10-21"),
    "start_date": (Kind.SHAPE, "2030-10-21"),
    "end_date": (Kind.SHAPE, "2030-10-22"),
    "date_joined_from": (Kind.SHAPE, "2030-10-21"),
    "date_joined_to": (Kind.SHAPE, "2030-10-21"),
    "timezone": (Kind.SHAPE, "Europe/Berlin"),
    "after": (Kind.SHAPE, ""),
    "next": (Kind.NOT_READ, "/"),
    "code": (Kind.NOT_READ, "c"),
    "state": (Kind.NOT_READ, "s"),
    "error": (Kind.NOT_READ, "e"),
}
NEEDED = {
    "kind": "service",
    "id": "1",
    "year": "2030",
    "month": "10",
    "date": "2030-10-21",
    "start_date": "2030-10-21",
    "end_date": "2030-10-21",
}


def refused_parameters(kind: type[Struct], sent: dict[str, str]) -> list[str]:
    asked = request()
    asked._params = {**{name: value for name, value in NEEDED.items() if name in _required(kind)}, **sent}
    try:
        read_query(asked, kind)
    except Problem as problem:
        return [one.field for one in problem.problems]
    return []


def _required(kind: type[Struct]) -> set[str]:
    return {one.name for one in parameters_of(kind) if one.required}


def test_every_text_of_every_query_is_taken_or_refused_as_is_right(
    record_property: Callable[[str, object], None],
) -> None:
    wrong, cases, fields = [], 0, []
    for template, kind in sorted(QUERIES, key=lambda one: one[0]):
        texts_of = {field.removesuffix("[]") for field in fields_with_text(kind)}
        for one in parameters_of(kind):
            if one.field not in texts_of and one.name not in texts_of:
                continue
            fields.append(f"{template}?{one.name}")
            meaning, good = OF_QUERIES[one.name]
            for case, text in with_bad_characters(good):
                cases += 1
                is_too_short = kind is MarketFilters and one.name == "search" and len(text) < SEARCH_LEAST
                right = [] if case in TAKEN[meaning] and not is_too_short else [one.name]
                if refused_parameters(kind, {one.name: text}) != right:
                    wrong.append(f"{fields[-1]} {case}: {text!r}")
    record_property(FIGURE, f"texts: {len(fields)} query parameters, {cases} cases")
    assert wrong == []


COLUMNS = {name: what_is(AgentBooking, name) for name in fields_with_text(AgentBooking)}


def test_a_cell_of_a_spreadsheet_is_held_to_the_same(record_property: Callable[[str, object], None]) -> None:
    """Blanks at the ends of a cell are trimmed, so only what is left of it counts."""
    wrong, cases = [], 0
    for name, (meaning, good) in COLUMNS.items():
        for case, text in with_bad_characters(good):
            row = {**BODIES[AgentBooking], name: text}
            quoted = {column: '"' + value.replace('"', '""') + '"' for column, value in row.items()}
            reader = CsvRows()
            raw = f"{','.join(quoted)}\n{','.join(quoted.values())}\n".encode()
            (cells,) = [*reader.feed(raw), *reader.end()]
            assert isinstance(cells, bytes)
            cases += 1
            refused = refused_fields(AgentBooking, msgspec.json.decode(cells))
            if bool(refused) is (case in TAKEN[meaning]):
                wrong.append(f"{name} {case}: {text!r} {refused}")
    record_property(FIGURE, f"texts: {len(COLUMNS)} columns, {cases} cells")
    assert wrong == []


SETTINGS = {
    "HOLDFAST_TIME_ZONE": "Europe/Berlin",
    "HOLDFAST_PHONE_REGION": "EG",
    "HOLDFAST_REDIS_PREFIX": "mine",
    "HOLDFAST_PUBLIC_URL": "https://example.com",
    "HOLDFAST_ALLOWED_ORIGINS": "https://example.com",
    "HOLDFAST_TRUSTED_PROXIES": "192.0.2.0/24",
    "HOLDFAST_MAIL_FROM": "Holdfast <no-reply@example.com>",
    "HOLDFAST_LOG_LEVEL": "INFO",
    "HOLDFAST_API_BIND": "127.0.0.1:8001",
    "HOLDFAST_NOTIFIER_HOST": "127.0.0.1",
    "HOLDFAST_FLOWER_HOST": "127.0.0.1",
    "HOLDFAST_FLOWER_USER": "flower",
    "HOLDFAST_SMTP_URL": "smtp://mail.example.com",
    "HOLDFAST_GOOGLE_ISSUER": "https://accounts.example.com",
    "HOLDFAST_GITHUB_URL": "https://github.example.com",
    "HOLDFAST_GITHUB_API_URL": "https://api.github.example.com",
    "HOLDFAST_LANES": "2",
    "STRIPE_CALLBACK_SUCCESS_URL": "https://example.com/yes",
    "STRIPE_CALLBACK_CANCEL_URL": "https://example.com/no",
    "DATABASE_URL": "postgresql://me@127.0.0.1/holdfast",
    "REDIS_URL": "redis://127.0.0.1/0",
}
UNWANTED_IN_SETTINGS = frozenset({Case.NEWLINE, Case.TAB, Case.CONTROL, Case.TURN, Case.UNSEEN, Case.SEPARATOR})


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_with_what_cannot_be_seen_is_refused_by_name(name: str) -> None:
    """Inside, where no line of an environment file ends by mistake: what stands at the ends is trimmed."""
    environment = {"HOLDFAST_DEMO": "on", **{one: SETTINGS[one] for one in ("DATABASE_URL", "REDIS_URL")}}
    from_environment({**environment, name: SETTINGS[name]})
    for case, text in with_bad_characters(SETTINGS[name]):
        if case in UNWANTED_IN_SETTINGS and text.strip() == text:
            with pytest.raises(SettingsError, match=f"^{name} "):
                from_environment({**environment, name: text})


def test_every_form_is_anchored_and_described_in_the_words_of_json_schema() -> None:
    for form in text_forms.FORMS:
        assert re.fullmatch(r"\\A\(\?:.*\)\\Z", form.pattern), form.name
        assert re.fullmatch(r"\^\(.*\)\$", form.described), form.name
        assert not re.search(r"\\[AZ]|\\U|\(\?[^:]", form.described), form.name


def test_what_turns_into_an_angle_bracket_is_one() -> None:
    alike = [chr(n) for n in range(0x110000) if set(unicodedata.normalize("NFKC", chr(n))) & set("<>")]
    assert [one for one in alike if text_forms.OPTIONAL_NAME.fits(f"a{one}")] == []


def test_no_name_begins_with_a_combining_mark() -> None:
    marks = [chr(n) for n in range(0x10000) if unicodedata.category(chr(n))[0] == "M"]
    assert [one for one in marks if text_forms.NAME.fits(one + "a")] == []
    assert all(text_forms.NAME.fits("a" + one) for one in marks)


def test_a_name_has_something_that_its_key_is_made_of() -> None:
    """What `folded` leaves out cannot be a name: all such names would be one."""
    empty = [chr(n) for n in range(0x110000) if not 0xD800 <= n <= 0xDFFF and not folded(chr(n))]
    assert len(empty) > 4_000
    assert [hex(ord(one)) for one in empty if text_forms.NAME.fits(one + one)] == []
    assert all(text_forms.NAME.fits(f"\U0001f3f4{one}") for one in "\U000e0067\U000e0062"), "a flag is made of tags"
