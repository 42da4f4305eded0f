"""`make run` as a person meets it: ready, stopped, started again, crashed, refused, emptied."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from ops.environment import ROOT
from ops.installation import MARKER
from ops.leftovers import end_leftovers
from ops.ports import accepts, free_ports
from tests.stack import wait_until

READY_S = 60.0
STOP_S = 30.0
ALL = {"postgres", "valkey", "caddy", "api", "lanes-1", "lanes-2", "sweeps", "beat", "notifier", "flower", "payments"}
AS_NOBODY = (
    *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
    # An ordinary user, but for passing through the closed home that this checkout may lie in.
    *("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override", "--securebits", "+no_setuid_fixup"),
)
ACCOUNTS = {"root": (), "nobody": AS_NOBODY} if os.geteuid() == 0 else {"myself": ()}


class Run:
    """One `python -m ops.cli run`, what it prints, and the processes it starts."""

    def __init__(self, data: Path, port: int, *, prefix: tuple[str, ...] = (), log: Path) -> None:
        self.data, self.port, self.log = data, port, log
        self._prefix = prefix
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Run:
        argv = [*self._prefix, sys.executable, "-m", "ops.cli", "run"]
        argv += ["--port", str(self.port), "--data", str(self.data)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, cwd=ROOT, env=_environment(), stdout=log, stderr=log)
        return self

    def until_ready(self) -> Run:
        wait_until(lambda: "Ctrl-C stops it" in self.said or self._ended(), f"ready: {self.said}", READY_S)
        assert "Holdfast is ready" in self.said, self.said
        return self

    def _ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pids(self) -> dict[str, int]:
        record = json.loads((self.data / "run" / "processes.json").read_text())
        return {one["name"]: one["pid"] for one in record["processes"]}

    def signal(self, which: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(which)

    def stop(self) -> int:
        self.signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not stopped within {STOP_S:g} s: {self.said}") from None

    def close(self) -> None:
        """Whatever a failed test left."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.end()
        end_leftovers(self.data / "run" / "processes.json")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}


def _cli(*words: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    argv = [*prefix, sys.executable, "-m", "ops.cli", *words]
    return subprocess.run(
        argv, cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=READY_S, check=False
    )


def _session(pid: int) -> set[int]:
    """The living processes of a session."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == pid and fields[0] not in "ZX":
                found.add(int(entry.name))
    return found


def _all_gone(pids: dict[str, int]) -> bool:
    return not any(_session(pid) for pid in pids.values())


def _left(pids: dict[str, int], within_s: float) -> set[str]:
    """Who is still there after a while; `lanes-1` alone is not waited for."""

    def left() -> set[str]:
        return {name for name, pid in pids.items() if _session(pid)}

    with suppress(TimeoutError):
        wait_until(lambda: left() <= {"lanes-1"}, "the others have ended", within_s)
    return left()


@pytest.fixture(params=ACCOUNTS, ids=str)
def prefix(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return ACCOUNTS[request.param]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder to be, that any account can make."""
    tmp_path.chmod(0o777)
    return tmp_path / "data"


@pytest.fixture
def run(data: Path, tmp_path: Path, prefix: tuple[str, ...]) -> Iterator[Run]:
    one = Run(data, free_ports(1)[0], prefix=prefix, log=tmp_path / "said")
    yield one
    one.close()


def test_it_starts_stops_keeps_and_forgets(run: Run, prefix: tuple[str, ...]) -> None:
    run.start().until_ready()
    assert set(run.pids()) == ALL
    booked = _paste(run.said)
    assert booked["success"] is True
    assert _slot_is_taken(run)

    pids = run.pids()
    assert run.stop() == 0
    assert _all_gone(pids)
    assert not accepts(run.port)

    run.start().until_ready()
    again = _paste(run.said)
    assert again["booking_id"] > booked["booking_id"], "the printed command works on the second day too"
    assert run.stop() == 0

    emptied = _cli("reset", "--data", str(run.data), prefix=prefix)
    assert emptied.returncode == 0, emptied.stderr
    assert not run.data.exists()


def _paste(said: str) -> dict[str, int]:
    """Run the printed command as a person would: in a shell, as it stands there."""
    command = said[said.index("curl -X POST") : said.index("Ctrl-C stops it")]
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=30)
    body: dict[str, int] = json.loads(answer.stdout)
    return body


def _slot_is_taken(run: Run) -> bool:
    match = re.search(r'"booking_date": "([\d-]+)", "booking_time": "([\d:]+)"', run.said)
    assert match
    slots = httpx.get(f"{run.url}/api/booking/smart-available-slots/?date={match[1]}").json()["available_slots"]
    return match[2] not in {slot["time"] for slot in slots}


def test_a_crash_leaves_nothing_that_the_next_start_does_not_end(run: Run) -> None:
    run.start().until_ready()
    pids = run.pids()
    os.killpg(pids["lanes-1"], signal.SIGSTOP)  # its pool process will not notice anything
    run.signal(signal.SIGKILL)
    run.end()
    assert _left(pids, within_s=10.0) <= {"lanes-1"}

    run.start().until_ready()
    assert _all_gone(pids)
    assert run.stop() == 0


@pytest.fixture
def running(data: Path, tmp_path: Path) -> Iterator[Run]:
    one = Run(data, free_ports(1)[0], log=tmp_path / "said").start().until_ready()
    yield one
    one.close()


def test_while_it_runs(running: Run, tmp_path: Path) -> None:
    """One start, several behaviours: what dies comes back, a second start and a reset are refused."""
    second = _cli("run", "--port", str(free_ports(1)[0]), "--data", str(running.data))
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"already runs on {running.data} (http://localhost:{running.port})" in second.stderr
    assert "PORT=" in second.stderr

    taken = _cli("run", "--port", str(running.port), "--data", str(tmp_path / "other"))
    assert taken.returncode == 1
    assert taken.stderr.splitlines() == [
        f"holdfast: Port {running.port} is taken. Stop what uses it, or choose another one with PORT=."
    ]

    refused = _cli("reset", "--data", str(running.data))
    assert refused.returncode == 1
    assert "already runs" in refused.stderr
    assert (running.data / MARKER).exists()

    before = running.pids()
    os.kill(before["api"], signal.SIGKILL)
    wait_until(lambda: running.pids().get("api", before["api"]) != before["api"], "the API is started again")
    wait_until(lambda: httpx.get(f"{running.url}/readyz", timeout=10).status_code == 200, "it is ready again")

    for secret in (running.data / "secrets").iterdir():
        assert secret.stat().st_mode & 0o077 == 0
    shown = " ".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in running.pids().values())
    assert not any(secret.read_text() in shown for secret in (running.data / "secrets").iterdir())


def test_a_second_interrupt_makes_it_faster(running: Run) -> None:
    pids = running.pids()
    os.killpg(pids["sweeps"], signal.SIGSTOP)
    running.signal(signal.SIGINT)
    wait_until(lambda: "Stopping" in running.said, "it has heard the first")
    running.signal(signal.SIGINT)
    assert running.end() == 0
    assert _all_gone(pids)


def test_an_interrupt_while_starting_stops_what_was_started(data: Path, tmp_path: Path) -> None:
    one = Run(data, free_ports(1)[0], log=tmp_path / "said").start()
    wait_until(lambda: "postgres" in one.said, "it has begun")
    pids = one.pids()
    assert one.stop() == 0
    assert _all_gone(pids)
    assert "ready after" not in one.said


def test_a_setting_that_cannot_be_used_stops_the_start_with_its_name(data: Path) -> None:
    environment = {**_environment(), "HOLDFAST_TIME_ZONE": "Mars/Olympus"}
    argv = [sys.executable, "-m", "ops.cli", "run", "--port", str(free_ports(1)[0]), "--data", str(data)]
    ended = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "HOLDFAST_TIME_ZONE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    for command in (("run", "--data", str(tmp_path)), ("reset", "--data", str(tmp_path))):
        refused = _cli(*command)
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]
