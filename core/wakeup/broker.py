"""The Celery application that all processes share: its queues, exchanges and schedule, declared once.

The broker only wakes workers up: no result is kept, nothing has
an eta, and every task may run twice or never (the sweep makes up for it).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import kombu
from celery import Celery
from celery.app.amqp import AMQP
from kombu import Exchange, Queue
from kombu.transport import redis as redis_transport

from core.configuration.values import redis_tls
from core.wakeup.keys import (
    DELIVERIES,
    LANES,
    PAYMENTS,
    RELAY,
    SERVE_DELIVERIES,
    SERVE_LANES,
    SERVE_PAYMENTS,
    SERVE_RELAY,
    SERVE_TASKS,
    SWEEP_CANARY,
    SWEEP_DUE,
    SWEEP_RING,
    SWEEP_TALLY,
    SWEEP_TIDY,
    SWEEPS,
)

EXCHANGE = Exchange("holdfast", type="direct", durable=True)
QUEUES = tuple(Queue(name, EXCHANGE, routing_key=name, durable=True) for name in (*SERVE_TASKS, SWEEPS))
ROUTES = {
    SERVE_LANES: {"queue": LANES},
    SERVE_RELAY: {"queue": RELAY},
    SERVE_PAYMENTS: {"queue": PAYMENTS},
    SERVE_DELIVERIES: {"queue": DELIVERIES},
    "holdfast.sweeps.*": {"queue": SWEEPS},
}

SWEEP_EVERY_S = 1.0
CANARY_EVERY_S = 5.0
TALLY_EVERY_S = 2.0
TIDY_EVERY_S = 60.0

SCHEDULE = {
    # A sweep that waited longer than its interval has been overtaken by the next one.
    "ring": {"task": SWEEP_RING, "schedule": SWEEP_EVERY_S, "options": {"expires": 2 * SWEEP_EVERY_S}},
    "due": {"task": SWEEP_DUE, "schedule": SWEEP_EVERY_S, "options": {"expires": 2 * SWEEP_EVERY_S}},
    "canary": {"task": SWEEP_CANARY, "schedule": CANARY_EVERY_S, "options": {"expires": CANARY_EVERY_S}},
    "tally": {"task": SWEEP_TALLY, "schedule": TALLY_EVERY_S, "options": {"expires": TALLY_EVERY_S}},
    "tidy": {"task": SWEEP_TIDY, "schedule": TIDY_EVERY_S, "options": {"expires": TIDY_EVERY_S}},
}


RECONNECT_FIRST_S = 0.5
RECONNECT_STEP_S = 0.5
RECONNECT_MOST_S = 2.0


class Connection(kombu.Connection):  # type: ignore[misc]  # kombu ships no types
    """Looks for a lost broker every two seconds. kombu's own waits longer each time, up to half a minute,
    and its worker would consume nothing meanwhile although the broker is back.
    """

    def _ensure_connection(
        self,
        errback: Any = None,
        max_retries: int | None = None,
        interval_start: float = RECONNECT_FIRST_S,
        interval_step: float = RECONNECT_STEP_S,
        interval_max: float = RECONNECT_MOST_S,
        *more: Any,
        **named: Any,
    ) -> Any:
        """kombu's, with other defaults."""
        return super()._ensure_connection(
            errback, max_retries, interval_start, interval_step, interval_max, *more, **named
        )

    def as_uri(self, *words: Any, **named: Any) -> str:
        """As kombu's, but an IPv6 address keeps its brackets, so that the result can be parsed again."""
        uri = str(super().as_uri(*words, **named))
        host = str(self.hostname or "")
        return uri.replace(quote(host, safe=""), f"[{host}]", 1) if ":" in host and "://" not in host else uri


class _Amqp(AMQP):  # type: ignore[misc]  # celery ships no types
    Connection = BrokerConnection = Connection


def _keep_no_messages() -> None:
    """Restore no unacknowledged messages: the sweep makes up for them.

    In kombu 5.7 that fails when the connection is already gone, and ends the worker instead of
    reconnecting it, or leaves dumps in the temporary folder.
    """
    redis_transport.Channel.do_restore = False


def celery_app(redis_url: str, prefix: str = "") -> Celery:
    """A configured application; it connects when it is used. `prefix` stands before all its names in Redis."""
    _keep_no_messages()
    # Without these options kombu would encrypt but accept any certificate. Flower reads them only from here.
    tls = redis_tls(redis_url)
    app = Celery("holdfast", broker=redis_url.partition("?")[0], set_as_current=True, amqp=_Amqp)
    app.conf.update(
        broker_use_ssl=tls or False,
        task_queues=QUEUES,
        task_routes=ROUTES,
        task_create_missing_queues=False,
        task_default_queue=SWEEPS,
        task_default_exchange=EXCHANGE.name,
        task_default_routing_key=SWEEPS,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        # Late: a server's task keeps its worker's only place, so no second one is fetched behind
        # it to wait there while another worker is free. Lost messages are the sweep's business.
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=5.0,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,
        worker_enable_remote_control=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=4.0,
        broker_pool_limit=4,
        broker_transport_options={
            "global_keyprefix": prefix,
            "ack_emulation": False,  # see `_keep_no_messages`
            "socket_timeout": 5.0,
            "socket_connect_timeout": 4.0,
            "socket_keepalive": True,
            "health_check_interval": 5,
            # No retry_on_timeout: redis-py would subscribe again by itself where a connection was closed, and
            # then wait without end for a message, with the worker's whole loop. Celery connects again instead.
        },
        timezone="UTC",
        beat_schedule=SCHEDULE,
        beat_max_loop_interval=1.0,
    )
    return app
