"""Tracing of one process, from its start to its stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from core.settings import Traces
from core.tracing import spans

if TYPE_CHECKING:
    from core.tracing.otlp import OtlpExporter

log = structlog.get_logger()


class _Process:
    exporter: OtlpExporter | None = None


def start(traces: Traces | None, process: str) -> None:
    """Call once in each process, after the fork. `process` is api, lanes, ... Does nothing where no endpoint is set."""
    if traces is None or _Process.exporter is not None:
        return
    from core.tracing.otlp import OtlpExporter  # noqa: PLC0415 - costs a quarter of a second, and nothing where it is off

    _Process.exporter = OtlpExporter(traces, process)
    spans.export_with(_Process.exporter)
    log.info("requests are traced", endpoint=traces.endpoint, ratio=traces.ratio)


def stop() -> None:
    """Send what is left, for a second at most."""
    exporter, _Process.exporter = _Process.exporter, None
    spans.export_with(None)
    if exporter is not None:
        exporter.close()
