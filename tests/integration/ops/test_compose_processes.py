"""Each compose service's exact command and environment, run as a process; a canary goes through them all.

Docker does not run here. What stands in for it is small: service names become 127.0.0.1 with a free
port, and the database and Valkey are the tests' own, with the passwords that .env would give.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from core.store.pulse import CANARY_FRESH_S
from ops import flower_security, health_probe
from ops.backup.archive import Archive
from ops.embedded import caddy
from ops.embedded.child import Program
from ops.embedded.environment import ROOT, child_environment, installed
from ops.ports import accepts, free_ports
from ops.processes import APPLICATION, BACKUP, BACKUPS_FOLDER, HEALTH_SOCKET, LANES, MIGRATE, Process
from ops.store_settings import DATABASE
from tests.support.processes.compose import (
    FILLED,
    MOUNTED,
    PASSWORDS,
    WITH_FLOWER,
    bytes_of,
    copied_into_the_image,
    environment_of,
    load,
    make_secrets,
    secrets_of,
)
from tests.support.processes.servers import PostgresServer, Server, ValkeyServer
from tests.support.wait import wait_until

EACH = pytest.mark.parametrize("process", APPLICATION, ids=lambda process: process.name)
REFUSED_WITHIN_S = 60.0
"""So that a hang ends. Two whole runs side by side on two cores took over 20 s for the imports of Celery alone."""


class Composition:
    """The services as processes."""

    def __init__(self, folder: Path, postgres: PostgresServer, valkey: ValkeyServer) -> None:
        stores = {
            "POSTGRES_PASSWORD": _password(postgres.url("x")),
            "HOLDFAST_DATABASE_PASSWORD": _password(postgres.cluster.application_url("x")),
            "VALKEY_PASSWORD": _password(valkey.url),
        }
        compose = load(WITH_FLOWER)
        self.services, self._secrets = compose["services"], compose["secrets"]
        self.folder = folder
        made = make_secrets(folder, "".join(f"{name}={value}\n" for name, value in {**PASSWORDS, **stores}.items()))
        assert made.returncode == 0, made.stderr
        self._image = folder / "app"
        for name in copied_into_the_image():
            shutil.copytree(ROOT / name, self._image / name, ignore=shutil.ignore_patterns("__pycache__"))
        self._places = {
            "postgres:5432": f"127.0.0.1:{postgres.cluster.port}",
            "valkey:6379": f"127.0.0.1:{valkey.cluster.port}",
        }
        names = ["caddy", "check", *(process.name for process in APPLICATION if process.port)]
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.running: list[Server] = []
        for secret in (folder / "secrets").iterdir():
            content = secret.read_text()
            secret.unlink()
            secret.write_text(self._placed(content))

    def _placed(self, text: str) -> str:
        for place, here in self._places.items():
            text = text.replace(place, here)
        return text

    def environment(self, name: str) -> dict[str, str]:
        """The service's environment, its network replaced by this machine's."""
        own = {process.name: process.port for process in APPLICATION}.get(name)
        files = secrets_of(self.services[name], self._secrets, self.folder)
        values = environment_of(self.services[name])
        return {key: str(files.get(value) or self._here(value, name, own)) for key, value in values.items()}

    def _here(self, value: str, name: str, own_port: int | None) -> str:
        for process in APPLICATION:
            if process.port:
                value = value.replace(f"{process.name}:{process.port}", f"127.0.0.1:{self.ports[process.name]}")
        if own_port is not None:
            value = re.sub(rf"\b{own_port}$", str(self.ports[name]), value)
        value = value.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - which is what is taken away here
        value = value.replace(HEALTH_SOCKET, self.health_socket(name))
        value = value.replace("http://127.0.0.1:8008", f"http://127.0.0.1:{self.ports['check']}")
        return value.replace("http://:8000", f"http://:{self.ports['caddy']}")

    def program(self, name: str, argv: list[str]) -> Program:
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        environment = child_environment({**self.environment(name), "PYTHONPATH": str(self._image)}, kept)
        argv = [str(self.folder / "backups") if word == BACKUPS_FOLDER else word for word in argv]
        return Program(name, installed(argv), environment, self._image, self.folder / f"{name}.log")

    def start(self, name: str) -> None:
        server = Server(self.program(name, self.services[name]["command"]), lambda: True)
        server.start()
        self.running.append(server)

    def scale(self, process: Process, number: int) -> None:
        """As `--scale` does: the same command again, on hosts of other names."""
        for one in range(2, number + 1):
            argv = [word.replace("%h", f"host-{one}") for word in self.services[process.name]["command"]]
            instance = f"{process.name}-{one}"
            program = self.program(process.name, argv)
            program = dataclasses.replace(
                program,
                log=self.folder / f"{instance}.log",
                environment={**program.environment, "HOLDFAST_HEALTH_SOCKET": self.health_socket(instance)},
            )
            server = Server(program, lambda: True)
            server.start()
            self.running.append(server)

    def start_caddy(self) -> None:
        folder = self.folder / "caddy"
        server = Server(caddy.program(folder, self.environment("caddy"), folder / "caddy.log"), self._caddy_answers)
        server.start()
        self.running.append(server)

    def _caddy_answers(self) -> bool:
        return accepts(self.ports["caddy"])

    def health_socket(self, instance: str) -> str:
        """Of a container, each of which has its own /tmp."""
        return str(self.folder / f"{instance}.sock")

    def check(self, name: str, instance: str | None = None) -> subprocess.CompletedProcess[str]:
        """The service's health check, as Docker would run it in the container."""
        own = next(process.port for process in (*APPLICATION, BACKUP) if process.name == name)
        words = [word.replace(HEALTH_SOCKET, self.health_socket(instance or name)) for word in self._check(name)]
        return self.run(name, [word.replace(f":{own}/", f":{self.ports.get(name)}/") for word in words])

    def _check(self, name: str) -> list[str]:
        words: list[str] = self.services[name]["healthcheck"]["test"][1:]
        return words

    def run(self, name: str, argv: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """A command in the service's container, until it ends; `more` environment on top."""
        program = self.program(name, argv)
        return subprocess.run(
            program.argv,
            cwd=program.directory,
            env={**program.environment, **more},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def secrets(self) -> set[str]:
        """The contents of all secrets' files, and the passwords in addresses."""
        contents = [file.read_text().strip() for file in (self.folder / "secrets").iterdir()]
        return {password for one in contents if (password := urlsplit(one).password or one)}

    def close(self) -> None:
        for server in self.running:
            server.close()


def _password(url: str) -> str:
    password = urlsplit(url).password
    assert password
    return password


@pytest.fixture(scope="module")
def composition(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    folder = tmp_path_factory.mktemp("compose")
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    postgres.cluster.create_database(DATABASE)
    composed = Composition(folder, postgres, valkey)
    try:
        migrated = composed.run("migrate", composed.services["migrate"]["command"])
        assert migrated.returncode == 0, migrated.stderr
        for process in APPLICATION:
            composed.start(process.name)
        composed.start_caddy()
        yield composed
    finally:
        composed.close()
        valkey.close()
        postgres.drop_database(postgres.url(DATABASE))


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False  # parts that start may keep somebody waiting


def test_a_canary_goes_through_all_of_them(composition: Composition) -> None:
    """Sent by beat and sweeps, decided in a lane, numbered by the relay, heard by the notifier, told by the API."""
    url = f"http://127.0.0.1:{composition.ports['caddy']}/readyz"
    wait_until(lambda: _is_ready(url), "a canary has gone through")
    said = httpx.get(url).json()
    assert (said["status"], said["down"]) == ("ready", [])
    assert max(said["canary_age_s"], said["canary_at_notifier_age_s"]) < CANARY_FRESH_S


def test_the_backup_service_takes_the_first_at_once_and_no_other_before_its_time(composition: Composition) -> None:
    """With the database's address and no other secret. It ends when it is asked to."""
    folder = composition.folder / "backups"
    folder.mkdir()
    service = Server(composition.program(BACKUP.name, composition.services[BACKUP.name]["command"]), lambda: True)
    try:
        service.start()
        wait_until(lambda: "backup taken" in service.log, "a backup is taken")
        (file,) = folder.iterdir()
        Archive(file).verify(lambda _: None)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert composition.check(BACKUP.name).returncode == 0
        _end(service)
        service.start()
        wait_until(lambda: composition.check(BACKUP.name).returncode == 0, "it is well")
        _end(service)
        assert list(folder.iterdir()) == [file]
        said = [json.loads(line) for line in service.log.splitlines()]
        assert [one["event"] for one in said if one["level"] != "warning"] == [
            "this release starts",
            "backup taken",
            "this release starts",
        ]
        assert {one["service"] for one in said} == {"backup"}
        assert not any(secret in service.log for secret in composition.secrets())
    finally:
        service.close()


def _end(service: Server) -> None:
    os.kill(service.pid, signal.SIGTERM)
    wait_until(lambda: service.child.exit_code() == 0, "it ends without an error")


@EACH
def test_its_health_check_succeeds(composition: Composition, process: Process) -> None:
    wait_until(lambda: composition.check(process.name).returncode == 0, f"{process.name} is well")


def test_a_stopped_worker_fails_its_health_check(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_probe, "TIMEOUT_S", 0.5)
    lanes = next(server for server in composition.running if server.name == "lanes")
    lanes.freeze()
    try:
        problem = health_probe.problem(composition.health_socket("lanes"), "ready")
    finally:
        lanes.thaw()
    assert problem.endswith("does not answer: timed out")


@EACH
def test_a_restart_would_help_nobody_while_it_works(composition: Composition, process: Process) -> None:
    """What Kubernetes asks before it restarts a process."""
    if "HOLDFAST_HEALTH_SOCKET" in process.settings:
        path = composition.health_socket(process.name)
        wait_until(lambda: health_probe.problem(path, "alive") == "", f"{process.name} is alive")


def test_a_person_who_stands_beside_a_part_is_told_the_same_with_its_secrets_alone(composition: Composition) -> None:
    """A file of somebody else's secret, which is not there, stops nobody who does not ask for it."""
    argv, not_asked_for = ["python", "-m", "ops.cli", "check", "beat"], {"HOLDFAST_SECRET_KEY_FILE": "/nowhere"}
    wait_until(lambda: composition.run("beat", argv, **not_asked_for).returncode == 0, "beat is well")


def test_more_lane_workers_serve_with_no_other_change(composition: Composition) -> None:
    composition.scale(LANES, 4)
    for instance in ("lanes-2", "lanes-3", "lanes-4"):
        wait_until(lambda: composition.check("lanes", instance).returncode == 0, f"{instance} serves")  # noqa: B023


def test_each_has_room_within_its_limits(composition: Composition) -> None:
    """At its start; `docs/operations.md` says when to raise them."""
    for server in composition.running:
        service = composition.services[server.name.partition("-")[0]]
        processes = list(_with_children(server.pid))
        memory_kib = sum(_rss_kib(pid) for pid in processes)
        threads = sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in processes)
        assert memory_kib * 1024 < bytes_of(service["mem_limit"]) / 2, server.name
        assert threads < service["pids_limit"] / 2, server.name


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from _with_children(int(child))


def _rss_kib(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def test_logs_hold_a_week_of_ten_requests_a_second(composition: Composition) -> None:
    """As Docker keeps them: a line of JSON around each of ours."""
    lines_kept = 7 * 24 * 3600 * 10
    for name, event in {"api": "request", "lanes": "command decided"}.items():
        log = next(server.log for server in composition.running if server.name == name)
        lines = [line for line in log.splitlines() if json.loads(line)["event"] == event]
        kept = [{"log": f"{line}\n", "stream": "stderr", "time": "2030-01-01T00:00:00.000000000Z"} for line in lines]
        line_bytes = max(len(json.dumps(one, separators=(",", ":"))) + 1 for one in kept)
        options = composition.services[name]["logging"]["options"]
        assert bytes_of(options["max-size"]) * (int(options["max-file"]) - 1) > lines_kept * line_bytes, name


def test_flower_asks_for_its_password(composition: Composition) -> None:
    url = f"http://127.0.0.1:{composition.ports['caddy']}/flower/"
    wait_until(lambda: httpx.get(url).status_code != 503, "Flower answers")
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=("flower", "wrong")).status_code == 401
    assert httpx.get(url, auth=("flower", PASSWORDS["HOLDFAST_FLOWER_PASSWORD"])).status_code == 200


def test_every_log_line_is_structured_and_names_its_service(composition: Composition) -> None:
    logs = [server.log for server in composition.running if server.name != "caddy"]
    lines = [json.loads(line) for log in logs for line in log.splitlines()]
    services = {line["service"] for line in lines}
    assert services - {"flower"} == {"api", "notifier", "workers"}, "beat has nothing to say, Flower only of the stores"


@pytest.mark.parametrize("path", ["metrics", "healthcheck"])
def test_flowers_open_doors_are_shut_at_the_front(composition: Composition, path: str) -> None:
    assert httpx.get(f"http://127.0.0.1:{composition.ports['caddy']}/flower/{path}").status_code == 404


def test_anonymous_agents_are_refused_outside_the_demo(composition: Composition) -> None:
    body = {"phone": "1", "service_name": "x", "booking_date": "2030-01-01", "booking_time": "10:00"}
    url = f"http://127.0.0.1:{composition.ports['caddy']}/api/agent/booking/create/"
    assert httpx.post(url, json=body).status_code == 401


def test_no_command_line_and_no_environment_shows_a_secret(composition: Composition) -> None:
    secrets = composition.secrets()
    assert len(secrets) > len(PASSWORDS)
    for server in composition.running:
        shown = Path(f"/proc/{server.pid}/cmdline").read_text() + Path(f"/proc/{server.pid}/environ").read_text()
        assert not any(secret in shown for secret in secrets), server.name


def test_no_log_shows_a_secret(composition: Composition) -> None:
    secrets = composition.secrets()
    for server in composition.running:
        assert not any(secret in server.log for secret in secrets), server.name


def test_the_front_doors_check_asks_beside_the_certificates(composition: Composition) -> None:
    """On an address of its own, which needs none of them, and is no public one."""
    wait_until(lambda: _is_ready(f"http://127.0.0.1:{composition.ports['check']}/readyz"), "the check is answered")


def test_the_notifier_is_behind_the_front_door(composition: Composition) -> None:
    origin = FILLED["HOLDFAST_PUBLIC_URL"]
    url = f"ws://127.0.0.1:{composition.ports['caddy']}/ws/admin/bookings/"
    with connect(url, origin=Origin(origin)) as socket:
        socket.send('{"type": "get_bookings"}')
        with pytest.raises(ConnectionClosed):  # nobody has logged in
            _until(socket, "bookings_data")


def _until(socket: ClientConnection, word: str) -> None:
    while word not in str(socket.recv(timeout=10)):
        pass


STARTS = {"migrate": MIGRATE, **{process.name: process.argv for process in (*APPLICATION, BACKUP)}}


@pytest.mark.parametrize("service", STARTS)
def test_it_refuses_to_start_without_a_secret_by_name(service: str, tmp_path: Path) -> None:
    """None is there. What each secret may hold is in tests/unit/ops/test_compose_secrets.py."""
    environment = environment_of(load()["services"][service])
    nowhere = {name: value.replace(MOUNTED, f"{tmp_path}/") for name, value in environment.items()}
    ended = _start(STARTS[service], nowhere, tmp_path)
    first = min(name for name, value in nowhere.items() if value.startswith(str(tmp_path)))
    sentence = f"holdfast: {first} names {nowhere[first]}, which cannot be read: No such file or directory."
    assert ended.returncode != 0
    assert next(line for line in ended.stderr.splitlines() if line.startswith("holdfast: ")).startswith(sentence)
    assert "Traceback" not in ended.stdout + ended.stderr


def _start(argv: Sequence[str], environment: Mapping[str, str], home: Path) -> subprocess.CompletedProcess[str]:
    """A service that is to end by itself, soon."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.run(
        installed(argv),
        cwd=ROOT,
        env=child_environment(environment, kept),
        capture_output=True,
        text=True,
        timeout=REFUSED_WITHIN_S,
        check=False,
    )


def test_flower_is_strict_and_counts_failed_sign_ins(composition: Composition) -> None:
    """The last of its tests: this address is locked out then (tests/unit/ops/test_flower_security.py has several)."""
    url = f"http://127.0.0.1:{composition.ports['flower']}/flower/"
    wait_until(lambda: accepts(composition.ports["flower"]), "Flower answers")
    right, wrong = ("flower", PASSWORDS["HOLDFAST_FLOWER_PASSWORD"]), ("flower", "wrong")
    page = httpx.get(url, auth=right)
    assert page.status_code == 200
    assert "Server" not in page.headers
    assert {name: page.headers[name] for name in flower_security.HEADERS} == flower_security.HEADERS
    assert all("HttpOnly" in one and "SameSite=Strict" in one for one in page.headers.get_list("Set-Cookie"))
    for _ in range(flower_security.FAILURES_MAX):
        assert httpx.get(url).status_code == 401, "who sends no password has not failed"
    paths = ("", "api/workers") * (flower_security.FAILURES_MAX // 2)
    told = [httpx.get(url + path, auth=wrong).status_code for path in paths]
    assert told.count(401) in {flower_security.FAILURES_MAX, flower_security.FAILURES_MAX - 1}, (
        "the test before failed once too"
    )
    for path in ("", "api/workers"):
        refused = httpx.get(url + path, auth=right)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= flower_security.WINDOW_S
