"""What a body must be beyond its fields' types: the form of each value, and rules over several.

    class NewClosure(Struct, frozen=True, forbid_unknown_fields=True):
        start_date: Annotated[str, Form(iso_date, "{field} must be a day like 2025-10-15")]
        end_date: Annotated[str, Form(iso_date, "{field} must be a day like 2025-10-15")]

        rules: ClassVar[Rules] = (ends_after_start,)

A form stands in the field's type, at whatever depth; msgspec does not see it. A rule is a generator of
problems that reads what it needs of a body. Where some fields are wrong already, each rule still runs, until it
asks for a field of the wrong type or reads a value that is not of its form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, UNSET, Struct
from msgspec.structs import FieldInfo

from core.wire.errors import FieldProblem

V = TypeVar("V")
T = TypeVar("T")

Rule = Callable[[Any], Iterable[FieldProblem]]
Rules = Sequence[Rule]
Found = Sequence[tuple[str, str]]
"""What is wrong within a value: where, such as `[0].start_time`, and the words."""
Check = Callable[[Any, str], Found]
"""Of a value and its field's name."""
FINE: Found = ()


class UnfitError(ValueError):
    """A value was used that is not of its form, or a field that is not of its type."""


@dataclass(frozen=True)
class Form(Generic[V, T]):
    """How a value of the right type is read further. `words` may name the `{field}`."""

    read: Callable[[V], T | None]
    """None for a value that means nothing."""
    words: str
    words_for: Callable[[V], str] | None = None
    """Instead of `words`, where they depend on the value."""

    def __call__(self, value: V) -> T:
        """What a value means. Raises UnfitError for one that `read_json` would have refused."""
        found = self.read(value)
        if found is None:
            raise UnfitError(self.sentence(value, "this"))
        return found

    def sentence(self, value: V, field: str) -> str:
        """What is wrong with a value that is not of this form."""
        return (self.words_for(value) if self.words_for else self.words).format(field=field)


class _Typed:
    """The fields of a body that are of their types, as its rules see them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise UnfitError(name)


def is_valid(body: Struct, needs: Collection[str] = ()) -> bool:
    """Whether a body of the right types fits its forms and rules. Every good request comes this way: it makes no lists."""
    checks, rules = _checks_and_rules(type(body))
    for field, check in checks:
        if check(getattr(body, field), field):
            return False
    for rule in rules:
        for _ in rule(body):
            return False
    return not any(getattr(body, field) in (None, UNSET) for field in needs) if needs else True


def invalid_fields(kind: type[Struct], values: Mapping[str, Any], needs: Collection[str] = ()) -> list[FieldProblem]:
    """What is wrong with values that are of the right types."""
    found = [FieldProblem(name, missing(name)) for name in needs if values.get(name, 0) in (None, UNSET)]
    for field, check in _checks_and_rules(kind)[0]:
        if field in values:
            found += [FieldProblem(field + at, words) for at, words in check(values[field], field)]
    return found + rule_problems(kind, values)


def rule_problems(kind: type[Struct], values: Mapping[str, Any]) -> list[FieldProblem]:
    """What the rules find wrong with the fields that are of their types."""
    seen = _Typed(values)
    return [problem for rule in _checks_and_rules(kind)[1] for problem in _problems_of(rule, seen)]


def first_of_each_field(names: Sequence[str], found: Sequence[FieldProblem]) -> list[FieldProblem]:
    """A field's first problem, in the order of the names; unknown fields come last."""
    place = {name: n for n, name in enumerate(names)}
    first: dict[str, FieldProblem] = {}
    for problem in found:
        first.setdefault(problem.field, problem)
    return sorted(first.values(), key=lambda problem: place.get(_top(problem.field), len(place)))


def _top(field: str) -> str:
    """`schedule` of `schedule[0].index`."""
    return re.split(r"[.[]", field, maxsplit=1)[0]


def missing(name: str) -> str:
    return f"Missing required field: {name}"


def defaults(kind: type[Struct]) -> dict[str, Any]:
    """The values of fields that are not sent."""
    made = {}
    for field in _fields(kind):
        if field.default_factory is not NODEFAULT:
            made[field.name] = field.default_factory()
        elif not field.required:
            made[field.name] = field.default
    return made


def form_check(hint: Any) -> Check | None:
    """What the forms in a type ask of its values; None if there are none in it."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        forms = [note for note in notes if isinstance(note, Form)]
        return _both(_all_of(forms) if forms else None, form_check(inner))
    if get_origin(hint) is list:
        return _each(form_check(get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, Struct):
        return _inside(hint)
    checks = [check for one in get_args(hint) if (check := form_check(one))]
    assert len(checks) < 2, f"one of several types may have a form: {hint}"  # noqa: S101, PLR2004 - for the author of such a type
    return _of_given(checks[0]) if checks else None


@lru_cache
def _fields(kind: type[Struct]) -> Sequence[FieldInfo]:
    """Looked up once: that evaluates every annotation."""
    return msgspec.structs.fields(kind)


@lru_cache
def _checks_and_rules(kind: type[Struct]) -> tuple[Sequence[tuple[str, Check]], Rules]:
    """Checks by field, and rules. Bodies' fields have their names on the wire."""
    hints = get_type_hints(kind, include_extras=True)
    found = ((name, form_check(hints[name])) for name in kind.__struct_fields__)
    return [(name, check) for name, check in found if check], getattr(kind, "rules", ())


def _problems_of(rule: Rule, seen: _Typed) -> list[FieldProblem]:
    """The problems that a rule found before it read a field that is wrong."""
    found: list[FieldProblem] = []
    with suppress(UnfitError):
        found.extend(rule(seen))
    return found


def _of_given(check: Check) -> Check:
    return lambda value, field: FINE if value is None or value is UNSET else check(value, field)


def _all_of(forms: Sequence[Form[Any, Any]]) -> Check:
    """The first form that a value is not of."""
    reads = [(form.read, form.sentence) for form in forms]

    def check(value: Any, field: str) -> Found:
        for read, sentence in reads:
            if read(value) is None:
                return (("", sentence(value, field)),)
        return FINE

    return check


def _both(outer: Check | None, inner: Check | None) -> Check | None:
    if outer is None or inner is None:
        return outer or inner
    return lambda value, field: outer(value, field) or inner(value, field)


def _each(check: Check | None) -> Check | None:
    if check is None:
        return None
    return lambda values, field: [
        (f"[{n}]{at}", words) for n, value in enumerate(values) for at, words in check(value, field)
    ]


def _inside(kind: type[Struct]) -> Check | None:
    if not any(_checks_and_rules(kind)):
        return None

    def check(body: Any, _field: str) -> Found:
        if not isinstance(body, kind) or is_valid(body):
            return FINE
        values = {name: getattr(body, name) for name in kind.__struct_fields__}
        return [(f".{problem.field}", problem.message) for problem in invalid_fields(kind, values)]

    return check
