"""Operations: what a client wanted, over all its requests, retries and polls, and what it finally knew."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import inf
from typing import Any

from msgspec import Struct

from tests.faults.history.records import Asked

ACCEPTED, TOO_MANY, UNAVAILABLE = 202, 429, 503
UNKNOWN_OUTCOME = "unknown_outcome"


class Answer(Struct, frozen=True):
    """The final answer to a command or a read."""

    status: int
    body: Any


class Operation(Struct, frozen=True):
    name: str
    story: str
    action: str
    subject: str
    value: str
    key: str
    began_at: float
    ended_at: float
    """When the client knew the end; infinite if it never did."""
    commands: tuple[str, ...]
    """Each id that an answer named, once, in the order heard."""
    answers: tuple[Answer, ...]
    """Every final answer that was heard, also repeated ones."""
    is_unknown: bool
    """Sent, and nobody told the client what became of it."""

    @property
    def answer(self) -> Answer | None:
        return self.answers[0] if self.answers else None

    @property
    def is_acknowledged(self) -> bool:
        """Whether the client was told that the command is accepted, or its outcome."""
        return bool(self.commands) and not self.is_unknown


def final_answer(asked: Asked) -> Answer | None:
    """What a request told of its operation's end, if it told it."""
    if asked.is_poll:
        response = asked.body.get("response") if isinstance(asked.body, dict) else None
        return Answer(response["status"], response["body"]) if response else None
    if asked.status in {0, ACCEPTED, TOO_MANY} or asked.status >= 500:
        return None
    return Answer(asked.status, asked.body)


def operations(history: Sequence[Asked]) -> list[Operation]:
    ordered = sorted(history, key=lambda one: (one.operation, one.sent_at))
    return [_operation(list(found)) for _, found in groupby(ordered, key=lambda one: one.operation)]


def _operation(asked: Sequence[Asked]) -> Operation:
    first = asked[0]
    heard = [(one, answer) for one in asked if (answer := final_answer(one)) is not None]
    told = [one for one in asked if one.command and (one.status < 500 or one.is_poll)]
    is_unknown = not heard and any(leaves_unknown(one) for one in asked) and not told
    return Operation(
        name=first.operation,
        story=first.story,
        action=first.action,
        subject=first.subject,
        value=first.value,
        key=next((one.key for one in asked if one.key), ""),
        began_at=first.sent_at,
        ended_at=min((one.ended_at for one, _ in heard), default=inf),
        commands=tuple(dict.fromkeys(one.command for one in told)),
        answers=tuple(answer for _, answer in heard),
        is_unknown=is_unknown,
    )


def leaves_unknown(one: Asked) -> bool:
    """A read that is lost changes nothing; most refusals by 503 say that nothing was accepted."""
    if one.is_poll or one.action == "read":
        return False
    if one.status == UNAVAILABLE:
        return isinstance(one.body, dict) and one.body.get("code") == UNKNOWN_OUTCOME
    return one.status == 0 or one.status > UNAVAILABLE or 500 <= one.status < UNAVAILABLE
