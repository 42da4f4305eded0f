"""Asking a running API the same questions again and again, beside the no-op route."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Self

import httpx
from msgspec import Struct

from tests.benchmarks.report import Bar

ROUNDS = 5
REQUESTS = 15
"""Of each question in each round."""
STAFF = "staff"


class Question(Struct, frozen=True):
    what: str
    path: str
    by: str = STAFF
    """Who asks."""
    body: Mapping[str, Any] | None = None
    """Of a POST; None is a GET."""


class Answered(Struct, frozen=True):
    """Medians over the rounds; the answer's own total beside them."""

    what: str
    path: str
    p50_ms: float
    max_ms: float
    rounds: list[float]
    """The median of each round, in milliseconds."""
    total: int | None
    exact: bool | None


NO_OP = Question("no-op route", "/healthz")


class RequestTimer:
    """Sends each request with its own caller's credentials."""

    def __init__(self, api_url: str, tokens: Mapping[str, str]) -> None:
        self._client = httpx.Client(base_url=api_url, timeout=30.0)
        self._headers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, one: Question) -> Any:
        """The answer's body."""
        method = "GET" if one.body is None else "POST"
        answer = self._client.request(method, one.path, json=one.body, headers=self._headers[one.by])
        if answer.status_code != 200:
            raise AssertionError(f"{method} {one.path}: {answer.status_code} {answer.text[:200]}")
        return answer.json()

    def timed(self, one: Question) -> float:
        """Milliseconds, as the client sees them."""
        begun = time.perf_counter()
        self.ask(one)
        return (time.perf_counter() - begun) * 1000


def measure(asker: RequestTimer, asked: Sequence[Question], requests: int = REQUESTS) -> list[Answered]:
    """Round after round over all questions, so that none is measured at one moment alone."""
    bodies = [asker.ask(one) for one in asked]
    times: list[list[list[float]]] = [[] for _ in asked]
    for _ in range(ROUNDS):
        for one, found in zip(asked, times, strict=True):
            found.append([asker.timed(one) for _ in range(requests)])
    return [_answered(*found) for found in zip(asked, times, bodies, strict=True)]


def _answered(one: Question, rounds: Sequence[Sequence[float]], body: Mapping[str, Any]) -> Answered:
    medians = [median(times) for times in rounds]
    return Answered(
        what=one.what,
        path=one.path,
        p50_ms=median(medians),
        max_ms=max(max(times) for times in rounds),
        rounds=[round(ms, 2) for ms in medians],
        total=body.get("total_count", body.get("count")),
        exact=body.get("total_exact", body.get("count_exact")),
    )


def bar_of(what: str, found: Sequence[Answered], at_most_ms: float) -> Bar:
    """Whether the slowest median is within so many milliseconds."""
    worst = max(found, key=lambda one: one.p50_ms)
    return Bar(what, f"{worst.p50_ms:.1f} ms, {worst.what}", worst.p50_ms <= at_most_ms)


def table(found: Sequence[Answered]) -> str:
    width = max(len(one.what) for one in found)
    lines = [f"{'':{width}}{'p50 ms':>9}{'max ms':>9}{'total':>12}"]
    for one in found:
        total = "" if one.total is None else f"over {one.total:,}" if one.exact is False else f"{one.total:,}"
        lines.append(f"{one.what:<{width}}{one.p50_ms:>9.1f}{one.max_ms:>9.1f}{total:>14}")
    return "\n".join(lines)
