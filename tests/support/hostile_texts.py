"""Characters that texts are attacked with, and what is right for each kind of text.

Said here by hand, apart from `core.text_forms`: a test that asks the table whether the table is right learns nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.inspect import (
    CustomType,
    DateTimeType,
    DateType,
    ListType,
    Metadata,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)


class Kind(Enum):
    NAME = auto()
    """One line that pages print."""
    OPTIONAL_NAME = auto()
    TEXT = auto()
    """Several lines."""
    SOME_TEXT = auto()
    SEARCH_TEXT = auto()
    """A name to look for, or to log in with."""
    SECRET = auto()
    """A password that exists."""
    NEW_SECRET = auto()
    PHONE = auto()
    """Copied from messengers, which put marks of direction around it."""
    SHAPE = auto()
    """An address, a number, a day, a code: a few signs in a fixed order, and nothing else."""
    NOT_READ = auto()
    """May be sent, and means nothing."""


class Case(Enum):
    """What is done to a text that was good."""

    NEWLINE = auto()
    TAB = auto()
    CONTROL = auto()
    TURN = auto()
    UNSEEN = auto()
    JOINER = auto()
    SEPARATOR = auto()
    ANGLE = auto()
    BLANK = auto()
    """It is nothing but blanks."""
    FILLER = auto()
    """It is nothing but letters that are drawn empty."""
    MARK = auto()
    """It is nothing but a combining mark."""
    MARK_FIRST = auto()
    """It begins with one."""


_INSERTED = {
    Case.NEWLINE: "\n\r",
    Case.TAB: "\t",
    Case.CONTROL: "\x00\x01\x07\x08\x0b\x0c\x1b\x1f\x7f\x80\x85\x9f",
    Case.TURN: "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    Case.UNSEEN: "\u200b\u2060\ufeff",
    Case.JOINER: "\u200c\u200d",
    Case.SEPARATOR: "\u2028\u2029",
    Case.ANGLE: "<>\ufe64\ufe65\uff1c\uff1e",
}
_WHOLE = {
    Case.BLANK: (" ", "   ", "\xa0", "\u3000"),
    Case.FILLER: ("\u3164", "\u2800", "\u115f", "\U000e0041\U000e007f", "\U0001d173"),
    Case.MARK: ("\u0301", "\u0308\u0301", "\u20dd", "\u093e", "\u0e31", "\ufe0f"),
}
_MULTILINE = frozenset({Case.NEWLINE, Case.TAB, Case.JOINER, Case.SEPARATOR, Case.ANGLE, Case.MARK, Case.MARK_FIRST})
TAKEN = {
    Kind.NAME: frozenset({Case.JOINER}),
    Kind.OPTIONAL_NAME: frozenset({Case.JOINER, Case.BLANK, Case.FILLER}),
    Kind.TEXT: _MULTILINE | {Case.BLANK, Case.FILLER},
    Kind.SOME_TEXT: _MULTILINE,
    Kind.SEARCH_TEXT: frozenset(Case) - {Case.NEWLINE, Case.TAB, Case.CONTROL},
    Kind.SECRET: frozenset(Case),
    Kind.NEW_SECRET: frozenset(Case) - {Case.BLANK, Case.FILLER, Case.MARK},
    Kind.PHONE: frozenset({Case.TURN}),
    Kind.SHAPE: frozenset(),
    Kind.NOT_READ: frozenset(Case),
}
"""What each kind may hold; for all else there is a 400 that names the field."""


def with_bad_characters(good: str) -> Iterator[tuple[Case, str]]:
    """Each character at the end, inside and at the beginning of a good text; and nothing else at all."""
    half = len(good) // 2
    for case, characters in _INSERTED.items():
        for one in characters:
            yield from ((case, text) for text in (good + one, good[:half] + one + good[half:], one + good))
    for case, texts in _WHOLE.items():
        yield from ((case, text) for text in texts)
    yield from ((Case.MARK_FIRST, one + good) for one in _WHOLE[Case.MARK])


@cache
def fields_with_text(kind: type[Struct]) -> list[str]:
    """Every field whose JSON is a string, or may be: `schedule[].start_time`."""
    return list(dict.fromkeys(_texts(type_info(kind), "")))


def _texts(kind: Type, at: str) -> Iterator[str]:
    match kind:
        case StrType() | DateTimeType() | DateType() | CustomType():
            yield at
        case Metadata():
            yield from _texts(kind.type, at)
        case ListType() | VarTupleType():
            yield from _texts(kind.item_type, f"{at}[]")
        case UnionType():
            for one in kind.types:
                yield from _texts(one, at)
        case StructType():
            for field in kind.fields:
                yield from _texts(field.type, f"{at}.{field.encode_name}".lstrip("."))


def placed(body: dict[str, Any], field: str, text: Any) -> dict[str, Any]:
    """The body with this at `schedule[].start_time`."""
    name, _, rest = field.partition(".")
    if name.endswith("[]"):
        top = name.removesuffix("[]")
        there = (body.get(top) or [{}])[0]
        return {**body, top: [placed(there, rest, text) if rest else text]}
    return {**body, name: placed(body[name], rest, text) if rest else text}


def names_of(field: str) -> list[str]:
    """As a refusal may name it: a list of plain values is one field, objects in a list have fields of their own."""
    return [field.replace("[]", "[0]"), *([field.removesuffix("[]")] if field.endswith("[]") else [])]
