"""Keeps programs running: starts again what dies, and ends all of them in order."""

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
"""A program that has been up for so long runs well, and earlier failures are forgotten. Without a probe it counts as up
from its start, once it has lasted so long."""
LOGS_EVERY_S = 10.0
TELL_AFTER_S = 3.0
_POLL_S = 0.02


@dataclass(slots=True)
class SupervisedProgram:
    """A program's place, whoever fills it at the moment."""

    program: Program
    stage: Stage
    child: Child
    answers: Probe | None
    """A probe: whether it has started well; None if there is none."""
    failures: int = 0
    """Ends in a row, each of a start that failed or did not run well for long: they make the pauses grow."""
    short_runs: int = 0
    """Those of them that had come up. Once a start comes up, the failed ones before it are forgotten."""
    up_since: float | None = None
    start_at: float | None = None
    """When to start again; None while it runs."""

    def look(self, now: float) -> None:
        """Has it come up, and has it run well for long enough?"""
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
        return [post.child for post in self.programs_by_name.values() if post.child.exit_code() is not None]

    def restart_ended(self) -> None:
        """Restart what has died, after growing pauses while it does not run well."""
        now = time.monotonic()
        for post in self.programs_by_name.values():
            if post.child.exit_code() is None:
                post.look(now)
                continue
            if post.start_at is None:
                self._schedule(post, now)
            elif now >= post.start_at:
                post.start()
                self.say(f"{post.program.name} was started again.")
                self._write_record()
        if now - self._logs_cut_at > LOGS_EVERY_S:
            self._logs_cut_at = now
            for post in self.programs_by_name.values():
                truncate_log(post.program.log)

    def _schedule(self, post: SupervisedProgram, now: float) -> None:
        pause_s = post.end(now)
        self.say(f"{post.program.name} ended ({describe_exit(post.child)}); it starts again in {pause_s:g} s.")

    def stop_all(self, hurry: Callable[[], bool]) -> None:
        """Stage by stage, from the front door to the stores; all at once when there is a hurry."""
        for stage in sorted(Stage, reverse=True):
            children = [post.child for post in self.programs_by_name.values() if post.stage is stage]
            for child in children:
                child.ask_to_stop()
            self._wait_for(children, hurry)
        self.programs_by_name.clear()
        self.record.unlink(missing_ok=True)

    def _wait_for(self, children: list[Child], hurry: Callable[[], bool]) -> None:
        began = time.monotonic()
        hurried = told = False
        while waiting := [child for child in children if child.exit_code() is None]:
            waited_s = time.monotonic() - began
            if hurry() and not hurried:
                hurried = True
                for child in waiting:
                    child.signal(child.program.fast_signal)
            if waited_s > TELL_AFTER_S and not told:
                told = True
                self.say(f"Waiting for {', '.join(child.name for child in waiting)} to finish.")
            for child in waiting:
                if waited_s > child.program.stop_timeout_s:
                    child.kill()
            time.sleep(_POLL_S)

    def _write_record(self) -> None:
        write_record(self.record, self.mark, [post.child for post in self.programs_by_name.values()])


def describe_exit(child: Child) -> str:
    """In a person's words: `exit code 1`, `signal SIGKILL`."""
    code = child.exit_code()
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
