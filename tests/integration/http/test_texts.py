"""A text that no field may hold, sent to every operation that reads a body: named in a 400, never a 500."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from tests.conftest import FIGURE
from tests.support.clients.http_client import Client
from tests.support.conformance.description import UNKNOWN_IDS, served
from tests.support.hostile_texts import fields_with_text, names_of, placed

NUL, NEWLINE = "\x00", "09:00\n"
ANY_TEXT = frozenset({"password", "confirm_password", "current_password", "category.name"})
"""Taken as they are, and hashed, or not read at all."""
REFUSED_BEFORE = frozenset({401, 403, 404, 405, 409, 415, 429})
"""For who asks, or for what the path names, before the body is read."""


def requests() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """(method, path, a good body, a field of it that holds a text) of every operation."""
    for route in served():
        for content in route.operation.body if route.operation else ():
            if isinstance(content.kind, type) and issubclass(content.kind, Struct):
                path = route.template
                for name, kind in route.fields.items():
                    shown = f"{{{name}:{kind}}}" if kind else f"{{{name}}}"
                    path = path.replace(shown, "1" if kind == "int" else UNKNOWN_IDS["uuid"])
                for field in fields_with_text(content.kind):
                    yield route.method, path, content.example, field


def test_a_nul_in_any_text_is_named_and_never_an_error_of_ours(
    staff: Client, record_property: Callable[[str, object], None]
) -> None:
    wrong, walked, named = [], 0, 0
    for method, path, body, field in requests():
        if field in ANY_TEXT:
            continue
        answer = staff.request(method, path, json=placed(body, field, NUL))
        walked += 1
        if answer.status_code == 400:
            named += 1
            tops = {one["field"] for one in answer.json()["errors"]}
            wrong += [] if tops & {*names_of(field), field.partition("[")[0]} else [(method, path, field, answer.text)]
        elif answer.status_code not in REFUSED_BEFORE:
            wrong.append((method, path, field, f"{answer.status_code} {answer.text}"))
    record_property(FIGURE, f"texts over HTTP: {walked} fields with NUL, {named} named by a 400")
    assert wrong == []
    assert named > walked / 2


def test_a_newline_at_the_end_of_a_time_is_no_error_of_ours(staff: Client) -> None:
    room = {"name": "Room with hours", "price_per_slot": 50, "capacity": 1}
    for name in ("opening_time", "closing_time"):
        answer = staff.post("/api/admin/rooms/", json={**room, name: NEWLINE})
        assert (answer.status_code, answer.json()["errors"]) == (
            400,
            [{"field": name, "message": f"{name} must be a time like 09:30"}],
        )


def test_a_lone_surrogate_is_no_json(staff: Client) -> None:
    """UTF-8 has no form for it, so neither has a text in the database."""
    for raw in (b'{"name": "\\ud800"}', b'{"name": "\xed\xa0\x80"}'):
        answer = staff.post("/api/admin/rooms/", content=raw, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    assert staff.get("/api/admin/bookings/?service=%ED%A0%80").status_code == 200, "it is read as signs of replacement"
