"""Generated ids brought near: of nearly all bigints nothing is known, and a 404 is all that they would find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from api.http.fields import ID_MAX
from api.openapi.examples import DELIVERY_ID, LINK_TOKEN
from tests.fuzzing.people import PEOPLE

FAR = 50
"""Ids up to here are left as they are: bounds are generated too, and must be met as they are."""
KNOWN = range(1, 13)
"""What the demo has, and what the cases before have made."""
OTHERS = tuple(id_ for id_ in KNOWN if id_ not in PEOPLE.values())
"""Nobody takes the callers themselves away."""
SHORT = 30
"""Characters of what is left as it is: it is no id, and meant to be refused."""
NAMES = ("room_id", "time_slot", "resource_id")


def known_path(parameters: Any) -> Any:
    """Brought near; half of the deliveries and tokens become the known one, as a generated one is never there."""
    if not isinstance(parameters, dict):
        return parameters
    found = near(parameters)
    if _is_chosen(found.get("token")):
        found["token"] = LINK_TOKEN
    if _is_chosen(found.get("delivery_id")):
        found |= {"delivery_id": DELIVERY_ID, "webhook_id": KNOWN[0]}
    return found


def _is_chosen(text: Any) -> bool:
    """By the text itself, so that the same case is chosen again."""
    return isinstance(text, str) and len(text) > SHORT and crc32(text.encode("utf-8", "surrogatepass")) % 2 == 0


def near(sent: Any) -> Any:
    """The same with the ids of its first level brought near, and the others untouched."""
    if not isinstance(sent, dict):
        return sent
    return {name: _known(name, value) if _is_id(name) else value for name, value in sent.items()}


def _is_id(name: str) -> bool:
    return isinstance(name, str) and (name.endswith("_id") or name in NAMES)


def _known(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not FAR < value <= ID_MAX:
        return value
    known: Sequence[int] = OTHERS if name == "user_id" else KNOWN
    return known[value % len(known)]
