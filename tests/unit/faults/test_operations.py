"""What a client knew of each thing that it wanted, from its requests, retries and polls."""

from __future__ import annotations

from math import inf
from pathlib import Path

from tests.faults.history.operations import Answer, operations
from tests.faults.history.records import HistoryWriter, read_history
from tests.unit.faults.histories import asked

POLL = {"is_poll": True, "status": 200}


def test_a_direct_answer_ends_an_operation() -> None:
    (one,) = operations([asked("a", 1, 409, body={"code": "slot_taken"})])
    assert (one.answer, one.ended_at, one.is_unknown) == (Answer(409, {"code": "slot_taken"}), 2, False)


def test_a_poll_tells_the_end_of_what_was_accepted() -> None:
    told = {"response": {"status": 201, "body": {"id": 7}}}
    requests = [
        asked("a", 1, 202),
        asked("a", 3, body={"response": None}, **POLL),
        asked("a", 5, body=told, **POLL),
    ]
    (one,) = operations(requests)
    assert (one.began_at, one.ended_at, one.answer) == (1, 6, Answer(201, {"id": 7}))


def test_an_accepted_command_that_was_never_followed_is_acknowledged_and_has_no_end() -> None:
    (one,) = operations([asked("a", 1, 202)])
    assert (one.is_acknowledged, one.ended_at, one.is_unknown) == (True, inf, False)


def test_a_cut_connection_and_an_unknown_outcome_leave_doubt() -> None:
    (cut,) = operations([asked("a", 1, 0, command="")])
    (doubt,) = operations([asked("b", 1, 503, body={"code": "unknown_outcome"})])
    (refused,) = operations([asked("c", 1, 503, body={"code": "unavailable"})])
    assert (cut.is_unknown, doubt.is_unknown, refused.is_unknown) == (True, True, False)
    assert refused.commands == ()


def test_a_read_that_is_lost_leaves_no_doubt() -> None:
    (one,) = operations([asked("a", 1, 0, action="read", command="")])
    assert not one.is_unknown


def test_a_retry_that_is_answered_ends_the_doubt_and_keeps_the_beginning() -> None:
    (one,) = operations([asked("a", 1, 0, command="", key="k"), asked("a", 9, key="k")])
    assert (one.is_unknown, one.began_at, one.ended_at, one.key) == (False, 1, 10, "k")


def test_every_id_that_a_key_was_answered_with_is_kept() -> None:
    (one,) = operations([asked("a", 1, key="k", command="x"), asked("a", 4, key="k", command="y")])
    assert one.commands == ("x", "y")


def test_a_history_is_read_from_all_files_in_the_order_of_sending(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for n, file in enumerate(files):
        writer = HistoryWriter(file)
        writer.note(asked(f"later-{n}", 10 + n, body={"a": 1}))
        writer.note(asked(f"sooner-{n}", n))
        writer.close()
    assert [one.operation for one in read_history(files)] == ["sooner-0", "sooner-1", "later-0", "later-1"]
