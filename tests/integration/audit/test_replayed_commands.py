"""A parked command is replayed once its cause is mended: a new command in the old one's lane, and both name each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import typer

from core.store.inbox.outcomes import SQL_LOOK_UP, CommandRecord
from core.wire.outcomes import command_status
from ops.cli import main
from tests.support.engine.lanes import REFUSE_POISON, Pipeline, places, poison
from tests.support.processes.servers import stack_environment

MEND = "ALTER TABLE booking DROP CONSTRAINT booking_notes_check"


class Operator:
    """Somebody at the command line."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """(exit code, standard output, standard error)."""
        self._capsys.readouterr()  # what workers have logged until now
        code = main(list(words))
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def lines(self, *words: str) -> list[dict[str, Any]]:
        code, out, _ = self.run(*words, "--json")
        assert code == 0
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def operator(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    for name, value in stack_environment(pipeline.url, "redis://localhost:1/0").items():
        monkeypatch.setenv(name, value)
    return Operator(capsys)


def park(pipeline: Pipeline, count: int = 1) -> list[UUID]:
    """That many commands whose booking the database refuses."""
    pipeline.connection.execute(REFUSE_POISON.encode())
    ids = pipeline.put(*map(poison, places(count)))
    pipeline.worker().visit_until_done()
    assert pipeline.codes(ids) == ["command_failed"] * count
    return ids


def followed(pipeline: Pipeline, id_: UUID) -> dict[str, Any]:
    """As `GET /api/commands/ID/` shows it."""
    row = pipeline.connection.execute(SQL_LOOK_UP.encode(), {"id": id_}).fetchone()
    assert row is not None
    return dict(json.loads(command_status(CommandRecord(*row))))


def audited(pipeline: Pipeline, action: str) -> list[tuple[Any, ...]]:
    return pipeline.rows("SELECT actor_kind, subject, after FROM audit_entry WHERE action = %s ORDER BY id", action)


def new_ids(lines: Sequence[dict[str, Any]]) -> list[UUID]:
    return [UUID(line["done"].removeprefix("replayed as ")) for line in lines]


def test_a_parked_command_that_is_replayed_is_decided_and_the_two_name_each_other(
    pipeline: Pipeline, operator: Operator
) -> None:
    pipeline.one_lane()
    (old,) = park(pipeline)
    (listed,) = operator.lines("parked", "list", "commands")
    assert (listed["id"], listed["type"]) == (str(old), "place")
    assert listed["why"] == "CheckViolation (23514) of booking_notes_check", "and nothing of what was sent"
    before = pipeline.outcomes()[old]
    pipeline.connection.execute(MEND.encode())
    (new,) = new_ids(operator.lines("parked", "replay", "commands", str(old), "--yes"))
    assert followed(pipeline, new)["replay_of"] == str(old)
    assert pipeline.undecided() == [new]
    pipeline.worker().visit_until_done()
    assert pipeline.codes([new]) == ["succeeded"]
    assert pipeline.placed_by() == [new]
    assert pipeline.outcomes()[old] == before, "the old outcome stays"
    assert followed(pipeline, old)["replayed_as"] == str(new)
    assert followed(pipeline, new) | {"replay_of": str(old), "status": "succeeded"} == followed(pipeline, new)
    assert operator.lines("parked", "list", "commands") == []
    assert [one[:2] for one in audited(pipeline, "command.parked")] == [("engine", f"command:{old}")]
    ((kind, subject, after),) = audited(pipeline, "command.replayed")
    assert (kind, subject) == ("command_line", f"command:{old}")
    assert after == {"type": "place", "replayed_as": str(new)}


def test_a_second_replay_is_refused_and_names_the_first(pipeline: Pipeline, operator: Operator) -> None:
    pipeline.one_lane()
    (old,) = park(pipeline)
    (new,) = new_ids(operator.lines("commands", "replay", str(old), "--yes"))
    code, out, said = operator.run("parked", "replay", "commands", str(old), "--yes")
    assert (code, out) == (1, "")
    assert f"replayed already as {new}" in said
    assert pipeline.undecided() == [new]
    pipeline.worker().visit_until_done()  # the cause is still there
    assert pipeline.codes([new]) == ["command_failed"]
    (third,) = new_ids(operator.lines("parked", "replay", "commands", "--all", "--yes"))
    assert followed(pipeline, third)["replay_of"] == str(new), "the newest is what is replayed"


def test_replays_keep_the_order_and_the_lanes_of_what_was_parked(pipeline: Pipeline, operator: Operator) -> None:
    pipeline.lanes(4)
    pipeline.connection.execute(REFUSE_POISON.encode())
    ids = pipeline.put(*map(poison, places(24)))
    lanes = dict(pipeline.rows("SELECT id, lane FROM inbox"))
    worker = pipeline.worker()
    for lane in range(4):
        worker.visit_until_done(lane)
    pipeline.connection.execute(MEND.encode())
    would = operator.lines("parked", "replay", "commands", "--all", "--dry-run")
    assert {line["id"] for line in would} == set(map(str, ids))
    assert pipeline.undecided() == []
    listed = [UUID(line["id"]) for line in would]
    new = new_ids(operator.lines("parked", "replay", "commands", "--all", "--yes"))
    found = dict(pipeline.rows("SELECT id, lane FROM inbox"))
    assert [found[id_] for id_ in new] == [lanes[id_] for id_ in listed]
    assert pipeline.undecided() == new
    for lane in range(4):
        worker.visit_until_done(lane)
    assert pipeline.codes(new) == ["succeeded"] * 24


def test_what_is_dropped_is_listed_no_longer_and_cannot_be_replayed(pipeline: Pipeline, operator: Operator) -> None:
    pipeline.one_lane()
    (old,) = park(pipeline)
    assert operator.run("parked", "drop", "commands", str(old), "--yes")[:2] == (0, f"{old} dropped\n")
    assert operator.lines("parked", "list", "commands") == []
    assert [line["id"] for line in operator.lines("parked", "list", "commands", "--everything")] == [str(old)]
    code, _, said = operator.run("parked", "replay", "commands", str(old), "--yes")
    assert (code, "was dropped at" in said) == (1, True)
    assert [one[1] for one in audited(pipeline, "command.dropped")] == [f"command:{old}"]


def test_only_what_waits_can_be_withdrawn_and_only_what_is_parked_replayed(
    pipeline: Pipeline, operator: Operator
) -> None:
    pipeline.one_lane()
    decided, taken_back, unknown = *pipeline.put(*places(2)), uuid4()
    assert operator.run("commands", "withdraw", str(taken_back), "--yes")[:2] == (0, f"{taken_back} withdrawn\n")
    pipeline.worker().visit_until_done()
    for id_, words in (
        (decided, "is decided (succeeded) and cannot be withdrawn"),
        (taken_back, "is decided (rejected) and cannot be withdrawn"),
        (unknown, "is not known"),
    ):
        code, out, said = operator.run("commands", "withdraw", str(id_), "--yes")
        assert (code, out, words in said) == (1, "", True), said
    for id_, words in (
        (decided, "was decided (succeeded)"),
        (taken_back, "was decided (rejected)"),
        (unknown, "is not known"),
        (pipeline.put(*places(3)[2:])[0], "is not decided yet"),
    ):
        code, out, said = operator.run("commands", "replay", str(id_), "--yes")
        assert (code, out, words in said) == (1, "", True), said
    assert [one[1] for one in audited(pipeline, "command.withdrawn")] == [f"command:{taken_back}"]


def test_commands_are_listed_and_shown(pipeline: Pipeline, operator: Operator) -> None:
    pipeline.one_lane()
    (one,) = pipeline.put(*places(1))
    assert [line["id"] for line in operator.lines("commands", "list")] == [str(one)]
    assert str(one) in operator.run("commands", "list", "--type", "place")[1]
    assert operator.lines("commands", "list", "--type", "cancel") == []
    pipeline.worker().visit_until_done()
    assert operator.lines("commands", "list") == []
    assert [line["id"] for line in operator.lines("commands", "list", "--status", "succeeded")] == [str(one)]
    shown = json.loads(operator.run("commands", "show", str(one))[1])
    assert (shown["status"], shown["http_status"], shown["type"]) == ("succeeded", 201, "place")
    code, _, said = operator.run("commands", "show", str(uuid4()))
    assert (code, "is not known" in said) == (1, True)


def test_an_operator_who_says_no_changes_nothing(
    pipeline: Pipeline, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    (old,) = park(pipeline)
    monkeypatch.setattr("typer.confirm", refuse)
    assert operator.run("parked", "replay", "commands", str(old))[0] == 1
    assert pipeline.undecided() == []
    assert operator.run("parked", "replay", "commands")[0] == 2, "neither an id nor --all"


def refuse(*_: object, **__: object) -> None:
    raise typer.Abort


def test_the_log_is_read_at_the_command_line(pipeline: Pipeline, operator: Operator) -> None:
    pipeline.one_lane()
    (old,) = park(pipeline)
    operator.run("parked", "drop", "commands", str(old), "--yes")
    (entry,) = operator.lines("audit", "--kind", "command_line", "--subject", f"command:{old}", "--action", "command")
    assert (entry["action"], entry["actor"].partition(":")[0]) == ("command.dropped", "command_line")
    assert entry["address"]
    assert operator.lines("audit", "--until", "2001-01-01") == []
    assert f"command:{old}" in operator.run("audit")[1]
    assert operator.run("audit", "--kind", "nobody")[0] == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        pipeline.connection.execute("UPDATE audit_entry SET action = ''")


def test_a_backup_and_a_restore_are_in_the_log(
    pipeline: Pipeline, operator: Operator, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "holdfast.backup"
    pipeline.connection.execute("UPDATE installation SET demo_at = now()")  # as the settings of these tests say
    assert operator.run("backup", str(file))[0] == 0
    assert [one[:2] for one in audited(pipeline, "database.backed_up")] == [("command_line", "database:1")]
    pipeline.close()
    code, _, said = operator.run("restore", str(file), "--replace", "--yes")
    assert code == 0, said
    with psycopg.connect(database_url) as connection:
        restored = "SELECT actor_kind, subject FROM audit_entry WHERE action = 'database.restored'"
        assert connection.execute(restored).fetchall() == [("command_line", "database:1")]
