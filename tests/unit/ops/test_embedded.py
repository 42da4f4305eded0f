"""Children, supervision, leftovers, ports and the data folder, each by itself."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from ops.embedded import supervisor as supervising
from ops.embedded.child import Child, Program, tail, truncate_log
from ops.embedded.data_folder import DataFolder, DataFolderError
from ops.embedded.environment import child_environment, installed
from ops.embedded.leftovers import MARK, end_leftovers, write_record
from ops.embedded.supervisor import Supervisor
from ops.ports import HIGHEST, LOWEST, accepts, free_ports, is_free, listen_addresses
from ops.processes import APPLICATION, LANES, Stage
from tests.support.wait import wait_until

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = "import os, time; os.fork(); time.sleep(60)"


class Programs:
    """Makes programs that end with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []

    def program(self, code: str, name: str = "one", stop_timeout_s: float = 5.0, mark: str = "") -> Program:
        environment = {"PATH": os.environ["PATH"], MARK: mark}
        argv = (sys.executable, "-c", code)
        return Program(name, argv, environment, self.folder, self.folder / f"{name}.log", stop_timeout_s=stop_timeout_s)

    def start(self, code: str, name: str = "one", stop_timeout_s: float = 5.0, mark: str = "") -> Child:
        self.children.append(Child(self.program(code, name, stop_timeout_s, mark)))
        return self.children[-1]


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    made = Programs(tmp_path)
    yield made
    for child in made.children:
        child.kill()
        child.wait(5.0)


def _group(pid: int) -> int:
    """How many living processes a group has."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return sum(1 for line in listed.splitlines() if line.split()[0] == str(pid) and line.split()[1][0] not in "ZX")


def test_a_child_stops_when_asked(programs: Programs) -> None:
    child = programs.start(SLEEP)
    assert child.exit_code() is None
    child.stop()
    assert child.exit_code() == -signal.SIGTERM


def test_a_stopped_child_stops_when_asked(programs: Programs) -> None:
    child = programs.start(SLEEP)
    child.signal(signal.SIGSTOP)
    child.stop()
    assert child.exit_code() == -signal.SIGTERM


def test_a_stubborn_child_is_killed_after_its_time(programs: Programs) -> None:
    child = programs.start(STUBBORN, stop_timeout_s=0.2)
    wait_until(lambda: "up" in child.tail(), "it ignores the signal")
    child.stop()
    assert child.exit_code() == -signal.SIGKILL


def test_what_a_dead_child_leaves_in_its_group_is_killed(programs: Programs) -> None:
    child = programs.start(PARENT)
    wait_until(lambda: _group(child.pid) == 2, "it has a child of its own")
    child.signal(signal.SIGKILL)
    wait_until(lambda: child.exit_code() is not None, "it has ended")
    wait_until(lambda: _group(child.pid) == 0, "its child too")


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from ops.embedded.child import *\n"
        f"program = Program('x', (sys.executable, '-c', {SLEEP!r}), {{}}, Path('/'), Path(sys.argv[2]) / 'log')\n"
        "print(Child(program).pid, flush=True); time.sleep(60)\n"
    )
    root = str(Path(__file__).parents[3])
    argv = [sys.executable, "-c", code, root, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the child has ended with its parent")


def test_a_command_that_is_not_there_says_so(programs: Programs, tmp_path: Path) -> None:
    program = Program("x", ("/no/such/program",), {}, tmp_path, tmp_path / "x.log")
    child = Child(program)
    assert child.wait(5.0)
    assert child.exit_code() == 1
    assert "/no/such/program cannot be started" in child.tail()


def test_logs_are_bounded_and_can_be_cut_while_written(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab") as file:
        file.write(b"old\n" * 100)
        file.flush()
        truncate_log(log, most=100)
        file.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "x.log.1").stat().st_size == 100


def test_the_tail_is_short(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("".join(f"{number}\n" for number in range(100)) + "x" * 5000)
    assert len(tail(log, 5).splitlines()) == 5
    assert len(tail(log, 5)) < 1000
    assert tail(tmp_path / "missing", 5) == ""


def test_what_dies_is_started_again(programs: Programs, tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path / "record", "mark", said.append)
    first = supervisor.start(programs.program(SLEEP), Stage.FRONT)
    first.kill()

    def is_back() -> bool:
        supervisor.restart_ended()
        return supervisor.programs_by_name["one"].child is not first

    wait_until(is_back, "it is back")
    assert supervisor.programs_by_name["one"].child.exit_code() is None
    assert "one ended (signal SIGKILL); it starts again in 0.5 s." in said
    supervisor.stop_all(lambda: True)


@pytest.mark.parametrize("has_a_door", [True, False])
def test_failed_starts_are_forgotten_after_a_good_one(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_a_door: bool
) -> None:
    """Each start that comes to nothing doubles the pause before the next; one that came up well ends that."""
    monkeypatch.setattr(supervising, "BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr(supervising, "STABLE_AFTER_S", 1e9)
    said: list[str] = []
    is_up = False
    supervisor = Supervisor(tmp_path / "record", "mark", said.append)
    supervisor.start(programs.program(SLEEP), Stage.STORES, (lambda: is_up) if has_a_door else None)

    assert pauses(supervisor, said, 4) == ["0.01", "0.02", "0.04", "0.08"]
    is_up = True
    monkeypatch.setattr(supervising, "STABLE_AFTER_S", 0.0)
    supervisor.restart_ended()
    is_up = False
    monkeypatch.setattr(supervising, "STABLE_AFTER_S", 1e9)
    assert pauses(supervisor, said, 2) == ["0.01", "0.02"]
    supervisor.stop_all(lambda: True)


def test_a_program_that_ends_as_soon_as_it_is_up_is_started_more_and_more_seldom(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers each time. Only when it has been up for a while are the earlier ends forgotten."""
    monkeypatch.setattr(supervising, "BACKOFF_FIRST_S", 0.01)
    said: list[str] = []
    supervisor = Supervisor(tmp_path / "record", "mark", said.append)
    supervisor.start(programs.program(SLEEP), Stage.STORES, lambda: True)
    assert pauses(supervisor, said, 4) == ["0.01", "0.02", "0.04", "0.08"]
    monkeypatch.setattr(supervising, "STABLE_AFTER_S", 0.0)
    supervisor.restart_ended()
    monkeypatch.setattr(supervising, "STABLE_AFTER_S", 1e9)
    assert pauses(supervisor, said, 2) == ["0.01", "0.02"]
    supervisor.stop_all(lambda: True)


def test_failed_starts_do_not_count_after_one_that_came_up_and_ended_at_once(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL may have failed to start while its port was taken: once it came up, it need not wait for so long."""
    monkeypatch.setattr(supervising, "BACKOFF_FIRST_S", 0.01)
    said: list[str] = []
    is_up = False
    supervisor = Supervisor(tmp_path / "record", "mark", said.append)
    supervisor.start(programs.program(SLEEP), Stage.STORES, lambda: is_up)
    assert pauses(supervisor, said, 4)[-1] == "0.08"
    is_up = True
    assert pauses(supervisor, said, 2) == ["0.01", "0.02"]
    supervisor.stop_all(lambda: True)


def pauses(supervisor: Supervisor, said: list[str], times: int) -> list[str]:
    """Kill it so often; what was said of each pause before it started again."""
    post = supervisor.programs_by_name["one"]
    for _ in range(times):
        supervisor.restart_ended()
        killed = post.child
        killed.kill()
        assert killed.wait(10.0)

        def is_back(killed: Child = killed) -> bool:
            supervisor.restart_ended()
            return post.child is not killed

        wait_until(is_back, "it is back")
    return re.findall(r"again in (\S+) s", " ".join(said))[-times:]


def test_stages_stop_from_the_front_to_the_stores(programs: Programs, tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n open('order', 'a').write(sys.argv[0] + NAME)\n sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(60)\n"
    )
    supervisor = Supervisor(tmp_path / "record", "mark", lambda _: None)
    children = [
        supervisor.start(programs.program(f"NAME = '{stage.name} '\n{code}", stage.name), stage) for stage in Stage
    ]
    wait_until(lambda: all("up" in child.tail() for child in children), "all listen")
    supervisor.stop_all(lambda: False)
    order = (tmp_path / "order").read_text().replace("-c", "").split()
    assert order == ["FRONT", "PIPELINE", "STORES"]


def test_leftovers_are_ended_and_unrelated_processes_are_not(programs: Programs, tmp_path: Path) -> None:
    ours, unrelated = programs.start(PARENT, "ours", mark="m"), programs.start(SLEEP, "unrelated")
    wait_until(lambda: _group(ours.pid) == 2, "it has a child of its own")
    record = tmp_path / "record"
    write_record(record, "m", [ours])
    assert end_leftovers(record) == ["ours"]
    assert ours.wait(5.0)
    assert _group(ours.pid) == 0
    assert unrelated.exit_code() is None


def test_a_pid_that_was_given_anew_is_not_touched(programs: Programs, tmp_path: Path) -> None:
    unrelated = programs.start(SLEEP)
    record = tmp_path / "record"
    write_record(record, "m", [unrelated])
    started = record.read_text().split('"started":')[1].split(",")[0]
    record.write_text(record.read_text().replace(f'"started":{started}', '"started":1'))
    assert end_leftovers(record) == []
    assert unrelated.exit_code() is None


def test_a_record_of_before_the_last_boot_means_nothing(programs: Programs, tmp_path: Path) -> None:
    unrelated = programs.start(SLEEP)
    record = tmp_path / "record"
    write_record(record, "m", [unrelated])
    boot = record.read_text().split('"boot":"')[1].split('"')[0]
    record.write_text(record.read_text().replace(boot, "another-boot"))
    assert end_leftovers(record) == []
    assert unrelated.exit_code() is None


@pytest.mark.parametrize("content", ["", "{", '{"boot": 1}'])
def test_a_broken_record_is_no_obstacle(tmp_path: Path, content: str) -> None:
    (tmp_path / "record").write_text(content)
    assert end_leftovers(tmp_path / "record") == []


def test_free_ports_are_free_and_different() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(LOWEST <= port <= HIGHEST and is_free(port) for port in ports)


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert accepts(port)
        assert port not in free_ports(1, preferred=(port,))
    assert not accepts(port)


def test_secrets_are_made_once_and_closed(tmp_path: Path) -> None:
    installation = DataFolder(tmp_path / "data")
    installation.prepare()
    secret = installation.secret("key")
    assert len(secret) >= 32
    assert DataFolder(tmp_path / "data").secret("key") == secret
    assert stat.S_IMODE(installation.secret_file("key").stat().st_mode) == 0o600
    assert installation.secret("other") != secret


def test_inner_ports_stay_the_same_while_they_are_free(tmp_path: Path) -> None:
    installation = DataFolder(tmp_path)
    installation.prepare()
    assert installation.ports() == installation.ports()


def test_one_stack_a_folder(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "data")
    first.prepare()
    first.lock("http://localhost:8000")
    with pytest.raises(DataFolderError, match="already runs"):
        second.lock("another")
    with pytest.raises(DataFolderError, match="already runs"):
        second.remove()
    first.unlock()
    second.lock("another")
    second.unlock()


def test_only_our_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis").touch()
    with pytest.raises(DataFolderError, match="nothing was removed"):
        DataFolder(tmp_path).remove()
    assert (tmp_path / "thesis").exists()
    ours = DataFolder(tmp_path / "data")
    ours.prepare()
    ours.remove()
    ours.remove()  # what is gone already is fine
    assert not ours.folder.exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderError, match="DATA="):
        DataFolder(tmp_path / "file" / "data").prepare()


def test_instances_have_node_names_of_their_own() -> None:
    assert LANES.instances() == ("lanes-1", "lanes-2")
    assert "lanes-2@%h" in LANES.command("lanes-2")


def test_commands_run_with_this_python() -> None:
    for process in APPLICATION:
        assert installed(process.argv)[0] == sys.executable


def test_a_child_inherits_our_settings_and_nothing_that_would_mislead_it() -> None:
    person = {"HOLDFAST_LANES": "4", "PGHOST": "x", "PYTHONPATH": "/x", "CELERY_BROKER_URL": "x", "PATH": "/bin"}
    environment = child_environment({"DATABASE_URL": "ours"}, person)
    assert environment["HOLDFAST_LANES"] == "4"
    assert environment["DATABASE_URL"] == "ours"
    assert not {"PGHOST", "CELERY_BROKER_URL"} & set(environment)
    assert environment["PYTHONPATH"] != "/x"


EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a person may ask for


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        (None, {"127.0.0.1", "::1"}),
        ("127.0.0.1", {"127.0.0.1", "::1"}),
        ("::1", {"127.0.0.1", "::1"}),
        (EVERYWHERE, {EVERYWHERE, "::1"}),
        ("::", {"::"}),
        ("192.0.2.7", {"127.0.0.1", "::1", "192.0.2.7"}),
    ],
)
def test_the_front_door_lets_others_in_only_when_told(
    monkeypatch: pytest.MonkeyPatch, host: str | None, wanted: set[str]
) -> None:
    monkeypatch.setattr("ops.ports._has_ipv6", lambda: True)
    assert set(listen_addresses(ip_address(host) if host else None)) == wanted
    monkeypatch.setattr("ops.ports._has_ipv6", lambda: False)
    assert set(listen_addresses(ip_address(EVERYWHERE))) == {EVERYWHERE}
