"""`make run` as a person meets it: ready, stopped, started again, crashed, refused, emptied."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from websockets.sync.client import connect

from ops.embedded.data_folder import MARKER
from ops.ports import accepts, free_ports
from ops.processes import APPLICATION
from tests.support import documented
from tests.support.clients.http_client import agent_booking
from tests.support.processes.make_run import Run, cli, still_running
from tests.support.processes.shell import shell
from tests.support.wait import wait_until

SERVERS = {"postgres", "valkey", "caddy", "stripe"}
ALL = SERVERS | {instance for process in APPLICATION for instance in process.instances()}
CREATE = "/api/agent/booking/create/"
BOOKING = ("curl -X POST", "Pay for a room")
"""Where the printed booking begins, and what comes after it."""
WAITING = 10
AS_NOBODY = (
    *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
    # An ordinary user, but for passing through the closed home that this checkout may lie in.
    *("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override", "--securebits", "+no_setuid_fixup"),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("embedded")
    one = Run(folder / "data", free_ports(1)[0], log=folder / "said")
    yield one
    one.close()


@pytest.fixture
def running(shared: Run) -> Run:
    """Ready; started only if the test before has ended it."""
    return shared if shared.alive else shared.start().until_ready()


def test_what_it_prints_works_when_pasted(running: Run) -> None:
    assert set(running.pids()) == ALL
    assert json.loads(_paste_booking(running))["success"] is True
    day, time = re.findall(r'"booking_(?:date|time)": "([\d:-]+)"', running.printed(*BOOKING))
    slots = httpx.get(f"{running.url}/api/booking/smart-available-slots/?date={day}").json()["available_slots"]
    assert slots
    assert time not in {slot["time"] for slot in slots}


def test_the_readmes_examples_work_when_pasted_in_order(running: Run, tmp_path: Path) -> None:
    """As a reader does whose stack has another port; no command among them fails."""
    with shell(tmp_path, {"HOLDFAST_URL": running.url}) as terminal:
        said = [(block, terminal.paste(block)) for block in documented.EXAMPLES]
    heard = {word: any(word in line for _, line in said) for word in documented.HEARD}
    assert [word for word, is_heard in heard.items() if not is_heard] == [], said


def _paste_booking(run: Run) -> str:
    return run.paste(*BOOKING)


def test_a_second_one_and_a_reset_are_refused_with_the_remedy(running: Run, tmp_path: Path) -> None:
    for words in (("run", "--port", str(free_ports(1)[0])), ("reset",)):
        refused = cli(*words, "--data", str(running.data))
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert f"already runs on {running.data} (http://localhost:{running.port})" in refused.stderr
        assert "PORT=" in refused.stderr
    assert (running.data / MARKER).exists()
    taken = cli("run", "--port", str(running.port), "--data", str(tmp_path / "above" / "other"))
    assert taken.returncode == 1
    assert taken.stderr.splitlines() == [
        f"holdfast: Port {running.port} is taken. Stop what uses it, or choose another one with PORT=."
    ]
    assert list(tmp_path.iterdir()) == [], "it leaves no empty folder"


def test_it_listens_on_this_machine_only(running: Run) -> None:
    """All of it: the front door, the stores, the API, the notifier, Flower and localstripe."""
    assert running.listens() <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert len(running.pids()) >= 10


def test_its_application_is_no_superuser(running: Run) -> None:
    """And is not told the superuser's password: that is for the start alone."""
    with psycopg.connect(running.database_url) as connection:
        assert connection.execute(
            "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone() == (
            "holdfast_app",
            False,
        )
        sql = (
            "SELECT DISTINCT usename FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"  # autovacuum is nobody's
        )
        assert connection.execute(sql).fetchall() == [("holdfast_app",)]
    password = (running.data / "secrets" / "postgres-password").read_text()
    for name, pid in running.pids().items():
        assert password not in Path(f"/proc/{pid}/environ").read_text(), name


def test_its_secrets_are_its_owners_alone(running: Run) -> None:
    secrets = list((running.data / "secrets").iterdir())
    assert secrets
    shown = " ".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in running.pids().values())
    for secret in secrets:
        assert secret.stat().st_mode & 0o077 == 0
        assert secret.read_text() not in shown


def test_what_dies_is_started_again(running: Run) -> None:
    before = running.pids()
    os.kill(before["api"], signal.SIGKILL)
    wait_until(lambda: running.pids().get("api", before["api"]) != before["api"], "the API is started again")
    wait_until(lambda: _is_ready(running), "it is ready again")
    after = running.pids()
    assert {name for name in ALL if after[name] != before[name]} == {"api"}


def _is_ready(run: Run) -> bool:
    try:
        return httpx.get(f"{run.url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def test_a_crash_loses_nothing_and_the_next_start_cleans_up(running: Run) -> None:
    booked = agent_booking()
    assert httpx.post(running.url + CREATE, json=booked).status_code == 201
    pids, temporary = running.pids(), set((running.data / "run" / "tmp").iterdir())
    assert temporary, "a pool's shared memory has a folder there"
    os.killpg(pids["lanes-1"], signal.SIGSTOP)  # its pool process will not notice anything
    running.signal(signal.SIGKILL)
    running.end()
    wait_until(lambda: still_running(pids) <= {"lanes-1"}, "the others end with it")
    running.settings["HOLDFAST_DEMO_WEEK"] = "1"
    running.start().until_ready()
    assert still_running(pids) == set()
    assert not any(folder.exists() for folder in temporary)
    assert httpx.post(running.url + CREATE, json=booked).status_code == 409, "yesterday's booking is there"
    assert json.loads(_paste_booking(running))["success"] is True, "the printed command works on the second day too"
    wait_until(lambda: "The demo's week is booked (" in running.said, "its week is booked beside it")
    assert ", 0 refused)" in running.said


def test_an_interrupt_stops_everything_with_clients_connected(running: Run) -> None:
    """An idle connection, a socket, and people who wait for lanes that decide nothing."""
    pids = running.pids()
    url = f"ws://127.0.0.1:{running.port}/ws/commands/"
    with httpx.Client(base_url=running.url) as idle, connect(url), ThreadPoolExecutor(WAITING) as pool:
        assert idle.get("/healthz").status_code == 200
        for name in ("lanes-1", "lanes-2"):
            os.killpg(pids[name], signal.SIGSTOP)
        wait = {"Prefer": "wait=30"}
        waits = [
            pool.submit(httpx.post, running.url + CREATE, json=agent_booking(), headers=wait, timeout=60)
            for _ in range(WAITING)
        ]
        wait_until(lambda: _waiting(running) >= WAITING, "all of them wait")
        assert running.stop() == 0
        assert {answer.result().status_code for answer in waits} == {202}
    assert still_running(pids) == set()
    assert not accepts(running.port)


def _waiting(run: Run) -> int:
    with psycopg.connect(run.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM inbox WHERE type = 'place'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Run]:
    """An installation of the test's own outside the demo, run by an ordinary account."""
    tmp_path.chmod(0o777)
    prefix = AS_NOBODY if os.geteuid() == 0 else ()
    where = documented.embedded_settings()
    one = Run(tmp_path / "data", free_ports(1)[0], prefix=prefix, log=tmp_path / "said", settings=where)
    yield one
    one.close()


def test_an_ordinary_account_starts_signs_in_stops_in_a_hurry_and_empties(fresh: Run, tmp_path: Path) -> None:
    """With the commands of README.md, "From nothing to the first booking"."""
    fresh.start().until_ready()
    assert "Nobody can sign in yet" in fresh.said
    folder = tmp_path / "checkout"
    folder.mkdir()
    with shell(folder) as terminal:
        for block in documented.embedded_steps(fresh.data, fresh.url):
            said = terminal.paste(block)
        assert re.search(r"^\d+$", terminal.paste("echo $ROOM"), re.MULTILINE), said
    pids = fresh.pids()
    os.killpg(pids["api"], signal.SIGSTOP)
    fresh.signal(signal.SIGINT)
    wait_until(lambda: "Stopping" in fresh.said, "it has heard the first interrupt")
    fresh.signal(signal.SIGINT)
    assert fresh.end() == 0
    assert still_running(pids) == set()
    _looks_at_what_is_stopped(fresh)
    emptied = cli("reset", "--data", str(fresh.data), prefix=fresh.prefix)
    assert emptied.returncode == 0, emptied.stderr
    assert not fresh.data.exists()


def _looks_at_what_is_stopped(run: Run) -> None:
    """Its PostgreSQL runs for a command alone; and nobody starts it as the demo by mistake."""
    where = ("--data", str(run.data))
    listed = cli("admin", "list", "--json", *where, prefix=run.prefix)
    assert ([one["username"] for one in json.loads(listed.stdout)], listed.returncode) == (["ada@example.com"], 0)
    assert "is not running" in listed.stderr
    shown = cli("config", "--json", *where, prefix=run.prefix)
    settings = {one["name"]: (one["value"], one["from"]) for one in json.loads(shown.stdout)["settings"]}
    assert settings["HOLDFAST_DEMO"] == ("0", "data folder")
    refused = cli("run", "--port", str(run.port), *where, prefix=run.prefix, HOLDFAST_DEMO="1")
    assert (refused.returncode, "is no demo" in refused.stderr, refused.stderr.count("\n")) == (1, True, 1)


def test_an_interrupt_while_it_starts_stops_what_was_started(fresh: Run) -> None:
    fresh.start()
    wait_until(lambda: "postgres" in fresh.said, "it has begun")
    pids = fresh.pids()
    assert fresh.stop() == 0
    assert still_running(pids) == set()
    assert "ready after" not in fresh.said


def test_a_setting_that_cannot_be_used_stops_the_start_with_its_name(tmp_path: Path) -> None:
    where = ("--port", str(free_ports(1)[0]), "--data", str(tmp_path / "data"))
    refused = cli("run", *where, HOLDFAST_TIME_ZONE="Mars/Olympus")
    assert refused.returncode == 1
    assert "HOLDFAST_TIME_ZONE" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    for word in ("run", "reset"):
        refused = cli(word, "--data", str(tmp_path))
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]
