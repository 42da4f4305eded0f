"""Keeps programs running: restarts what ends, and stops all of them in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops.embedded.child import Child, Program, truncate_log
from ops.embedded.leftovers import write_record
from ops.processes import Stage

Probe = Callable[[], bool]

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
STABLE_AFTER_S = 5.0
"""A program that has been up this long runs well, and its earlier failures are forgotten. Without a probe it counts as
up from its start, once it has lasted this long."""
LOGS_EVERY_S = 10.0
SAY_AFTER_S = 3.0
_POLL_S = 0.02


@dataclass(slots=True)
class SupervisedProgram:
    """A program, its present process, and when to start the next one."""

    program: Program
    stage: Stage
    child: Child
    answers: Probe | None
    """A probe: whether it has started well; None if there is none."""
    failures: int = 0
    """Ends in a row without a good run in between: each makes the next pause longer."""
    short_runs: int = 0
    """Those of them that had come up. Once it comes up, the failed starts before are forgotten."""
    up_since: float | None = None
    start_at: float | None = None
    """When to start again; None while it runs."""

    def look(self, now: float) -> None:
        """Note whether it has come up, and whether it has run well for long enough."""
        if self.up_since is None and self._has_come_up(now):
            self.up_since = now if self.answers is not None else self.child.started_at
            self.failures = self.short_runs
        if self._runs_well(now):
            self.failures = self.short_runs = 0

    def end(self, now: float) -> float:
        """Note that it has ended; the pause before it starts again, in seconds."""
        if self.up_since is not None:
            self.short_runs = 0 if self._runs_well(now) else self.short_runs + 1
        pause_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * float(2**self.failures))
        self.failures += 1
        self.start_at = now + pause_s
        return pause_s

    def start(self) -> None:
        self.child, self.start_at, self.up_since = Child(self.program), None, None

    def _has_come_up(self, now: float) -> bool:
        return self.answers() if self.answers is not None else now - self.child.started_at > STABLE_AFTER_S

    def _runs_well(self, now: float) -> bool:
        return self.up_since is not None and now - self.up_since >= STABLE_AFTER_S


@dataclass(slots=True)
class Supervisor:
    record: Path
    mark: str
    say: Callable[[str], None]
    programs_by_name: dict[str, SupervisedProgram] = field(default_factory=dict)
    _logs_cut_at: float = 0.0

    def start(self, program: Program, stage: Stage, answers: Probe | None = None) -> Child:
        truncate_log(program.log)
        child = Child(program)
        self.programs_by_name[program.name] = SupervisedProgram(program, stage, child, answers)
        self._write_record()
        return child

    def dead(self) -> list[Child]:
        return [
            supervised.child
            for supervised in self.programs_by_name.values()
            if supervised.child.exit_code() is not None
        ]

    def restart_ended(self) -> None:
        """Restart what has died, after growing pauses while it does not run well."""
        now = time.monotonic()
        for supervised in self.programs_by_name.values():
            if supervised.child.exit_code() is None:
                supervised.look(now)
                continue
            if supervised.start_at is None:
                self._schedule(supervised, now)
            elif now >= supervised.start_at:
                supervised.start()
                self.say(f"{supervised.program.name} was started again.")
                self._write_record()
        if now - self._logs_cut_at > LOGS_EVERY_S:
            self._logs_cut_at = now
            for supervised in self.programs_by_name.values():
                truncate_log(supervised.program.log)

    def _schedule(self, supervised: SupervisedProgram, now: float) -> None:
        pause_s = supervised.end(now)
        self.say(
            f"{supervised.program.name} ended ({describe_exit(supervised.child)}); it starts again in {pause_s:g} s."
        )

    def stop_all(self, hurry: Callable[[], bool]) -> None:
        """Stage by stage, from the front door to the stores; faster once `hurry()` is true."""
        for stage in sorted(Stage, reverse=True):
            children = [supervised.child for supervised in self.programs_by_name.values() if supervised.stage is stage]
            for child in children:
                child.ask_to_stop()
            self._wait_for(children, hurry)
        self.programs_by_name.clear()
        self.record.unlink(missing_ok=True)

    def _wait_for(self, children: list[Child], hurry: Callable[[], bool]) -> None:
        began = time.monotonic()
        hurried = said = False
        while waiting := [child for child in children if child.exit_code() is None]:
            waited_s = time.monotonic() - began
            if hurry() and not hurried:
                hurried = True
                for child in waiting:
                    child.signal(child.program.fast_signal)
            if waited_s > SAY_AFTER_S and not said:
                said = True
                self.say(f"Waiting for {', '.join(child.name for child in waiting)} to finish.")
            for child in waiting:
                if waited_s > child.program.stop_timeout_s:
                    child.kill()
            time.sleep(_POLL_S)

    def _write_record(self) -> None:
        write_record(self.record, self.mark, [supervised.child for supervised in self.programs_by_name.values()])


def describe_exit(child: Child) -> str:
    """In a person's words: `exit code 1`, `signal SIGKILL`."""
    code = child.exit_code()
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
