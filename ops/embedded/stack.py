"""The embedded stack: `make run`. Starts everything in order, proves it with a canary, and keeps it running."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from types import FrameType

import psycopg

from core.engine.sweep import send_canary
from core.settings import SettingsError, from_environment
from core.store.connections.database import connect_lane, database_now
from ops import ports, probes
from ops.embedded import welcome
from ops.embedded.child import Child
from ops.embedded.data_folder import DataFolder, DataFolderError
from ops.embedded.leftovers import end_leftovers
from ops.embedded.programs import Programs
from ops.embedded.supervisor import Probe, Supervisor, describe_exit
from ops.pages import publish
from ops.processes import FLOWER, Process, Stage

START_TIMEOUT_S = 120.0
"""Generous: the first start of a slow machine. Fifteen seconds are usual."""
SUPERVISE_EVERY_S = 0.25
_POLL_S = 0.05

STAGE_WORDS = {"lanes": "the lane workers", "notifier": "the relay (sweeps) or the notifier"}


class StartError(Exception):
    """The stack does not come up; the message says which part, and shows the end of its log."""


class Interrupted(Exception):  # noqa: N818 - not an error: the person asked
    """Somebody asked to stop."""


class EmbeddedStack:
    def __init__(self, data_folder: DataFolder, port: int, listen_addresses: Sequence[str]) -> None:
        """`listen_addresses`: those on which the front door listens. Everything else is on 127.0.0.1."""
        self._data_folder = data_folder
        self._port = port
        self._listen_addresses = listen_addresses
        self._asked_to_stop = 0
        self._began = time.monotonic()
        self._supervisor = Supervisor(data_folder.record, "", self._say)
        self._demo_week: Child | None = None

    def run(self) -> int:
        """Until somebody asks to stop; the exit code."""
        self._data_folder.prepare()
        self._data_folder.lock(f"http://localhost:{self._port}")
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(which, self._on_signal)
        try:
            self._start()
            while True:
                self._supervisor.restart_ended()
                self._look_at_demo_week()
                self._pause(SUPERVISE_EVERY_S)
        except Interrupted:
            return 0
        finally:
            self._stop()
            self._data_folder.unlock()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop += 1

    def _pause(self, seconds: float) -> None:
        if self._asked_to_stop:
            raise Interrupted
        time.sleep(seconds)

    def _start(self) -> None:
        for name in end_leftovers(self._data_folder.record):
            self._say(f"Ended {name}, left over from a start that crashed.")
        self._data_folder.empty_temporary()
        programs = self._checked()
        self._supervisor.mark = self._data_folder.secret("mark")
        self._start_stores(programs)
        self._migrate(programs)
        since = self._send_canary(programs)
        self._start_application(programs)
        self._await_canary(programs, since)
        welcome.ready(programs, time.monotonic() - self._began)
        if programs.has_demo_week:
            self._demo_week = Child(programs.demo_week())

    def _look_at_demo_week(self) -> None:
        """It is booked beside the running stack, which its failure does not end."""
        if self._demo_week is not None and self._demo_week.exit_code() is not None:
            self._say(self._demo_week.tail(1))
            self._demo_week = None

    def _checked(self) -> Programs:
        """What is to be started, if it can be. A first start that is refused leaves no folder."""
        try:
            self._check_addresses()
            programs = Programs(self._data_folder, self._port, self._data_folder.ports(), self._listen_addresses)
            self._check_demo(programs)
            from_environment(programs.environment())  # a setting that nobody can use
        except (DataFolderError, SettingsError):
            self._data_folder.forget()
            raise
        return programs

    def _check_demo(self, programs: Programs) -> None:
        if programs.is_demo and not self._data_folder.is_demo:
            raise DataFolderError(
                f"{self._data_folder.folder} is no demo. Start it without HOLDFAST_DEMO=1, "
                "or start the demo on another folder with DATA=."
            )

    def _check_addresses(self) -> None:
        for host in self._listen_addresses:
            if not ports.is_free(0, host):
                raise DataFolderError(f"This machine has no address {host}. Choose another one with HOST=.")
            if not ports.is_free(self._port, host):
                words = "Stop what uses it, or choose another one with PORT=."
                raise DataFolderError(f"Port {self._port} is taken. {words}")

    def _start_stores(self, programs: Programs) -> None:
        postgres, valkey = programs.postgres, programs.valkey
        if not postgres.data.exists():
            self._say("Creating the database cluster.")
        postgres.create()
        logs = self._data_folder.logs
        pending: dict[str, tuple[str, Probe]] = {
            "postgres": ("PostgreSQL 18", postgres.answers),
            "valkey": ("Valkey", valkey.answers),
            "caddy": ("front door (Caddy)", lambda: ports.accepts(self._port)),
        }
        self._supervisor.start(postgres.program(logs / "postgres.log"), Stage.STORES, postgres.answers)
        self._supervisor.start(valkey.program(logs / "valkey.log"), Stage.STORES, valkey.answers)
        publish(programs.pages)
        self._supervisor.start(programs.caddy(), Stage.FRONT, pending["caddy"][1])
        self._await_all(pending)
        postgres.create_database()

    def _migrate(self, programs: Programs) -> None:
        began = time.monotonic()
        child = Child(programs.migrate())
        try:
            while child.exit_code() is None:
                self._pause(_POLL_S)
        finally:
            child.kill()
        if child.exit_code() != 0:
            raise StartError(_with_log("migrate failed", child))
        if not programs.is_demo:
            self._data_folder.end_demo()
        self._progress("migrate", "schema and demo data" if programs.is_demo else "schema", time.monotonic() - began)

    def _send_canary(self, programs: Programs) -> datetime:
        url = programs.postgres.application_url()
        with connect_lane(url, "holdfast start") as connection:
            since = database_now(connection)
            send_canary(connection, int(time.time()))
        return since

    def _start_application(self, programs: Programs) -> None:
        pending: dict[str, tuple[str, Probe]] = {}
        if programs.has_own_stripe:
            self._supervisor.start(programs.stripe(), Stage.FRONT)
            pending["stripe"] = ("localstripe, in Stripe's place", lambda: True)  # bookings go on without it
        for process in programs.processes():
            for instance in process.instances():
                answers = _probe(process, programs)
                self._supervisor.start(programs.application(process, instance), process.stage, answers)
                pending[instance] = (process.what, answers or _nothing_to_ask)
        self._await_all(pending)

    def _await_all(self, pending: dict[str, tuple[str, Probe]]) -> None:
        """Until every probe is true, printing a line for each."""
        began = time.monotonic()
        while pending:
            self._look_at_the_dead()
            for name, (what, answers) in list(pending.items()):
                if answers():
                    del pending[name]
                    self._progress(name, what, time.monotonic() - began)
            if time.monotonic() - began > START_TIMEOUT_S:
                name = next(iter(pending))
                raise StartError(_with_log(f"{name} does not answer", self._supervisor.programs_by_name[name].child))
            self._pause(_POLL_S)

    def _await_canary(self, programs: Programs, since: datetime) -> None:
        """Through inbox, lane, relay and notifier, and only then what `/readyz` says at the front door."""
        began = time.monotonic()
        heard: set[str] = set()
        while True:
            self._look_at_the_dead()
            with suppress(psycopg.OperationalError):
                heard = probes.canary_stages(programs.postgres.application_url(), since)
            if heard >= set(STAGE_WORDS):
                answer = probes.get(f"http://127.0.0.1:{self._port}/readyz")
                if answer.status == 200:  # noqa: PLR2004 - HTTP's OK
                    break
            if time.monotonic() - began > START_TIMEOUT_S:
                raise StartError(self._what_is_down(heard))
            self._pause(_POLL_S)
        self._progress("canary", "through inbox, lane, relay and notifier", time.monotonic() - began)

    def _what_is_down(self, heard: set[str]) -> str:
        missing = next((stage for stage in STAGE_WORDS if stage not in heard), None)
        if missing is None:
            return _with_log("The front door's /readyz is not ready", self._supervisor.programs_by_name["api"].child)
        culprit = {"lanes": "lanes-1", "notifier": "notifier"}[missing]
        sentence = f"The canary did not get through: {STAGE_WORDS[missing]} did not answer"
        return _with_log(sentence, self._supervisor.programs_by_name[culprit].child)

    def _look_at_the_dead(self) -> None:
        for child in self._supervisor.dead():
            raise StartError(_with_log(f"{child.name} ended while starting ({describe_exit(child)})", child))

    def _stop(self) -> None:
        if not self._supervisor.programs_by_name:
            return
        if self._demo_week is not None:
            self._demo_week.kill()
        asked_before = self._asked_to_stop
        self._say("Stopping. Ctrl-C again makes it faster.")
        began = time.monotonic()
        self._supervisor.stop_all(lambda: self._asked_to_stop > max(1, asked_before))
        self._say(f"Everything has stopped ({time.monotonic() - began:.1f} s).")

    def _progress(self, name: str, what: str, seconds: float) -> None:
        self._say(f"  {name:<10} {what:<42} {seconds:5.1f} s")

    def _say(self, sentence: str) -> None:
        with suppress(OSError):  # nobody may be reading any more
            print(sentence, flush=True)


def _nothing_to_ask() -> bool:
    """Workers have nothing to knock at: the canary will prove them."""
    return True


def _probe(process: Process, programs: Programs) -> Probe | None:
    if process.port is None:
        return None
    port = programs.inner[process.name]
    if process is FLOWER:
        return lambda: probes.get(f"http://127.0.0.1:{port}/flower/healthcheck").status == 200  # noqa: PLR2004
    return lambda: ports.accepts(port)


def _with_log(sentence: str, child: Child) -> str:
    return f"{sentence}. The end of {child.program.log}:\n{child.tail()}"
