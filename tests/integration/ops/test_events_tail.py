"""`holdfast events tail`: each event once, in order, through restarts, and a word about those that are missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ops.cli import main
from ops.embedded.environment import ROOT
from tests.support.engine.lanes import Pipeline, places
from tests.support.notifier import populate, tell
from tests.support.processes.servers import PostgresServer, stack_environment
from tests.support.wait import wait_until

SQL_END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name = 'holdfast events'"
)
NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def fed(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Nine bookings in three batches, and a canary."""
    populate(pipeline)
    for n in range(3):
        pipeline.put(*places(3 * n + 3)[3 * n :])
        tell(pipeline)
    for name, value in stack_environment(pipeline.url, NOBODY).items():
        monkeypatch.setenv(name, value)
    return pipeline


def tailed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["events", "tail", "--no-follow", "--json", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["position"].split("-")[1]) for event in events]


def test_it_begins_where_it_is_told(fed: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    (epoch,) = fed.row("SELECT epoch FROM feed")
    assert numbers(tailed(capsys)) == list(range(1, 10))
    assert numbers(tailed(capsys, "-n", "2")) == [8, 9]
    assert tailed(capsys, "-n", "0") == []
    assert numbers(tailed(capsys, "--after", f"{epoch}-4")) == [5, 6, 7, 8, 9]
    assert numbers(tailed(capsys, "--after", f"{epoch}-4", "--type", "booking_created")) == [5, 6, 7, 8, 9]
    assert tailed(capsys, "--type", "booking_deleted") == []
    first = tailed(capsys, "-n", "1")[0]
    assert first.keys() == {
        "position", "at", "type", "version", "command_id", "is_final", "booking_id", "booking_version", "owner", "actor",
        "contract", "request_id", "data", "traceparent",
    }  # fmt: skip
    assert main(["events", "tail", "--no-follow", "-n", "1"]) == 0
    line = capsys.readouterr().out
    assert line.startswith(f"{epoch}-9")
    assert f"booking={first['booking_id']} " in line


def test_events_that_are_missing_are_told(fed: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    (epoch,) = fed.row("SELECT epoch FROM feed")
    reload = [{"type": "reload", "position": f"{epoch}-9"}]
    fed.connection.execute("DELETE FROM event_batch WHERE first_position = 1")
    assert tailed(capsys, "--after", f"{epoch}-1") == reload
    assert numbers(tailed(capsys, "--after", f"{epoch}-3")) == [4, 5, 6, 7, 8, 9]
    assert tailed(capsys, "--after", "another-3") == reload, "a restored database"
    assert tailed(capsys, "--after", f"{epoch}-10") == reload, "a restored database that kept its epoch"
    assert main(["events", "tail", "--no-follow", "--after", f"{epoch}-1"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        f"Events are missing here: they are not kept any more, or the database was restored. Goes on at {epoch}-9."
        in said.err
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--after", "x"], "holdfast events tail: Invalid value for '--after': it is not a position such as"),
        (["--after", "x-1", "-n", "1"], "holdfast: Give either --after or -n: both say where to begin."),
        (["--type", "booking"], "holdfast: There is no event 'booking', only batch_progress, booking_created,"),
        (["-n", "-1"], "holdfast events tail: Invalid value for '-n': -1 is not in the range"),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "tail", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(sentence)


def test_it_goes_on_through_an_outage_of_the_database_and_ends_on_ctrl_c(
    fed: Pipeline, postgres: PostgresServer, tmp_path: Path, redis_url: str
) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    environment = {**os.environ, **stack_environment(fed.url, redis_url)}
    with out.open("w") as told, err.open("w") as noted:
        argv = [sys.executable, "-m", "ops.cli", "events", "tail", "--json", "-n", "1"]
        tailing = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=told, stderr=noted)
    name = fed.url.rsplit("/", 1)[1]
    try:
        wait_until(lambda: heard(out) == [9], "the last one is told")
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as superuser:
            superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            superuser.execute(SQL_END, (name,))
            wait_until(lambda: "The feed cannot be read, as" in err.read_text(), "the outage is told")
            superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        wait_until(lambda: "PostgreSQL answers again." in err.read_text(), "its end is told")
        fed.put(places(10)[9])
        tell(fed)
        wait_until(lambda: heard(out) == [9, 10], "the next one is told once")
        tailing.send_signal(signal.SIGINT)
        assert tailing.wait(10) == 0
    finally:
        tailing.kill()
        tailing.wait()
    position = json.loads(out.read_text().splitlines()[-1])["position"]
    assert err.read_text().endswith(f"\nStopped. To go on: holdfast events tail --after {position}\n")
    assert "Traceback" not in err.read_text()


def heard(out: Path) -> list[int]:
    return numbers([json.loads(line) for line in out.read_text().splitlines()])
