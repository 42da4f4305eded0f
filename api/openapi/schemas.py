"""JSON Schemas of the types that serve: msgspec's, with what an answer always holds marked so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.inspect import Field, StructType, Type

from api.http.fields import schema_hook
from core.text_forms import BY_PATTERN

REF = "#/components/schemas/{name}"


class Schemas:
    """The schemas of all bodies, described together so that each struct stands once."""

    def __init__(self, sent: Sequence[Any], answered: Sequence[Any]) -> None:
        """`sent` comes from clients, `answered` goes to them. A struct with defaults cannot do both.

        `json_schema` on a struct says what its fields alone cannot, such as that one of two is needed.
        """
        kinds = [*sent, *answered]
        found, self.components = msgspec.json.schema_components(kinds, ref_template=REF, schema_hook=schema_hook)
        if alike := [name for name in self.components if "." in name]:
            raise ValueError(f"Two structs have one name; give one of them another: {', '.join(alike)}")
        as_read(self.components)
        self._by_kind = {repr(kind): schema for kind, schema in zip(kinds, found, strict=True)}
        for struct in _structs(sent):
            self._of_struct(struct).update(_rules(getattr(_struct_of(struct.cls), "json_schema", {})))
        for struct in _structs(answered):
            self._always(struct)

    def of(self, kind: Any) -> Mapping[str, Any]:
        return self._by_kind[repr(kind)]

    def _of_struct(self, struct: StructType) -> dict[str, Any]:
        (reference,), _ = msgspec.json.schema_components([struct.cls], ref_template=REF, schema_hook=schema_hook)
        schema: dict[str, Any] = self.components[reference["$ref"].rsplit("/", 1)[1]]
        return schema

    def _always(self, struct: StructType) -> None:
        """Mark fields with defaults as required: a default saves typing in our code, the field is sent all the same."""
        if _struct_of(struct.cls).__struct_config__.omit_defaults:
            return
        schema = self._of_struct(struct)
        schema["required"] = [field.encode_name for field in struct.fields if not _may_be_left_out(field)]
        for field in struct.fields:
            schema["properties"][field.encode_name].pop("default", None)


ALTERNATIVES = ("anyOf", "oneOf")
NOTHING_FITS: Mapping[str, Any] = {"not": {}}


def _rules(extra: Mapping[str, Any]) -> dict[str, Any]:
    """A struct's `json_schema`. Alternatives go under `if`: a value that fits none of them does not fit.

    Beside `properties`, generators of clients take alternatives for types of their own, without the struct's
    fields; openapi-generator fails at a field that is only null in one of them. They ignore conditions.
    """
    alternatives = {word: _naming_fields(extra[word]) for word in ALTERNATIVES if word in extra}
    others = {word: value for word, value in extra.items() if word not in ALTERNATIVES}
    return others | ({"if": alternatives, "else": NOTHING_FITS} if alternatives else {})


def _naming_fields(schema: Any) -> Any:
    """Every field that is required there is also named there, which linters ask for."""
    if isinstance(schema, list):
        return [_naming_fields(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {word: _naming_fields(value) for word, value in schema.items()}
    if "required" in found:
        found["properties"] = {name: {} for name in found["required"]} | found.get("properties", {})
    return found


def _struct_of(kind: Any) -> type[Struct]:
    """The struct of `Page[Booking]` is `Page`."""
    found: type[Struct] = get_origin(kind) or kind
    return found


def as_read(schema: Any) -> None:
    """What msgspec cannot say: a decimal may be a JSON number too, and patterns are those of JSON Schema."""
    if isinstance(schema, dict):
        if form := BY_PATTERN.get(schema.get("pattern", "")):
            schema["pattern"] = form.described
        if isinstance(allowed := schema.get("enum"), list):
            _typed(schema, allowed)
        if schema.get("format") == "decimal":
            schema["type"] = ["number", "string"]
        for inner in schema.values():
            as_read(inner)
    elif isinstance(schema, list):
        for inner in schema:
            as_read(inner)


def _typed(schema: dict[str, Any], allowed: list[Any]) -> None:
    """The type of an enumeration, which generators of clients want.

    One boolean is described by what it is not: openapi-generator makes the text 'true' of a constant, and its Python
    client then takes no answer.
    """
    if len(allowed) == 1 and isinstance(allowed[0], bool):
        schema |= {"type": "boolean", "not": {"const": not schema.pop("enum")[0]}}
    elif all(isinstance(one, str) for one in allowed):
        schema["type"] = "string"


def _may_be_left_out(field: Field) -> bool:
    """`UNSET` by default: msgspec calls it neither required nor having a default."""
    return not field.required and field.default is NODEFAULT and field.default_factory is NODEFAULT


def _structs(kinds: Sequence[Any]) -> Iterable[StructType]:
    """Every struct that the kinds hold, however deep."""
    waiting: list[Type] = list(msgspec.inspect.multi_type_info(kinds))
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, StructType):
            yield one
        waiting.extend(_inside(one))


def _inside(one: Type) -> Iterable[Type]:
    for name in one.__struct_fields__:
        value = getattr(one, name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Type):
                yield inner
            elif isinstance(inner, Field):
                yield inner.type
