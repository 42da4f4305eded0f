"""Keeps programs running: starts again what dies, and ends all of them in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops.child import Child, Program, cut_log
from ops.leftovers import write_record
from ops.processes import Stage

Probe = Callable[[], bool]

BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 30.0
GOOD_AFTER_S = 5.0
"""A process without a probe has started well if it lasts so long. Earlier failures are then forgotten."""
LOGS_EVERY_S = 10.0
TELL_AFTER_S = 3.0
_POLL_S = 0.02


@dataclass(slots=True)
class Post:
    """A program's place, whoever fills it at the moment."""

    program: Program
    stage: Stage
    child: Child
    answers: Probe | None
    """A probe: whether it has started well; None if there is none."""
    failures: int = 0
    """Starts in a row that failed, including the end of the one before them."""
    start_at: float | None = None
    """When to start again; None while it runs."""

    def look(self, now: float) -> None:
        """Forget the failures once a start has succeeded."""
        if self.failures == 0 or self.child.exit_code() is not None:
            return
        if self.answers() if self.answers is not None else now - self.child.started_at > GOOD_AFTER_S:
            self.failures = 0


@dataclass(slots=True)
class Supervisor:
    record: Path
    mark: str
    say: Callable[[str], None]
    posts: dict[str, Post] = field(default_factory=dict)
    _logs_cut_at: float = 0.0

    def start(self, program: Program, stage: Stage, answers: Probe | None = None) -> Child:
        cut_log(program.log)
        child = Child(program)
        self.posts[program.name] = Post(program, stage, child, answers)
        self._write_record()
        return child

    def dead(self) -> list[Child]:
        return [post.child for post in self.posts.values() if post.child.exit_code() is not None]

    def tend(self) -> None:
        """Restart what has died, with growing delays as long as no start succeeds."""
        now = time.monotonic()
        for post in self.posts.values():
            if post.child.exit_code() is None:
                post.look(now)
                continue
            if post.start_at is None:
                self._schedule(post, now)
            elif now >= post.start_at:
                post.child, post.start_at = Child(post.program), None
                self.say(f"{post.program.name} was started again.")
                self._write_record()
        if now - self._logs_cut_at > LOGS_EVERY_S:
            self._logs_cut_at = now
            for post in self.posts.values():
                cut_log(post.program.log)

    def _schedule(self, post: Post, now: float) -> None:
        delay_s = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2**post.failures)
        post.failures += 1
        post.start_at = now + delay_s
        self.say(f"{post.program.name} ended ({describe_exit(post.child)}); it starts again in {delay_s:g} s.")

    def stop_all(self, hurry: Callable[[], bool]) -> None:
        """Stage by stage, from the front door to the stores; all at once when there is a hurry."""
        for stage in sorted(Stage, reverse=True):
            children = [post.child for post in self.posts.values() if post.stage is stage]
            for child in children:
                child.ask_to_stop()
            self._wait_for(children, hurry)
        self.posts.clear()
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
        write_record(self.record, self.mark, [post.child for post in self.posts.values()])


def describe_exit(child: Child) -> str:
    """In a person's words: `exit code 1`, `signal SIGKILL`."""
    code = child.exit_code()
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
