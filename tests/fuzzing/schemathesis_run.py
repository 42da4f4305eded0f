"""One run of schemathesis for each caller, against a stack that is made for it and thrown away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from api.openapi.document import operation_id
from api.openapi.security import rule_of
from api.route_rules import Rule, allows
from core.identity.principals import PrincipalKind
from ops.embedded.environment import ROOT
from tests.fuzzing.known_rows import add_known_rows
from tests.support.conformance.answers import Heard
from tests.support.conformance.description import served
from tests.support.payments.payer import StripeServer
from tests.support.processes.stack import Stack

CALLERS: Mapping[str, PrincipalKind] = {
    "anonymous": PrincipalKind.ANONYMOUS,
    "agent": PrincipalKind.AGENT,
    "user": PrincipalKind.USER,
    "staff": PrincipalKind.SUPERUSER,
}
"""Staff come last: they change what the others need."""
RUN_MAX_S = 3600.0
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
    heard: Heard
    """What the API answered, as `tests.support.conformance.answers` keeps it."""

    def __str__(self) -> str:
        found = f"{len(self.failures)} failures" if self.failures else "no failure"
        return f"schemathesis as {self.caller}: {self.cases} cases over {self.operations} operations, {found}"


def environment(stripe: StripeServer) -> dict[str, str]:
    """What the stack needs to be fuzzed."""
    return {**UNLIMITED, **stripe.environment()}


def fuzz(stack: Stack, caller: str, folder: Path, *options: str) -> Run:
    """Run every check as `caller` over the routes that let it in; `options` are schemathesis's own."""
    add_known_rows(stack)
    report, heard = folder / f"{caller}.json", folder / f"{caller}-heard.json"
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG),
        "run", f"{stack.api_url}/api/schema/", "--report", "json", "--report-json-path", str(report),
        *_reached_by(CALLERS[caller]), *options,
    ]  # fmt: skip
    variables = {
        **os.environ,
        **stack.full_environment(),
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks",
        "HOLDFAST_FUZZ_AS": caller,
        "HOLDFAST_FUZZ_HEARD": str(heard),
    }
    done = subprocess.run(
        command, env=variables, cwd=folder, capture_output=True, text=True, check=False, timeout=RUN_MAX_S
    )
    if not report.exists():
        raise AssertionError(f"schemathesis as {caller} told nothing:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return _read(caller, msgspec.json.decode(report.read_bytes()), done.stdout, msgspec.json.decode(heard.read_bytes()))


def _reached_by(kind: PrincipalKind) -> Iterator[str]:
    """Who is turned away at the door finds nothing behind it: tests/unit/accounts/test_roles.py holds the doors."""
    for route in served():
        rule = rule_of(route)
        if allows(rule, kind, public_writes=True) and (rule is not Rule.SIGN_IN or kind is not PrincipalKind.AGENT):
            yield from ("--include-operation-id", operation_id(route))


def _read(caller: str, told: Any, log: str, heard: Heard) -> Run:
    failures = [_named(one) for one in [*told["failures"], *told["errors"]]]
    return Run(caller, told["test_cases"]["generated"], told["operations"]["tested"], failures, log, heard)


def _named(failure: Any) -> str:
    where = failure.get("operations") or [failure.get("operation", "")]
    return f"{failure['title']}: {', '.join(where)}"
