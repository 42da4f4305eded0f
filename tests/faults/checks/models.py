"""The sequential objects that subjects of histories must behave as, and how an operation becomes a step of one."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from tests.faults.checks.finding import Finding, some
from tests.faults.checks.linearizability import Model, Step, TooLargeError, is_linearizable
from tests.faults.history.operations import Operation

FREE = ""
OK = 300
NO_PLACE = frozenset({"slot_taken", "session_full"})
"""The refusals that tell of a subject's state; others tell nothing of it."""


def _slot(state: str, step: Step) -> str | None:
    """A place that one booking has at a time; `value` is the booking, of a read what it said."""
    match step.action, step.has_succeeded:
        case "place", True:
            return step.value if state == FREE else None
        case "place", False:
            return state if state != FREE else None
        case "cancel", True:
            return FREE if state == step.value else None
        case "read", _:
            return state if step.value == ("free" if state == FREE else "taken") else None
    return state


def _seats(state: tuple[int, int], step: Step) -> tuple[int, int] | None:
    """(taken, capacity) of a session."""
    taken, capacity = state
    match step.action, step.has_succeeded:
        case "take", True:
            return (taken + 1, capacity) if taken < capacity else None
        case "take", False:
            return state if taken == capacity else None
        case "give_up", True:
            return (taken - 1, capacity) if taken > 0 else None
        case "read", _:
            return state if step.value == str(taken) else None
    return state


def _register(state: str, step: Step) -> str | None:
    """A field that people write and read."""
    match step.action:
        case "write":
            return step.value
        case "read":
            return state if step.value == state else None
    return state


SLOT = Model(FREE, _slot)
FIRST = "first"
"""What a register holds before anybody writes."""
REGISTER = Model(FIRST, _register)


def seats(capacity: int) -> Model[tuple[int, int]]:
    return Model((0, capacity), _seats)


def model_of(subject: str) -> Model[Any]:
    """By the subject's name: `slot:...`, `register:...`, `seats:CAPACITY:...`."""
    kind, _, rest = subject.partition(":")
    match kind:
        case "slot":
            return SLOT
        case "register":
            return REGISTER
        case "seats":
            return seats(int(rest.partition(":")[0]))
    raise ValueError(subject)


def step_of(one: Operation) -> Step | None:
    """None for what says nothing: a read that was not answered, a command that was refused at the door."""
    if one.answer is None:
        if one.action == "read" or not (one.is_unknown or one.commands):
            return None
        return Step(one.began_at, inf, one.action, one.value or one.name)
    succeeded = one.answer.status < OK
    if not succeeded and not (isinstance(one.answer.body, dict) and one.answer.body.get("code") in NO_PLACE):
        # A retry under its key may hear that the booking is gone, when the answer to its first request was lost.
        return Step(one.began_at, inf, one.action, one.value) if one.action in {"cancel", "give_up"} else None
    value = str(one.answer.body["seen"]) if one.action == "read" else one.value
    if one.action == "read" and not succeeded:
        return None
    return Step(one.began_at, one.ended_at, one.action, value or one.name, succeeded)


def linearizable(operations: Sequence[Operation]) -> Finding:
    """Per subject: each answer fits one order of what was asked, which keeps the order in which things ended and began."""
    by_subject: dict[str, list[Step]] = {}
    for one in operations:
        if one.subject and (step := step_of(one)) is not None:
            by_subject.setdefault(one.subject, []).append(step)
    wrong, too_large = [], []
    for subject, steps in by_subject.items():
        try:
            if not is_linearizable(steps, model_of(subject)):
                wrong.append(subject)
        except TooLargeError:
            too_large.append(f"{subject} of {len(steps)} operations")
    return Finding(
        "answers are linearizable, by subject",
        sum(len(steps) > 1 for steps in by_subject.values()),
        "subjects with more than one operation",
        [*some(wrong, "subjects have answers that no order explains"), *some(too_large, "could not be judged")],
    )
