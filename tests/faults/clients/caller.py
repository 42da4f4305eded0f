"""Sends commands and reads, follows them to their end, and notes every request."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from tests.faults.clients.connection import BrokenError, Connection, NotSentError, Reply
from tests.faults.history.operations import ACCEPTED, Answer, final_answer, leaves_unknown
from tests.faults.history.records import Asked, HistoryWriter

KNOWN_WITHIN_S = 75.0
"""A client gives up then, and does not know the end."""
LOOKED_UP_WITHIN_S = 8.0
"""How long a command with an unknown outcome is looked for at its address."""
PAUSE_S = 0.1
POLL_S = 0.05
REPEATED_AFTER_S = (0.0, 0.5, 2.6)


class Wish(Struct, frozen=True):
    """A command or a read."""

    story: str
    action: str
    method: str
    path: str
    body: Any = None
    subject: str = ""
    value: str = ""
    by: str = ""
    """Authorization."""
    prefer: str = "wait=5"
    is_keyed: bool = False
    see: Callable[[Any], str] | None = None
    """What of a read's answer its subject is about."""


class _Again(Struct, frozen=True):
    due_at: float
    operation: str
    wish: Wish
    key: str


class Caller:
    """One thread's."""

    def __init__(self, name: str, urls: Sequence[str], history: HistoryWriter, chance: random.Random) -> None:
        self._name, self._history, self._chance = name, history, chance
        self._connections = [Connection(url) for url in urls]
        self._turn = 0
        self._number = 0
        self._again: deque[_Again] = deque()
        self.over = threading.Event()

    def next_name(self) -> str:
        self._number += 1
        return f"{self._name}.{self._number}"

    def do(self, wish: Wish, operation: str = "") -> Answer | None:
        """To its end; None if that is unknown, or nobody took it. Sends due repetitions of earlier ones first."""
        self.repeat_what_is_due()
        operation = operation or self.next_name()
        key = f"key-{operation}" if wish.is_keyed else ""
        answer = self._to_its_end(operation, wish, key)
        if answer is not None and key:
            due = time.monotonic() + self._chance.choice(REPEATED_AFTER_S)
            self._again.append(_Again(due, operation, wish, key))
        return answer

    def repeat_what_is_due(self, *, all_of_them: bool = False) -> None:
        """The same requests with the same keys: they must be the same commands."""
        while self._again and (all_of_them or self._again[0].due_at <= time.monotonic()):
            again = self._again.popleft()
            self._to_its_end(again.operation, again.wish, again.key)

    def _to_its_end(self, operation: str, wish: Wish, key: str) -> Answer | None:
        deadline = time.monotonic() + KNOWN_WITHIN_S
        may_repeat = bool(key) or wish.method == "GET"
        while time.monotonic() < deadline:
            asked = self._ask(operation, wish, key, may_repeat=may_repeat)
            if asked is None:
                time.sleep(PAUSE_S)
                continue
            if asked.status == ACCEPTED and not asked.command:
                return Answer(asked.status, asked.body)  # a bulk: its rows are commands
            if asked.status == ACCEPTED:
                return self._follow(operation, wish, asked.command, deadline)
            if (answer := final_answer(asked)) is not None:
                return answer
            if not may_repeat and leaves_unknown(asked):
                return self._look_up(operation, wish, asked.command, deadline) if asked.command else None
            time.sleep(PAUSE_S)
        return None

    def _follow(self, operation: str, wish: Wish, command: str, deadline: float) -> Answer | None:
        while time.monotonic() < deadline:
            asked = self._poll(operation, wish, command)
            if asked is not None and (answer := final_answer(asked)) is not None:
                return answer
            time.sleep(POLL_S)
        return None

    def _look_up(self, operation: str, wish: Wish, command: str, deadline: float) -> Answer | None:
        """After an answer that could not say whether the command was accepted."""
        until = min(deadline, time.monotonic() + LOOKED_UP_WITHIN_S)
        while time.monotonic() < until:
            asked = self._poll(operation, wish, command)
            if asked is not None and asked.status == 200:
                return self._follow(operation, wish, command, deadline)
            time.sleep(PAUSE_S)
        return None

    def _poll(self, operation: str, wish: Wish, command: str) -> Asked | None:
        path = f"/api/commands/{command}/"
        return self._ask(operation, wish, "", may_repeat=True, poll=path, command=command)

    def _ask(
        self, operation: str, wish: Wish, key: str, *, may_repeat: bool, poll: str = "", command: str = ""
    ) -> Asked | None:
        """One request; None if nobody took the connection."""
        connection = self._connections[self._turn % len(self._connections)]
        self._turn += 1
        headers = {"Authorization": wish.by} if wish.by else {}
        if not poll and wish.method != "GET":
            headers |= {"Prefer": wish.prefer} | ({"Idempotency-Key": key} if key else {})
        sent_at, sent_wall = time.monotonic(), time.time()
        reply, problem = Reply(0, {}, None), ""
        try:
            body = None if poll else wish.body
            method = "GET" if poll else wish.method
            reply = connection.send(method, poll or wish.path, body, headers, may_repeat=may_repeat)
        except NotSentError:
            return None
        except BrokenError as broken:
            problem = str(broken)
        named = _command_of(reply)
        asked = Asked(
            operation=operation,
            story=wish.story,
            action=wish.action,
            path=poll or wish.path,
            sent_at=sent_at,
            sent_wall=sent_wall,
            ended_at=time.monotonic(),
            status=reply.status,
            is_poll=bool(poll),
            subject=wish.subject,
            value=wish.value,
            key=key,
            command=named if not poll else (command if reply.status == 200 else ""),
            body=_seen(wish, reply, is_poll=bool(poll)),
            problem=problem,
            has_retry_after="retry-after" in reply.headers,
        )
        self._history.note(asked)
        return asked

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def _command_of(reply: Reply) -> str:
    location = reply.headers.get("location", "")
    found = location.rstrip("/").rpartition("/")[2] if "/api/commands/" in location else ""
    return reply.headers.get("holdfast-command", found)


def _seen(wish: Wish, reply: Reply, *, is_poll: bool) -> Any:
    """Reads keep only what their subject is about."""
    if is_poll or wish.action != "read":
        return reply.body
    return {"seen": wish.see(reply.body)} if wish.see is not None and reply.status == 200 else None


def succeeded(answer: Answer | None) -> bool:
    return answer is not None and answer.status < 300
