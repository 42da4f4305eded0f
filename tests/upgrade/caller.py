"""A client that asks any API process, as behind a load balancer, and records what it was promised."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any
from uuid import uuid4

import httpx
from msgspec import Struct

ANSWERED_WITHIN_S = 90.0
PAUSE_S = 0.05
ACCEPTED = frozenset({200, 201, 202, 400, 404, 409})
"""Statuses that may come with a command's id: it was accepted, and usually decided."""
REFUSED = "refused"
"""What is marked of each 503, also where the request is sent again."""

Urls = Callable[[], Sequence[str]]
_turns = count()


class Plain(httpx.Client):
    """Its answers may be the previous release's: only this one's are held to the description (tests/conftest.py)."""

    send = httpx.Client.send  # the one of the library, as this module finds it before any test runs


class LostError(Exception):
    """The connection broke after the request was sent, and nobody knows what became of it."""


@dataclass
class Journal:
    """What all clients were promised, and when something made progress. Written by many threads."""

    accepted: dict[str, str] = field(default_factory=dict)
    """The kind of story by the command's id."""
    marks: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """When something made progress, on the monotonic clock, by what it was."""
    problems: list[str] = field(default_factory=list)
    lost: int = 0
    repeated: int = 0
    """Requests that were sent again with their key, as a rule to the other process."""

    def mark(self, what: str) -> None:
        self.marks[what].append(time.monotonic())

    def marked(self, what: str, began: float, ended: float) -> int:
        """How often it happened within a span."""
        return sum(began <= moment < ended for moment in self.marks[what].copy())

    def silence_s(self, what: str, began: float, ended: float) -> float:
        """The longest time without progress among those that touch this span."""
        moments = sorted(self.marks[what].copy())
        gaps = [b - a for a, b in pairwise(moments) if a < ended and b > began]
        return max(gaps, default=ended - began)


class Answer(Struct, frozen=True):
    """The final answer to a request, however it was followed."""

    status: int
    body: Any


class Caller:
    """One thread's. Answers that are a server's fault are noted as problems."""

    def __init__(self, urls: Urls, journal: Journal, headers: Mapping[str, str]) -> None:
        self._urls = urls
        self._journal = journal
        self._client = Plain(headers=headers, timeout=35.0)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        answer = self.send("GET", path)
        assert answer.status_code == 200, f"{path} answered {answer.status_code}: {answer.text[:300]}"
        return answer.json()

    def command(
        self, kind: str, method: str, path: str, body: Any = None, *, prefer: str = "wait=10", keyed: bool = False
    ) -> Answer:
        """Send a command and follow it to its end. Raises LostError if nobody knows whether it was accepted."""
        answer = self.accept(kind, method, path, body, prefer=prefer, keyed=keyed)
        if answer.status_code != 202:
            return Answer(answer.status_code, answer.json() if answer.content else None)
        return self.follow(answer.json()["status_url"])

    def accept(self, kind: str, method: str, path: str, body: Any, *, prefer: str, keyed: bool) -> httpx.Response:
        headers = {"Prefer": prefer} | ({"Idempotency-Key": f"key-{uuid4()}"} if keyed else {})
        answer = self._send(method, path, body, headers)
        id_ = self._note(kind, answer)
        if keyed and id_ is not None:
            again = self._note(kind, self._send(method, path, body, headers))
            self._journal.repeated += 1
            if again != id_:
                self._problem(f"{path}: the same key gave {id_} and {again}")
        return answer

    def follow(self, status_url: str) -> Answer:
        deadline = time.monotonic() + ANSWERED_WITHIN_S
        while time.monotonic() < deadline:
            found = self.get(status_url)
            if found["response"] is not None:
                return Answer(found["response"]["status"], found["response"]["body"])
            time.sleep(PAUSE_S)
        raise TimeoutError(f"{status_url} is not decided after {ANSWERED_WITHIN_S:g} s")

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What changes nothing, or may be sent twice."""
        return self._send(method, path, body, {"Idempotency-Key": f"key-{uuid4()}"} if method != "GET" else {})

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> httpx.Response:
        may_repeat = method == "GET" or "Idempotency-Key" in headers
        deadline = time.monotonic() + ANSWERED_WITHIN_S
        while time.monotonic() < deadline:
            urls = self._urls()
            try:
                answer = self._client.request(method, urls[next(_turns) % len(urls)] + path, json=body, headers=headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent: a balancer asks the next
            except httpx.TransportError:
                if may_repeat:
                    continue
                self._journal.lost += 1
                raise LostError from None
            if answer.status_code != 503:
                return self._looked_at(method, path, answer)
            self._journal.mark(REFUSED)
            if "Location" in answer.headers and not may_repeat:
                self._journal.lost += 1
                raise LostError
            time.sleep(PAUSE_S)
        raise TimeoutError(f"{method} {path} was not answered within {ANSWERED_WITHIN_S:g} s")

    def _looked_at(self, method: str, path: str, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 500 or answer.status_code in {400, 401, 403, 422, 429}:
            self._problem(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer

    def _note(self, kind: str, answer: httpx.Response) -> str | None:
        id_: str | None = answer.headers.get("Holdfast-Command")
        if id_ is not None and answer.status_code in ACCEPTED:
            self._journal.accepted[id_] = kind
            self._journal.mark("accepted")
        return id_

    def _problem(self, words: str) -> None:
        self._journal.problems.append(words)
