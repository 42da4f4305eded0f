"""One run of schemathesis for each caller, against a stack that is made for it and thrown away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ops.environment import ROOT
from tests.paying import StripeServer
from tests.stack import Stack

CALLERS = ("anonymous", "user", "staff")
CONFIG = ROOT / "tests" / "fuzzing" / "schemathesis.toml"
UNLIMITED = {
    "HOLDFAST_ANONYMOUS_WRITES_PER_MINUTE": "1000000",
    "HOLDFAST_REGISTRATIONS_PER_HOUR": "1000000",
    "HOLDFAST_SMTP_URL": "smtp://127.0.0.1:1",
    "HOLDFAST_LOG_LEVEL": "warning",
}
"""Limits that refuse everybody would be all that is tested; mail goes nowhere, but is set up."""


@dataclass(frozen=True)
class Run:
    """What one caller's run found."""

    caller: str
    cases: int
    operations: int
    failures: Sequence[str]
    log: str

    def __str__(self) -> str:
        found = f"{len(self.failures)} failures" if self.failures else "no failure"
        return f"schemathesis as {self.caller}: {self.cases} cases over {self.operations} operations, {found}"


def environment(stripe: StripeServer) -> dict[str, str]:
    """What the stack needs to be fuzzed."""
    return {**UNLIMITED, **stripe.environment()}


def fuzz(stack: Stack, caller: str, folder: Path, *options: str) -> Run:
    """Run every check as `caller`; `options` are schemathesis's own."""
    report = folder / f"{caller}.json"
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG),
        "run", f"{stack.api_url}/api/schema/", "--report", "json", "--report-json-path", str(report), *options,
    ]  # fmt: skip
    variables = {
        **os.environ,
        **stack.full_environment(),
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks",
        "HOLDFAST_FUZZ_AS": caller,
    }
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    if not report.exists():
        raise AssertionError(f"schemathesis as {caller} told nothing:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return _read(caller, msgspec.json.decode(report.read_bytes()), done.stdout)


def _read(caller: str, told: Any, log: str) -> Run:
    failures = [_named(one) for one in [*told["failures"], *told["errors"]]]
    return Run(caller, told["test_cases"]["generated"], told["operations"]["tested"], failures, log)


def _named(failure: Any) -> str:
    where = failure.get("operations") or [failure.get("operation", "")]
    return f"{failure['title']}: {', '.join(where)}"
