"""What a worker is beside Celery: the servers' and the sweeps' tasks, and what happens as it starts, forks and ends."""

from __future__ import annotations

from typing import Any

from celery import Celery, signals

from core import garbage_collector
from core.metrics import shared_files
from core.settings import Settings
from core.tracing import process as tracing
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


def set_up(app: Celery, settings: Settings) -> None:
    app.steps["worker"].add(shutdown.AskServersToEnd)
    for part in (lane_server, relay_server, payment_server, delivery_server, sweep_tasks):
        part.register(app, settings)
    _follow_its_life(app, settings)


def _follow_its_life(app: Celery, settings: Settings) -> None:
    def before_fork(sender: Any, **_: Any) -> None:
        shutdown.prepare()
        metrics.begin(settings, sender)
        if metrics.forks(sender):
            garbage_collector.settle()  # else a child's own settling writes into every page that it shares
        else:
            tracing.start(settings.traces, _named(sender))

    def after_fork(**_: Any) -> None:
        shared_files.take_place()
        tracing.start(settings.traces, LANES)  # the one group that is served by children
        garbage_collector.settle()

    def ready(sender: Any, **_: Any) -> None:
        health.of_worker(app, settings, sender.hostname)
        if DELIVERIES in app.amqp.queues.consume_from:
            delivery_server.call_once(app)

    signals.worker_init.connect(before_fork, weak=False)
    signals.worker_process_init.connect(after_fork, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(_on_shutdown)
    signals.worker_process_shutdown.connect(_at_the_end)
    signals.worker_shutdown.connect(_at_the_end)


def _on_shutdown(**_: Any) -> None:
    shutdown.ask()


def _at_the_end(**_: Any) -> None:
    tracing.stop()


def _named(worker: Any) -> str:
    """As `ops/processes.py` names its process: `sweeps@host` is sweeps."""
    return str(worker.hostname).partition("@")[0]
