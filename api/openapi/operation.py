"""What a responder takes, answers and refuses, described on the responder (docs/openapi.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from core.domain.refusals import Refusal

F = TypeVar("F", bound=Callable[..., Any])

JSON = "application/json"

Refused = str | tuple[int, str]
"""A code; with its status where a route sends it under another than its own."""
PLACING = (
    Refusal.NO_SETTINGS,
    Refusal.USER_NOT_FOUND,
    Refusal.FORBIDDEN,
    Refusal.LOCAL_TIME_SKIPPED,
    Refusal.IN_THE_PAST,
    Refusal.OFF_DAY,
    Refusal.OUTSIDE_WORKING_HOURS,
    Refusal.SLOT_TAKEN,
)
"""What a command that places a booking may be refused for."""
UNBOOKABLE = (Refusal.SERVICE_INACTIVE, Refusal.UNKNOWN_SERVICE)
"""What a service name may be refused for."""


class Content(Struct, frozen=True):
    """One form of a body: its type, its example, its media type if not JSON.

    `kind` None is a body without a schema of its own (a file, a page); `media_type` "" is no body.
    """

    kind: Any = None
    example: Any = None
    media_type: str = JSON
    headers: Mapping[str, str] = {}
    """What the answer's headers say, by name."""


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one route, as far as the route table, the rule and the types do not say it already."""

    summary: str
    description: str = ""
    query: type[Struct] | None = None
    body: tuple[Content, ...] = ()
    body_required: bool = True
    answers: Mapping[int, tuple[Content, ...]]
    refuses: frozenset[Refused] = frozenset()
    """Codes of its own. Those of its rule, body, query and path are added where they are described."""
    command: bool = False
    """A command through the inbox: may be waited for, accepted, withdrawn, repeated under its key."""
    tag: str = ""
    """The contract; by default that of the responder's package."""
    name: str = ""
    """Its `operationId`; by default made of method and path."""
    parameters: tuple[Mapping[str, Any], ...] = ()
    """Cookies and headers of its own, in OpenAPI's words."""


def operation(
    summary: str,
    *,
    answers: Mapping[int, Any],
    body: Any = None,
    body_required: bool = True,
    query: type[Struct] | None = None,
    refuses: tuple[Refused, ...] = (),
    command: bool = False,
    description: str = "",
    tag: str = "",
    name: str = "",
    parameters: tuple[Mapping[str, Any], ...] = (),
) -> Callable[[F], F]:
    """Describe the responder below. `body` and `answers` take a type, a `Content` or several."""
    described = Operation(
        summary=summary,
        description=description,
        query=query,
        body=_contents(body) if body is not None else (),
        body_required=body_required,
        answers={status: _contents(kind) for status, kind in answers.items()},
        refuses=frozenset(refuses),
        command=command,
        tag=tag,
        name=name,
        parameters=parameters,
    )

    def remember(responder: F) -> F:
        responder.__operation__ = described  # type: ignore[attr-defined]  # read back by `described_by`
        return responder

    return remember


def operation_of(describe: Callable[[Any], Operation]) -> Callable[[F], F]:
    """Describe the responder below by its resource, for one that hands requests on to others."""

    def remember(responder: F) -> F:
        responder.__operation__ = describe  # type: ignore[attr-defined]  # read back by `described_by`
        return responder

    return remember


def together(summary: str, parts: Iterable[Operation | None], tag: str = "") -> Operation:
    """One route that does what several do, by what its body holds."""
    known = [part for part in parts if part is not None]
    answers: defaultdict[int, tuple[Content, ...]] = defaultdict(tuple)
    for part in known:
        for status, contents in part.answers.items():
            answers[status] += contents
    return Operation(
        summary=summary,
        description="\n\n".join(part.description for part in known if part.description),
        body=tuple(content for part in known for content in part.body),
        answers=answers,
        refuses=frozenset().union(*(part.refuses for part in known)),
        command=any(part.command for part in known),
        tag=tag,
    )


def described_by(responder: Any) -> Operation | None:
    found = getattr(responder, "__operation__", None)
    return found if found is None or isinstance(found, Operation) else found(responder.__self__)


def _contents(kind: Any) -> tuple[Content, ...]:
    several = kind if isinstance(kind, tuple) else (kind,)
    return tuple(one if isinstance(one, Content) else Content(one) for one in several)
