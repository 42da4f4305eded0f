"""Health checks: a bare Python asks over a socket or HTTP, and the process answers in one line."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.health_socket import Checks, answer_checks, answer_to
from core.settings import Settings
from core.store.pulse import CANARY_FRESH_S, LANE_LAG_MAX_S, PAYMENTS_LAG_MAX_S, Pulse
from ops.processes import APPLICATION, HEALTH_SOCKET, Process
from tests.support.pages import ROOT
from tests.support.processes.servers import settings_for

PROBE = ROOT / "ops" / "health_probe.py"


def _well() -> str | None:
    return None


def _ill() -> str | None:
    return "no canary decided\nfor ever"


def _broken() -> str | None:
    raise RuntimeError("it cannot even ask")


@pytest.fixture
def serve(tmp_path: Path) -> Callable[[Checks], str]:
    """Answers such checks on a socket, whose path it returns."""
    path = str(tmp_path / "health.sock")

    def begin(checks: Checks) -> str:
        answer_checks(_settings(path), checks)
        return path

    return begin


def _settings(path: str) -> Settings:
    return dataclasses.replace(settings_for("postgresql://localhost/none", "redis://localhost/0"), health_socket=path)


def probe(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", "-S", str(PROBE), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_a_process_that_is_well_passes(serve: Callable[[Checks], str]) -> None:
    path = serve(Checks(alive=_well, ready=_well))
    for words in ((path,), (path, "ready"), (path, "alive")):
        said = probe(*words)
        assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_what_is_wrong_is_one_sentence_and_a_restart_is_not_asked_for(serve: Callable[[Checks], str]) -> None:
    path = serve(Checks(alive=_well, ready=_ill))
    said = probe(path)
    assert (said.returncode, said.stderr) == (1, "holdfast: no canary decided for ever\n")
    assert probe(path, "alive").returncode == 0


def test_a_process_that_took_over_from_a_dead_one_answers(serve: Callable[[Checks], str]) -> None:
    serve(Checks(alive=_ill, ready=_ill))
    assert probe(serve(Checks(alive=_well, ready=_well))).returncode == 0


def test_a_check_that_fails_itself_is_a_problem_and_the_next_is_answered() -> None:
    checks = Checks(alive=_well, ready=_broken)
    assert answer_to("ready", checks) == "the check failed: RuntimeError('it cannot even ask')"
    assert answer_to("alive", checks) == "ok"
    assert answer_to("", checks) == answer_to("both", checks) == "the question is neither alive nor ready"


def test_somebody_who_asks_nothing_does_not_keep_the_next_waiting(serve: Callable[[Checks], str]) -> None:
    path = serve(Checks(alive=_well, ready=_well))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(path)
        assert probe(path).returncode == 0
    with socket.socket(socket.AF_UNIX) as gone:
        gone.connect(path)
    assert probe(path).returncode == 0


def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    said = probe(str(tmp_path / "none.sock"))
    assert said.returncode == 1
    assert said.stderr == f"holdfast: {tmp_path / 'none.sock'} does not answer: [Errno 2] No such file or directory\n"


@contextlib.contextmanager
def _http(answer: bytes) -> Iterator[str]:
    """Somebody who answers every request so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/readyz"
        thread.join(10)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{}", ""),
        (b'HTTP/1.1 503 Service Unavailable\r\n\r\n{"down": ["redis"]}', 'answers 503: {"down": ["redis"]}'),
        (b"", "answers nothing: "),
    ],
    ids=["200", "503", "nothing"],
)
def test_what_a_url_answers_decides(answer: bytes, problem: str) -> None:
    with _http(answer) as url:
        said = probe(url)
    assert said.returncode == (1 if problem else 0)
    assert said.stderr == (f"holdfast: {url} {problem}\n" if problem else "")


def test_the_probe_imports_no_more_than_it_must() -> None:
    """It runs every half minute in every container: a bare start of Python is all that it may cost."""
    imports = [node for node in ast.walk(ast.parse(PROBE.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {name.name for node in imports for name in node.names} == {"socket", "sys"}


@pytest.mark.parametrize("process", APPLICATION, ids=lambda process: process.name)
def test_every_process_is_asked_by_the_probe(process: Process) -> None:
    assert process.health[:4] == ("python", "-I", "-S", str(PROBE.relative_to(ROOT)))
    target = process.health[4]
    if target == HEALTH_SOCKET:
        assert process.settings["HOLDFAST_HEALTH_SOCKET"] == HEALTH_SOCKET
    else:
        assert target.startswith(f"http://127.0.0.1:{process.port}/")


def test_a_worker_is_well_while_canaries_are_decided_and_nothing_waits_long() -> None:
    fresh, stale = CANARY_FRESH_S - 1, CANARY_FRESH_S + 1
    assert Pulse(fresh, None, 0.0).lanes_problem() is None
    assert Pulse(stale, fresh, 0.0).lanes_problem() == "no canary decided for 21 s"
    assert Pulse(None, fresh, 0.0).lanes_problem() == "no canary decided for ever"
    assert Pulse(fresh, fresh, LANE_LAG_MAX_S + 1).lanes_problem() == "a command has waited for 16 s"
    late = Pulse(fresh, fresh, 0.0, payments_lag_s=PAYMENTS_LAG_MAX_S + 1)
    assert late.payments_problem() == "a payment has waited for 31 s"
    assert late.lanes_problem() is None
    waiting = Pulse(fresh, fresh, 0.0, payments_circuit_is_open=True, payments_lag_s=PAYMENTS_LAG_MAX_S + 1)
    assert waiting.payments_problem() is None, "while Stripe does not answer, waiting is right"


def test_the_notifier_is_well_while_it_hears_canaries() -> None:
    assert Pulse(None, CANARY_FRESH_S - 1, 0.0).notifier_problem() is None
    assert Pulse(0.0, None, 0.0).notifier_problem() == "no canary heard for ever"
    assert Pulse(0.0, CANARY_FRESH_S + 1, 0.0).notifier_problem() == "no canary heard for 21 s"
