"""Whatever is wrong with a body, of whatever route: one answer names each such field, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from api.http.forms import Form
from api.http.moments import MOMENT
from core import text_forms
from tests.support.clients.responder_requests import refused_fields
from tests.support.conformance.description import bodies

WRONG_TYPE: Any = [[[]]]
"""No field of any body is of this type."""
IMPOSSIBLE: Mapping[str, list[Any]] = {
    text_forms.DAY.words: ["2025-02-30", "2025-13-01", "0001-01-01", "soon"],
    text_forms.AGENT_DAY.words: ["2025-02-30", "2025-13-01", "0001-01-01", "soon"],
    "{field} must be a day from 1900-01-02 to 2199-11-30": ["1900-01-01", "2199-12-01"],
    text_forms.CLOCK.words: ["25:00", "14:60", "24:00", "14:00:30", "late"],
    text_forms.AGENT_CLOCK.words: ["25:00", "14:60", "24:01", "14:00:30", "late"],
    text_forms.CLOSING.words: ["25:00", "14:60", "24:01", "14:00:30", "late"],
    text_forms.PHONE.words: ["nobody", "12", "1" * 21],
    "This is not an IANA time zone: use one such as Europe/Berlin": ["Nowhere/Else", "../etc/passwd", "/etc/localtime"],
    "{field} needs an offset from UTC, such as 2024-03-15T10:00:00Z": ["2024-03-15T10:00:00"],
    "{field} is out of range": ["0001-01-01T00:00:00Z"],
    "{field} must be a whole minute": ["2024-03-15T10:00:30Z"],
    "{field} must each end after they start, and none may overlap another": [
        [{"weekday": 0, "start": "10:00", "end": "09:00"}]
    ],
    MOMENT.words: ["2030-02-30T09:00:00Z", "2030-01-31T09:00:30Z", "2030-01-31T09:00:00+24:00", "tomorrow"],
    text_forms.WEEKDAYS.words: ["7", "5,,6", "Sunday"],
    "A username cannot contain @": ["a@example.com"],
    "A username cannot be a phone number": ["+20 100 123 4567"],
    "A password needs at least 8 characters": ["short"],
    "A password cannot be blank": [" " * 9],
    **{name: ["user@", "a b@example.com"] for name in (text_forms.EMAIL.name, text_forms.OPTIONAL_EMAIL.name)},
    "text": ["a\x00", "\u202e"],
    **{name: [" ", "a\n", "<b>", "\u0301"] for name in ("name", "name without commas")},
    text_forms.CURRENCY.words: ["xyz", "hrk"],
    "Enter an address or a CIDR block such as 192.0.2.0/24": [["here"], ["10.0.0.0/8", "192.0.2.1/24"]],
}
"""By a form's words: values of the right type that are not of it. What has another form adds its own."""
BODIES = bodies()
"""Each with a good body, which the API's description has."""


def impossible(hint: Any) -> list[Any]:
    """Values of a field's type, but of none of its forms; what is of a list's members comes in lists."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        words = [note.words for note in notes if isinstance(note, Form)]
        found = [text_forms.BY_PATTERN[note.pattern] for note in notes if isinstance(note, Meta) and note.pattern]
        words += [form.name for form in found]
        return impossible(inner) + [value for one in dict.fromkeys(words) for value in IMPOSSIBLE.get(one, [])]
    return [value for one in get_args(hint) for value in impossible(one)]


@st.composite
def broken(draw: st.DrawFn, kind: type[Struct], good: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """A body of which some fields are broken, each in some way, and these fields."""
    hints = get_type_hints(kind, include_extras=True)
    body, names = dict(good), set()
    for field in draw(st.permutations(msgspec.structs.fields(kind))):
        hint = hints[field.name]
        if hint is Any or not draw(st.booleans()):
            continue
        names.add(field.name)
        values = [WRONG_TYPE, *impossible(hint)]
        if field.required and draw(st.booleans()):
            body.pop(field.name)
        else:
            body[field.name] = draw(st.sampled_from(values))
    if "confirm_password" in body and "confirm_password" not in names and "password" in body:
        body["confirm_password"] = body["password"] if body["password"] != WRONG_TYPE else good["password"]
    for name in draw(st.sets(st.sampled_from(["colour", "Phone", "booking date", "é"]), max_size=2)):
        body[name] = draw(st.sampled_from([None, 1, "x"]))
        names.add(name)
    return dict(draw(st.permutations(list(body.items())))), names


@pytest.mark.parametrize("kind", BODIES)
def test_exactly_the_fields_that_are_wrong_are_named_once_each(kind: type[Struct]) -> None:
    good = BODIES[kind]
    assert refused_fields(kind, good) == []

    @settings(max_examples=15, deadline=None, database=None)
    @given(st.data())
    def names_them(data: st.DataObject) -> None:
        body, wrong = data.draw(broken(kind, good))
        named = refused_fields(kind, body)
        tops = [field.partition("[")[0] for field in named]
        assert set(tops) == wrong
        assert len(set(named)) == len(named)
        assert tops == sorted(tops, key=place_in(kind))

    names_them()


def place_in(kind: type[Struct]) -> Any:
    """Where a field stands in the document's order; unknown ones stand last."""
    fields = kind.__struct_fields__
    return lambda name: fields.index(name) if name in fields else len(fields)
