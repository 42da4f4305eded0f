"""Every process says which release it is when it starts."""

from __future__ import annotations

import json

from core.release import VERSION, commit
from tests.support.processes.stack import Stack


def test_each_process_logs_version_and_commit_at_its_start(stack: Stack) -> None:
    for server in stack.servers:
        lines = [json.loads(line) for line in server.log.splitlines() if '"this release starts"' in line]
        told = {(one["version"], one["commit"]) for one in lines}  # once for each time that a test started it
        assert told == {(VERSION, commit())}, server.name
