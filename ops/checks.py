"""Health checks of the parts: `holdfast check PART`, for a person on the same machine.

The containers' own checks ask the same in the process itself (`ops/health_probe.py`, `core/health_socket.py`).

A process that exists proves nothing: each check asks whether the part answers *and* whether
beat's canary has come through the pipeline as far as this part lately.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from core.health_socket import Judge, pulse_problem
from core.settings import Settings
from core.store.pulse import Pulse
from core.wakeup.broker import celery_app
from ops import ports, probes

PING_TIMEOUT_S = 3.0
HTTP_OK = 200


class CheckError(Exception):
    """The part is not healthy; the message says how."""


def check(part: str, settings: Settings, node: str | None = None) -> None:
    """Raises `CheckError`. `node` is a Celery node name, by default the part's on this host."""
    _CHECKS[part](settings, node or f"{part}@{socket.gethostname()}")


def _api(settings: Settings, _node: str) -> None:
    host, port = settings.api_bind.rsplit(":", 1)
    answer = probes.get(f"http://{_reachable(host.strip('[]'))}:{port}/readyz")
    if answer.status != HTTP_OK:
        raise CheckError(f"/readyz answers {answer.status}: {answer.body}")


def _reachable(host: str) -> str:
    """The host, as written in a URL, at which its own machine reaches a process that listens on `host`."""
    here = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - looked for, not bound
    return f"[{here}]" if ":" in here else here


def _worker(settings: Settings, node: str) -> None:
    """The worker itself consumes, and canaries are decided."""
    _ping(settings, node)
    _judge(settings, Pulse.lanes_problem)


def _payments(settings: Settings, node: str) -> None:
    """Consumes, and does what is due. While Stripe does not answer, waiting is right."""
    _ping(settings, node)
    _judge(settings, Pulse.payments_problem)


def _beat(settings: Settings, _node: str) -> None:
    """Beat answers nothing; its canaries do."""
    _judge(settings, Pulse.lanes_problem)


def _notifier(settings: Settings, _node: str) -> None:
    if not ports.accepts(settings.notifier_port, _reachable(settings.notifier_host).strip("[]")):
        raise CheckError(f"nobody listens on port {settings.notifier_port}")
    _judge(settings, Pulse.notifier_problem)


def _flower(settings: Settings, _node: str) -> None:
    answer = probes.get(f"http://{_reachable(settings.flower_host)}:{settings.flower_port}/flower/healthcheck")
    if answer.status != HTTP_OK:
        raise CheckError(f"Flower answers {answer.status}")


_CHECKS: dict[str, Callable[[Settings, str], None]] = {
    "api": _api,
    "lanes": _worker,
    "payments": _payments,
    "deliveries": _worker,
    "sweeps": _worker,
    "beat": _beat,
    "notifier": _notifier,
    "flower": _flower,
}
PARTS = tuple(_CHECKS)


def _ping(settings: Settings, node: str) -> None:
    app = celery_app(settings.redis_url, settings.redis_keys.prefix)
    answers = app.control.ping(destination=[node], timeout=PING_TIMEOUT_S, limit=1)
    if not answers:
        raise CheckError(f"{node} does not answer within {PING_TIMEOUT_S:g} s")


def _judge(settings: Settings, judge: Judge) -> None:
    if problem := pulse_problem(settings, judge):
        raise CheckError(problem)
