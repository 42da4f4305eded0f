"""The entry of every Celery process that works: `celery -A workers.app worker|beat`."""

from __future__ import annotations

import sys
from typing import Any

from celery import signals

from core import garbage_collector
from core.configuration import secret_settings
from core.logs import configure
from core.metrics import shared_files
from core.settings import SettingsError, from_environment
from core.startup import refuse_unusable_stores
from core.tracing import process as tracing
from core.wakeup.broker import celery_app
from core.wakeup.keys import DELIVERIES, LANES
from workers import (
    delivery_server,
    health,
    lane_server,
    metrics,
    payment_server,
    relay_server,
    shutdown,
    sweep_tasks,
)

garbage_collector.end_quickly()
try:
    settings = from_environment(asks=secret_settings.of_worker(sys.argv))
except SettingsError as problem:
    sys.exit(f"holdfast: {problem}")

app = celery_app(settings.redis_url, settings.redis_keys.prefix)
app.steps["worker"].add(shutdown.AskServersToEnd)
lane_server.register(app, settings)
relay_server.register(app, settings)
payment_server.register(app, settings)
delivery_server.register(app, settings)
sweep_tasks.register(app, settings)


@signals.celeryd_init.connect  # a worker warns before it sets up its logging
@signals.setup_logging.connect
def _log_as_json(**_: Any) -> None:
    configure(settings.log_level, "workers")


@signals.celeryd_init.connect
@signals.beat_init.connect
def _refuse_unusable_stores(**_: Any) -> None:
    refuse_unusable_stores(settings)


@signals.worker_ready.connect
def _answer_checks(sender: Any, **_: Any) -> None:
    health.of_worker(app, settings, sender.hostname)
    if DELIVERIES in app.amqp.queues.consume_from:
        delivery_server.call_once(app)


@signals.beat_init.connect
def _answer_checks_of_beat(**_: Any) -> None:
    health.of_beat(settings)


@signals.worker_init.connect
def _before_fork(sender: Any, **_: Any) -> None:
    shutdown.prepare()
    metrics.begin(settings, sender)
    if not metrics.forks(sender):
        tracing.start(settings.traces, _named(sender))


@signals.worker_process_init.connect
def _after_fork(**_: Any) -> None:
    shared_files.take_place()
    tracing.start(settings.traces, LANES)  # the one group that is served by children
    garbage_collector.settle()


@signals.worker_shutting_down.connect
def _on_shutdown(**_: Any) -> None:
    shutdown.ask()


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def _at_the_end(**_: Any) -> None:
    tracing.stop()


def _named(worker: Any) -> str:
    """As `ops/processes.py` names its process: `sweeps@host` is sweeps."""
    return str(worker.hostname).partition("@")[0]
