"""Serves a process's metrics to Prometheus, on a port of its own and in a thread of its own."""

from __future__ import annotations

import threading
import time

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from core.settings import Settings

log = structlog.get_logger()

BIND_AGAIN_S = 2.0


def serve_metrics(settings: Settings, registry: CollectorRegistry) -> None:
    """Does nothing without a port. A port in use stops no bookings: it is tried again until it is free."""
    if settings.metrics_port is None:
        return
    port, host = settings.metrics_port, settings.metrics_host
    threading.Thread(target=_serve, args=(port, host, registry), name="metrics", daemon=True).start()


def _serve(port: int, host: str, registry: CollectorRegistry) -> None:
    failed = False
    while True:
        try:
            start_http_server(port, host, registry)
        except OSError as problem:
            if not failed:
                log.warning("metrics cannot be served, trying again", host=host, port=port, problem=repr(problem))
            failed = True
            time.sleep(BIND_AGAIN_S)
        else:
            log.info("metrics are served", host=host, port=port)
            return
