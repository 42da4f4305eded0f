"""Without an endpoint no process imports anything of OpenTelemetry."""

from __future__ import annotations

import json
import subprocess
import sys

from ops.embedded.environment import ROOT, child_environment
from tests.support.processes.servers import stack_environment

STARTS = """
import json, sys
import api.app, notifier.__main__, ops.cli.application, workers.app
from core.settings import from_environment
from core.tracing import process
def loaded():
    return [name for name in sys.modules if name.startswith(("opentelemetry", "google.protobuf"))]
settings = from_environment()
api.app.create_app(settings)
process.start(settings.traces, "tests")
off = loaded()
process.start(from_environment({**__import__("os").environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}).traces, "tests")
on = loaded()
process.stop()
print(json.dumps([off, on]))
"""
"""What each of our processes imports and does at its start: first without an endpoint, then with one."""


def test_opentelemetry_is_imported_only_where_it_is_used() -> None:
    settings = stack_environment("postgresql://localhost/none", "redis://localhost:6379/0")
    words = [sys.executable, "-W", "ignore", "-c", STARTS]
    done = subprocess.run(
        words, cwd=ROOT, env=child_environment(settings, {}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    off, on = json.loads(done.stdout.splitlines()[-1])
    assert off == []
    assert {"opentelemetry.sdk.trace", "opentelemetry.proto"} <= set(on)
