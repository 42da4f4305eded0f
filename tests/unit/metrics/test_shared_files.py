"""Children count, their parent serves the sums: whatever becomes of a child, no count is lost and no gauge stays."""

from __future__ import annotations

import subprocess
import sys

from ops.embedded.environment import ROOT

FAMILY = """
import os, signal, sys
from prometheus_client import generate_latest
from core.metrics import shared_files
from core.metrics.definitions import DECIDED, MAILS_WAITING
from core.metrics.meter import Meter

registry = shared_files.share()

def child(number):
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        shared_files.take_place()
        meter = Meter()
        meter.counter(DECIDED).labels("place", "succeeded").inc(number)
        meter.gauge(MAILS_WAITING).set(number)
        os.write(done, b"x")
        signal.pause()
    os.read(ready, 1)
    return pid

def end(pid, how):
    os.kill(pid, how)
    os.waitpid(pid, 0)

def show():
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    print(*sorted(line.rsplit(" ", 1)[1] for line in lines))

children = [child(number) for number in (1, 10, 100)]
show()
end(children[1], signal.SIGKILL)
show()
children[1] = child(1000)
show()
for _ in range(5):
    end(children[1], signal.SIGKILL)
    children[1] = child(0)
print(len([name for name in os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]) if name.endswith(".db")]))
for one in children:
    end(one, signal.SIGTERM)
show()
print(os.environ["PROMETHEUS_MULTIPROC_DIR"])
"""


def test_a_child_that_is_killed_leaves_its_counts_and_no_gauge() -> None:
    run = subprocess.run(
        [sys.executable, "-c", FAMILY],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    together, after_the_kill, with_another, files, at_the_end, folder = run.stdout.splitlines()
    assert together == "111.0 111.0"
    assert after_the_kill == "101.0 111.0", "the gauge without the dead child's 10, the counter with it"
    assert with_another == "1101.0 1111.0"
    assert int(files) == 3 * 2, "a child takes the place of a dead one, and its files"
    assert at_the_end == "1111.0"
    assert subprocess.run(["test", "-e", folder], check=False).returncode == 1
