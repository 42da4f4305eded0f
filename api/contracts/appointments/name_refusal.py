"""A service name in a query or a body that a responder reads itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from api.http.errors import Problem
from core.domain.refusals import Refused
from core.wire.errors import FieldProblem
from core.wire.refusals import sentence


@contextmanager
def refused_as_problem(field: str) -> Iterator[None]:
    """A refusal of the name in this field is answered as the lanes answer it."""
    try:
        yield
    except Refused as refused:
        status, words = sentence(refused.event)
        raise Problem(status, refused.event.refusal, words, [FieldProblem(field, words)]) from None
