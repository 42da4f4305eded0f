"""gunicorn's settings, from ours."""

from __future__ import annotations

import sys
from typing import Any

from api.server.gunicorn_worker import exit_on_signal
from core import garbage_collector
from core.configuration import secret_settings
from core.logs import configure
from core.metrics import shared_files
from core.metrics.scrape_server import serve_metrics
from core.settings import SettingsError, from_environment
from core.startup import refuse_unusable_stores

garbage_collector.end_quickly()
try:
    _settings = from_environment(asks=secret_settings.API)
except SettingsError as problem:
    sys.exit(f"holdfast: {problem}")
configure(_settings.log_level, "api")
refuse_unusable_stores(_settings)

bind = [_settings.api_bind]
workers = _settings.api_processes
worker_class = "api.server.gunicorn_worker.Worker"
asgi_lifespan = "on"
worker_connections = 4096
backlog = 4096
keepalive = 75  # longer than the front door's (ops/Caddyfile), which must not send into a closing connection
timeout = 30
graceful_timeout = 10  # longer than any statement: requests do not wait for outcomes then (gunicorn_worker.py)
control_socket_disable = True  # its path is fixed below the home folder: two stacks would share it
accesslog = None  # the middleware logs requests, with their ids
errorlog = "-"
loglevel = "warning"
proc_name = "holdfast-api"
forwarded_allow_ips = "127.0.0.1,::1"


def on_starting(_server: Any) -> None:
    """The workers count, and this process serves the sums."""
    garbage_collector.settle()  # else a worker's own settling writes into every page that it shares
    if _settings.metrics_port is not None:
        serve_metrics(_settings, shared_files.share())


def post_fork(server: Any, _worker: Any) -> None:
    exit_on_signal(server)
    shared_files.take_place()


def post_worker_init(_worker: Any) -> None:
    garbage_collector.settle()
