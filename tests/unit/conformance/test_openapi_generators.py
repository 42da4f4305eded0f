"""The description holds nothing that generators of clients and linters stumble over. `make clients` runs them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.conformance.description import description

ALTERNATIVES = ("anyOf", "oneOf")
NULL = {"type": "null"}
CONDITIONS = ("if", "not", "else")
"""What generators leave out."""
DATA = ("example", "examples", "default", "enum", "const")
SCHEMAS_MIN = 1_500


def schemas(value: Any, at: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, object) of everything in the description that a generator reads, schemas among it."""
    if isinstance(value, dict):
        yield at, value
        for name, inner in value.items():
            is_field = at.endswith("/properties")
            if is_field or name not in (*CONDITIONS, *DATA):
                yield from schemas(inner, f"{at}/{name}")
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from schemas(inner, f"{at}/{n}")


def test_a_field_is_null_only_beside_what_else_it_may_be() -> None:
    """openapi-generator's Python fails at a bare null, and its TypeScript does not compile."""
    walked = list(schemas(description()))
    assert len(walked) > SCHEMAS_MIN
    bare = [at for at, one in walked if one.get("type") == "null" and at.split("/")[-2] not in ALTERNATIVES]
    lonely = [
        at
        for at, one in walked
        for word in ALTERNATIVES
        if isinstance(one.get(word), list) and all(inner == NULL for inner in one[word])
    ]
    assert bare + lonely == []


def test_a_struct_with_fields_is_no_choice_between_types() -> None:
    """Of such a schema generators make a type for each alternative, which then lacks the struct's own fields."""
    assert [at for at, one in schemas(description()) if "properties" in one and set(one) & set(ALTERNATIVES)] == []


def test_no_alternative_is_said_twice() -> None:
    twice = [
        at
        for at, one in schemas(description())
        for word in ALTERNATIVES
        if isinstance(one.get(word), list) and any(inner in one[word][:n] for n, inner in enumerate(one[word]))
    ]
    assert twice == []


def test_what_must_be_sent_is_also_described() -> None:
    def named(value: Any, at: str) -> Iterator[str]:
        """In conditions too, where linters look."""
        if isinstance(value, dict):
            if isinstance(required := value.get("required"), list):
                yield from (f"{at}: {name}" for name in required if name not in value.get("properties", {}))
            for name, inner in value.items():
                yield from named(inner, f"{at}/{name}")
        elif isinstance(value, list):
            for n, inner in enumerate(value):
                yield from named(inner, f"{at}/{n}")

    assert list(named(description()["components"]["schemas"], "#")) == []
