"""A process that has finished its work is gone: its end costs next to no processor time, however busy the machine is."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.processes.servers import Server
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MOST_S = 0.15
"""Of processor time, for each process of a tree. Taking the modules apart took 0.3 to 0.6 s: with others that wanted
both cores a lane worker, which had handed over its lanes within one second, needed 15 s for that."""


def test_no_process_spends_processor_time_on_its_end(breakable_stack: Stack) -> None:
    before = {server.name: _spent_s(server.pid) for server in breakable_stack.servers}
    for server in breakable_stack.servers:
        server.child.ask_to_stop()
    spent_s = {
        server.name: _spent_at_the_end_s(server) - sum(before[server.name]) for server in breakable_stack.servers
    }
    too_much = {name: spent for name, spent in spent_s.items() if spent > MOST_S * len(before[name])}
    assert not too_much, spent_s
    assert {server.terminate() for server in breakable_stack.servers} == {0}


def _spent_s(pid: int) -> list[float]:
    """Of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [_seconds(int(one)) for one in (str(pid), *children)]


def _spent_at_the_end_s(server: Server) -> float:
    """With all children that it waited for. Once it has ended, and before anybody has waited for it."""
    ends = os.WEXITED | os.WNOWAIT | os.WNOHANG
    wait_until(lambda: os.waitid(os.P_PID, server.pid, ends) is not None, f"{server.name} has ended")
    return _seconds(server.pid)


def _seconds(pid: int) -> float:
    """Its own processor time and that of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S
