"""Counts and times requests by method, route and status."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from core.metrics.definitions import HTTP_SECONDS
from core.metrics.meter import Meter

UNMATCHED = "unmatched"
"""The route of a request that fits none."""
OTHER_METHOD = "OTHER"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_CONVERTER = re.compile(r"\{(\w+):[^}]*\}")


class RequestMetrics:
    """Labels are resolved once for each method, route and status: as many as the API has answers."""

    def __init__(self, meter: Meter) -> None:
        self._seconds = meter.histogram(HTTP_SECONDS)
        self._observers: dict[tuple[str, str | None, int], Callable[[float], None]] = {}

    def observe(self, method: str, template: str | None, status: int, seconds: float) -> None:
        """`template` is the route's, as it was added; None if no route fits."""
        observe = self._observers.get((method, template, status))
        if observe is None:
            observe = self._observer(method if method in METHODS else OTHER_METHOD, template, status)
            if method in METHODS:
                self._observers[method, template, status] = observe
        observe(seconds)

    def _observer(self, method: str, template: str | None, status: int) -> Callable[[float], None]:
        return self._seconds.labels(method, route_of(template), str(status)).observe


@lru_cache(maxsize=512)
def route_of(template: str | None) -> str:
    """A route as it is shown: without the types of its parameters."""
    return UNMATCHED if template is None else _CONVERTER.sub(r"{\1}", template)
