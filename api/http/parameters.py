"""Query parameters as one struct: its fields are what is read, what is refused and what is described.

    class Filters(Struct, frozen=True):
        date: date | None = None
        status: Literal["upcoming", "past"] | None = None
        limit: Limit = LIMIT_DEFAULT

    filters = read_query(req, Filters)

A parameter sent empty counts as not sent. A field that is a tuple may be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import falcon.asgi
import msgspec
from msgspec import Meta, Struct
from msgspec.inspect import BoolType, DateType, IntType, Type, type_info

from api.http.errors import invalid
from api.http.field_errors import sentence
from api.http.fields import iso_date, text
from api.http.forms import Check, defaults, first_of_each_field, form_check, rule_problems
from core.text_forms import SEARCH_TEXT
from core.wire.errors import FieldProblem, shown

Q = TypeVar("Q", bound=Struct)

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
OFFSET_MAX = 10_000_000
VALUES_MAX = 100
"""Of one parameter, where it may be repeated."""

Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX)]
Offset = Annotated[int, Meta(ge=0, le=OFFSET_MAX)]
Word = Annotated[str, text(SEARCH_TEXT, most=200)]
"""A name to look for."""

_BOOLEANS = {"true": True, "false": False}
_LOST_PLUS = re.compile(r"[0-9] [0-9]{2}:?[0-9]{2}\Z")
_WHOLE = re.compile(r"-?[0-9]{1,19}")


class Paging(Struct, frozen=True):
    """What a list without filters is asked by."""

    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class Parameter(Struct, frozen=True):
    """One field of a query struct. `kind` is the type of one value, never None."""

    name: str
    field: str
    kind: Any
    required: bool
    many: bool
    default: Any = None
    check: Check | None = None
    """Of one value's form."""

    def read(self, sent: str | list[str] | None) -> Any:
        """The value, None for one that was not sent. Raises ValueError in words for the client."""
        values = [value for value in ([sent] if isinstance(sent, str) else sent or []) if value]
        if not values:
            if self.required:
                raise ValueError(f"Missing required parameter: {self.name}")
            return None
        if self.many:
            if len(values) > VALUES_MAX:
                raise ValueError(f"{self.name} may be given {VALUES_MAX} times at most")
            return tuple(self._one(value) for value in values)
        if isinstance(sent, list):
            raise ValueError(f"{self.name} may be given once")  # noqa: TRY004 - what was sent is wrong, not its type
        return self._one(values[0])

    def _one(self, raw: str) -> Any:
        found = self._converted(raw)
        if self.check is not None:
            for _, words in self.check(found, self.name):
                raise ValueError(words)
        return found

    def _converted(self, raw: str) -> Any:
        info = _info(self.kind)
        found: Any
        if isinstance(info, DateType):
            found = iso_date(raw)
        elif isinstance(info, BoolType):
            found = _BOOLEANS.get(raw.lower())
        elif isinstance(info, IntType) and not _WHOLE.fullmatch(raw):
            found = None
        else:
            found = _converted(raw, self.kind)
        if found is None:
            raise ValueError(sentence(self.name, self.kind, raw) + _plus(raw))
        return found


@lru_cache
def parameters_of(kind: type[Struct]) -> Sequence[Parameter]:
    """In the order of the fields."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in msgspec.structs.fields(kind):
        one = _without_none(hints[field.name])
        many = get_origin(one) is tuple
        default = None if field.required else field.default
        value = get_args(one)[0] if many else one
        check = form_check(value)
        found.append(Parameter(field.encode_name, field.name, value, field.required, many, default, check))
    return found


def read_query(req: falcon.asgi.Request, kind: type[Q]) -> Q:
    """The request's parameters. Raises Problem 400 that names every wrong and every unknown one."""
    sent = dict(req.params)
    problems, values = [], defaults(kind)
    for parameter in parameters_of(kind):
        try:
            value = parameter.read(sent.pop(parameter.name, None))
        except ValueError as problem:
            problems.append(FieldProblem(parameter.name, str(problem)))
            values.pop(parameter.field, None)
        else:
            if value is not None:
                values[parameter.field] = value
    problems += [*unknown_parameters(sent), *rule_problems(kind, values)]
    if problems:
        raise invalid(first_of_each_field([parameter.name for parameter in parameters_of(kind)], problems))
    return kind(**values)


def unknown_parameters(names: Iterable[str]) -> list[FieldProblem]:
    return [FieldProblem(shown(name), f"Unknown parameter: {shown(name)}") for name in names]


@lru_cache
def _info(kind: Any) -> Type:
    info = type_info(kind)
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    return info


def _converted(raw: str, kind: Any) -> Any:
    try:
        return msgspec.convert(raw, kind, strict=False)
    except msgspec.ValidationError:
        return None


def _plus(raw: str) -> str:
    """Advice for an offset whose + was sent as it is: in a query a + means a blank (the HTML form encoding)."""
    return ". Send the + of an offset as %2B: in a query a + means a blank" if _LOST_PLUS.search(raw) else ""


def _without_none(hint: Any) -> Any:
    """`X` of `X | None`."""
    arguments = get_args(hint)
    if type(None) not in arguments:
        return hint
    rest = [argument for argument in arguments if argument is not type(None)]
    assert len(rest) == 1, f"a parameter has one type: {hint}"  # noqa: S101 - for the author of such a type
    return rest[0]
