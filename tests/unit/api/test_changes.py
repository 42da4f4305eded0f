"""What endpoints that change things share: fields that were sent, that must stay, and errors as problems."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET, Struct, UnsetType

from api.contracts.changes import (
    CANNOT_BE_CHANGED_HERE,
    Problems,
    as_problems,
    check_unchanged,
    name_taken,
    sent_fields,
)
from api.http.errors import Problem
from core.store.catalogue.changes import FullError, NameTakenError, NotFoundError


class Change(Struct, frozen=True):
    name: str | UnsetType = UNSET
    minutes: int | UnsetType | None = UNSET
    id: Any = UNSET
    zone: Any = UNSET


PRESENT = {"id": 7, "zone": "UTC"}
PROBLEMS: Problems = {
    NotFoundError: lambda: Problem(404, "not_found", "Not found"),
    NameTakenError: name_taken("name_taken", "There is one of this name"),
}


def test_null_is_sent_and_what_is_left_out_is_not() -> None:
    assert sent_fields(Change(name="New", minutes=None, id=7), but={"id"}) == {"name": "New", "minutes": None}


@pytest.mark.parametrize("sent", [Change(), Change(name="New"), Change(id=7), Change(id=7, zone="UTC")])
def test_read_only_fields_may_be_left_out_or_sent_back_as_they_are(sent: Change) -> None:
    check_unchanged(sent, PRESENT)


def test_every_read_only_field_with_another_value_is_named() -> None:
    with pytest.raises(Problem) as refused:
        check_unchanged(Change(id=None, zone=["UTC"]), PRESENT, CANNOT_BE_CHANGED_HERE)
    assert (refused.value.status, refused.value.code) == (400, "invalid")
    assert [(problem.field, problem.message) for problem in refused.value.problems] == [
        ("id", "id cannot be changed here"),
        ("zone", "zone cannot be changed here"),
    ]


async def test_an_error_of_the_catalogue_is_answered_in_the_contracts_words() -> None:
    with pytest.raises(Problem) as refused:
        async with as_problems(PROBLEMS):
            raise NameTakenError
    assert (refused.value.status, refused.value.code) == (409, "name_taken")
    assert [problem.field for problem in refused.value.problems] == ["name"]


async def test_an_error_that_the_contract_has_no_words_for_stays_an_error() -> None:
    with pytest.raises(FullError):
        async with as_problems(PROBLEMS):
            raise FullError
