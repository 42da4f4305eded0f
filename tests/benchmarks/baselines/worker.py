"""The entry of the per-command pipeline's worker: `celery -A tests.benchmarks.baselines.worker worker`."""

from __future__ import annotations

from tests.benchmarks.baselines.per_command import worker

app = worker()
