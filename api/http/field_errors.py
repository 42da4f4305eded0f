"""Sentences for values that are not of their field's type, one for each kind of mistake.

msgspec notices that a value is wrong, but says so to programmers. Here the value is looked at once more, by the same
types, to name the field and what belongs there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from math import isinf
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.inspect import (
    BoolType,
    CustomType,
    DateTimeType,
    DateType,
    EnumType,
    Field,
    IntType,
    ListType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    UUIDType,
    type_info,
)

from api.http.forms import missing
from core.text_forms import BY_PATTERN, DAY, TextForm
from core.wire.errors import FieldProblem, shown

WHOLE_DIGITS_MAX = 20
"""Of a whole number that is read; one with more is beyond every field's bounds."""
TOO_LONG_TO_SAY = 2**53
"""A bound from here on is met by nobody by mistake, and not mentioned."""


def unknown(name: str) -> FieldProblem:
    return FieldProblem(shown(name), f"Unknown field: {shown(name)}")


def type_problems(name: str, kind: Any, raw: bytes | msgspec.Raw) -> list[FieldProblem]:
    """What is wrong with the JSON of a field that could not be decoded as its type.

    A list of plain values is one field; objects in a list have fields of their own.
    """
    try:
        value = json.loads(bytes(raw), parse_int=_whole)
    except (ValueError, RecursionError):
        return [FieldProblem(name, f"{name} cannot be understood")]
    found = list(_mistakes(_info(kind), value, name))
    if not found:  # of a type that only its decoder knows, as amounts are
        return [FieldProblem(name, f"{name} must be {wanted(_info(kind))}")]
    return [one if "." in one.field else FieldProblem(name, one.message) for one in found]


def sentence(name: str, kind: Any, text: str) -> str:
    """What is wrong with a query parameter, which is always text."""
    plain = _plain(_info(kind))
    if isinstance(plain, StrType):
        return next((one.message for one in _text(plain, text, name)), f"{name} cannot be understood")
    return DAY.sentence(name, text) if isinstance(plain, DateType) else f"{name} must be {wanted(plain)}"


_ORDERS: dict[frozenset[Any], Sequence[Any]] = {}
"""Choices in the order of their `Literal`: msgspec sorts them."""


@lru_cache
def _info(kind: Any) -> Type:
    _note_orders(kind)
    return type_info(kind)


def _note_orders(hint: Any) -> None:
    if get_origin(hint) is Literal:
        _ORDERS[frozenset(get_args(hint))] = get_args(hint)
    elif isinstance(hint, type) and issubclass(hint, Struct):
        for inner in get_type_hints(hint, include_extras=True).values():
            _note_orders(inner)
    else:
        for inner in get_args(hint):
            _note_orders(inner)


WANTED: Mapping[type[Type], str] = {
    StrType: "text",
    UUIDType: "an id as it was given, such as 6f1c1a4e-3f0b-4c7a-9b53-0d9b0f6f2c11",
    BoolType: "one of true, false",
    ListType: "a list",
    DateTimeType: "a time with its offset from UTC, such as 2024-03-15T10:00:00Z",
    CustomType: "an amount such as 100.00",
}
"""What belongs in a field of a type that has no bounds and no parts."""


def wanted(kind: Type) -> str:
    """What belongs in a field, to be read after "must be"."""
    match kind:
        case IntType():
            return "a whole number" + _between(kind)
        case LiteralType(values=values):
            return f"one of {', '.join(map(str, _ORDERS.get(frozenset(values), values)))}"
        case EnumType(cls=cls):
            return f"one of {', '.join(str(one.value) for one in cls)}"
        case StructType(fields=fields):
            return f"an object with {', '.join(field.encode_name for field in fields)}"
        case Metadata(type=inner):
            return wanted(inner)
        case UnionType(types=types):
            return " or ".join(wanted(one) for one in types if not isinstance(one, NoneType))
    return WANTED[type(kind)]


def _mistakes(kind: Type, value: Any, at: str) -> Iterator[FieldProblem]:
    match kind:
        case Metadata(type=inner):
            yield from _mistakes(inner, value, at)
        case UnionType():
            yield from _of_several(kind, value, at)
        case StrType() if isinstance(value, str):
            yield from _text(kind, value, at)
        case ListType() if isinstance(value, list):
            yield from _list(kind, value, at)
        case StructType() if isinstance(value, dict):
            yield from _object(kind, value, at)
        case StrType() if (form := BY_PATTERN.get(kind.pattern or "")) and form.is_format:
            yield FieldProblem(at, _must_be_text(form, at))
        case _ if not _fits(kind, value):
            yield FieldProblem(at, f"{at} must be {wanted(kind)}{_how_to_write(kind, value)}")


def _text(kind: StrType, text: str, at: str) -> Iterator[FieldProblem]:
    form = BY_PATTERN.get(kind.pattern or "")
    if kind.max_length is not None and len(text) > kind.max_length:
        yield FieldProblem(at, f"{at} may have {kind.max_length} characters at most")
    elif kind.min_length is not None and len(text) < kind.min_length:
        at_least = "must not be empty" if kind.min_length == 1 else f"needs at least {kind.min_length} characters"
        yield FieldProblem(at, f"{at} {at_least}")
    elif form is not None and not form.fits(text):
        yield FieldProblem(at, form.sentence(at, text))


def _must_be_text(form: TextForm, at: str) -> str:
    """Of a value that is no text where one of a certain form belongs."""
    wanted_form = form.sentence(at, "")
    begins = f"{at} must be "
    return (
        f"{begins}text: {wanted_form[len(begins) :]}"
        if wanted_form.startswith(begins)
        else f"{begins}text. {wanted_form}"
    )


def _list(kind: ListType, values: list[Any], at: str) -> Iterator[FieldProblem]:
    if kind.max_length is not None and len(values) > kind.max_length:
        yield FieldProblem(at, f"{at} may have {kind.max_length} entries at most")
    elif kind.min_length is not None and len(values) < kind.min_length:
        yield FieldProblem(
            at, f"{at} needs at least {kind.min_length} {'entry' if kind.min_length == 1 else 'entries'}"
        )
    for n, value in enumerate(values):
        yield from _mistakes(kind.item_type, value, f"{at}[{n}]")


def _object(kind: StructType, sent: dict[str, Any], at: str) -> Iterator[FieldProblem]:
    known: dict[str, Field] = {field.encode_name: field for field in kind.fields}
    for name, field in known.items():
        if name in sent:
            yield from _mistakes(field.type, sent[name], f"{at}.{name}")
        elif field.required:
            yield FieldProblem(f"{at}.{name}", missing(f"{at}.{name}"))
    if kind.forbid_unknown_fields:
        yield from (unknown(f"{at}.{name}") for name in sent if name not in known)


def _of_several(kind: UnionType, value: Any, at: str) -> Iterator[FieldProblem]:
    """The mistake in the alternative that was meant, if that can be seen: an object is meant for an object's type."""
    if value is None and any(isinstance(one, NoneType) for one in kind.types):
        return
    types = [one for one in kind.types if not isinstance(one, NoneType)]
    found = [list(_mistakes(one, value, at)) for one in types]
    if all(found):
        meant = [
            type_problems for one, type_problems in zip(types, found, strict=True) if _is_meant(_plain(one), value)
        ]
        only = meant or (found if len(types) == 1 else [])
        yield from only[0] if only else [FieldProblem(at, f"{at} must be {wanted(kind)}")]


def _is_meant(kind: Type, value: Any) -> bool:
    shapes: Sequence[tuple[type[Any], Any]] = (
        (StrType, str),
        (ListType, list),
        (StructType, dict),
        (IntType, int | float),
    )
    return any(isinstance(kind, one) and isinstance(value, shape) for one, shape in shapes)


def _fits(kind: Type, value: Any) -> bool:
    """Whether a value is of a type that has no parts."""
    match kind:
        case IntType(ge=least, gt=above, le=most, lt=below):
            bounds = ((least, int.__ge__), (above, int.__gt__), (most, int.__le__), (below, int.__lt__))
            return _is_whole(value) and all(bound is None or holds(value, bound) for bound, holds in bounds)
        case BoolType():
            return isinstance(value, bool)
        case LiteralType(values=values):
            return value in values
        case EnumType(cls=cls):
            return value in [one.value for one in cls]
        case NoneType():
            return value is None
        case DateTimeType():
            return _reads(lambda: msgspec.convert(value, datetime))
        case StrType() | ListType() | StructType():
            return False
    return True


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _reads(read: Callable[[], object]) -> bool:
    try:
        read()
    except msgspec.ValidationError:
        return False
    return True


def _how_to_write(kind: Type, value: Any) -> str:
    if not isinstance(kind, IntType) or not isinstance(value, float):
        return ""
    return ", and this one is too large" if isinf(value) else ", written without a point"


def _between(kind: IntType) -> str:
    least = kind.ge if kind.ge is not None else None if kind.gt is None else kind.gt + 1
    most = kind.le if kind.le is not None else None if kind.lt is None else kind.lt - 1
    if least is None or most is None or most >= TOO_LONG_TO_SAY:
        return "" if least is None else f", {least} or more"
    return f" from {least} to {most}"


def _plain(kind: Type) -> Type:
    """Without `Metadata` around it."""
    while isinstance(kind, Metadata):
        kind = kind.type
    return kind


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= WHOLE_DIGITS_MAX else float("inf")
