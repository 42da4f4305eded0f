"""Examples of requests in the served description: days to come, a value for every field of a path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import jsonschema_rs
import pytest

from api.openapi.examples import AHEAD, moved, to_come
from tests.support.conformance.description import description
from tests.support.conformance.examples import examples_of, requests

DAY = re.compile(r"\b(?:19|20|21)\d\d-\d\d-\d\d")
TODAYS = [date(2026, 12, 31), date(2027, 3, 28), date(2028, 2, 29), date(2031, 7, 6)]
WEEK = timedelta(weeks=1)


def served(today: date) -> Any:
    return to_come(description(), today)


def examples(described: Any) -> Iterator[Any]:
    """Of requests, wherever they stand."""
    if isinstance(described, list):
        for one in described:
            yield from examples(one)
    elif isinstance(described, dict):
        for key, value in described.items():
            if key == "example":
                yield value
            elif key == "examples":
                yield from value.values() if isinstance(value, dict) else value
            elif key != "responses":
                yield from examples(value)


@pytest.mark.parametrize("today", TODAYS, ids=str)
def test_the_first_day_of_every_example_comes_in_one_to_two_weeks(today: date) -> None:
    found = [sorted(map(date.fromisoformat, DAY.findall(json.dumps(one)))) for one in examples(served(today))]
    firsts = {days[0] - today for days in found if days}
    assert len([days for days in found if days]) > 20
    assert all(AHEAD <= ahead < AHEAD + WEEK for ahead in firsts), firsts


def test_days_keep_their_weekdays_and_distances_in_every_form() -> None:
    for one, other in zip(examples(description()), examples(served(TODAYS[0])), strict=True):
        before, after = ([date.fromisoformat(day) for day in DAY.findall(json.dumps(it))] for it in (one, other))
        weeks = {new - old for old, new in zip(before, after, strict=True)}
        assert len(weeks) <= 1
        assert all(one % WEEK == timedelta() for one in weeks)
        assert DAY.sub("", json.dumps(one)) == DAY.sub("", json.dumps(other)) or isinstance(one, int)


def test_the_month_of_a_calendar_is_that_of_the_day_beside_it() -> None:
    described = served(date(2026, 12, 25))["paths"]["/api/booking/calendar/"]["get"]["parameters"]
    assert {one["name"]: one["example"] for one in described if one["required"]} == {"year": 2027, "month": 1}


def test_what_has_no_day_stays_and_answers_stand_as_printed() -> None:
    assert moved({"version": "2025-10-2", "n": 20251020, "at": None}, TODAYS[0]) == {
        "version": "2025-10-2",
        "n": 20251020,
        "at": None,
    }
    answers = [
        [operation["responses"] for methods in one["paths"].values() for operation in methods.values()]
        for one in (description(), served(TODAYS[0]))
    ]
    assert answers[0] == answers[1]


def test_one_days_description_is_always_the_same() -> None:
    assert served(TODAYS[0]) == served(TODAYS[0]) != served(TODAYS[1])


def test_moved_examples_still_fit_their_schemas() -> None:
    described = served(TODAYS[0])
    bodies = [
        media
        for methods in described["paths"].values()
        for operation in methods.values()
        for media in operation.get("requestBody", {}).get("content", {}).values()
    ]
    for media in bodies:
        schema = {"components": described["components"], **media["schema"]}
        for example in examples_of(media):
            jsonschema_rs.validate(schema, example)


def test_every_operation_can_be_tried_out_with_what_it_shows() -> None:
    """Every field of a path and every parameter that is required has an example: a page fills them in."""
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            assert list(requests(f"{method.upper()} {path}", operation, description()["components"]["parameters"]))
            for one in operation["parameters"]:
                is_needed = one.get("required") and one["name"] != "Stripe-Signature"  # of the body and the moment
                assert "example" in one or not is_needed, f"{method} {path} {one}"
