"""The search for an order that explains all answers, and the objects that subjects must behave as."""

from __future__ import annotations

from math import inf

import pytest

from tests.faults.checks.linearizability import Step, TooLargeError, is_linearizable
from tests.faults.checks.models import REGISTER, SLOT, linearizable, seats
from tests.faults.history.operations import operations
from tests.unit.faults.histories import asked


def place(began: float, ended: float, booking: str, *, taken: bool = False) -> Step:
    return Step(began, ended, "place", booking, not taken)


def read(began: float, ended: float, value: str) -> Step:
    return Step(began, ended, "read", value)


def test_one_of_two_that_want_a_slot_has_it() -> None:
    assert is_linearizable([place(0, 1, "a"), place(0, 1, "b", taken=True)], SLOT)
    assert not is_linearizable([place(0, 1, "a"), place(0, 1, "b")], SLOT)


def test_nobody_is_refused_a_slot_that_is_free() -> None:
    assert not is_linearizable([place(0, 1, "a", taken=True)], SLOT)


def test_a_slot_that_was_given_back_may_be_taken_again() -> None:
    cancel = Step(2, 3, "cancel", "a")
    assert is_linearizable([place(0, 1, "a"), cancel, place(2, 4, "b")], SLOT)
    assert not is_linearizable([place(0, 1, "a"), cancel, place(1.2, 1.8, "b")], SLOT)


def test_a_read_after_an_acknowledged_booking_sees_it() -> None:
    assert not is_linearizable([place(0, 1, "a"), read(2, 3, "free")], SLOT)
    assert is_linearizable([place(0, 2.5, "a"), read(2, 3, "free")], SLOT)


def test_a_booking_whose_end_nobody_knows_may_have_happened_or_not() -> None:
    unknown = place(0, inf, "a")
    assert is_linearizable([unknown, read(2, 3, "free")], SLOT)
    assert is_linearizable([unknown, read(2, 3, "taken")], SLOT)
    assert not is_linearizable([unknown, read(2, 3, "taken"), read(4, 5, "free")], SLOT)


def test_a_session_gives_as_many_seats_as_it_has() -> None:
    taken = [Step(n, n + 0.5, "take") for n in range(2)]
    refused = Step(2, 3, "take", has_succeeded=False)
    assert is_linearizable([*taken, refused], seats(2))
    assert not is_linearizable([*taken, Step(2, 3, "take")], seats(2))
    assert not is_linearizable([taken[0], refused], seats(2))


def test_a_seat_that_was_given_up_is_there_again() -> None:
    steps = [Step(0, 1, "take"), Step(2, 3, "give_up"), read(4, 5, "1")]
    assert not is_linearizable(steps, seats(2))


def test_a_field_holds_what_was_written_last() -> None:
    writes = [Step(0, 1, "write", "x"), Step(0.5, 2, "write", "y")]
    assert is_linearizable([*writes, read(3, 4, "x")], REGISTER)
    assert is_linearizable([*writes, read(3, 4, "y")], REGISTER)
    assert not is_linearizable([*writes, read(3, 4, "first")], REGISTER)
    assert not is_linearizable([*writes, read(3, 4, "x"), read(5, 6, "y")], REGISTER)


def test_a_history_too_large_to_judge_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.faults.checks.linearizability.CONFIGURATIONS_MAX", 50)
    with pytest.raises(TooLargeError):
        is_linearizable([*(Step(0, 9, "write", str(n)) for n in range(12)), read(10, 11, "no")], REGISTER)


def test_subjects_are_judged_apart() -> None:
    history = [
        asked("a", 0, subject="slot:one"),
        asked("b", 2, subject="slot:two"),
        asked("c", 4, 409, subject="slot:one", body={"code": "slot_taken"}),
        asked("d", 4, 409, subject="slot:two", body={"code": "slot_taken"}),
    ]
    assert linearizable(operations(history)).problems == []
    wrong = [*history, asked("e", 6, subject="slot:two")]
    assert "slot:two" in linearizable(operations(wrong)).problems[0]


def test_a_refusal_for_another_reason_says_nothing_of_the_place() -> None:
    history = [asked("a", 0), asked("b", 2, 409, body={"code": "already_booked"}), asked("c", 4, 400, body={})]
    found = linearizable(operations(history))
    assert (found.counted, found.wrong) == (0, [])


def test_a_check_that_counted_nothing_fails() -> None:
    assert linearizable([]).problems != []
