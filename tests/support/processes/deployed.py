"""A process as docker-compose.yml or ops/kubernetes/ starts it, in one shape, and how that differs from its definition."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from core.configuration.secret_settings import FILE
from ops.processes import METRICS_PORT, OPTIONAL, Process


class Deployed(Struct, frozen=True):
    """What a deployment says of one process, whatever its own words for it are."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    """Every variable, as the process gets it; of a secret the name of its file, or whatever stands for its value."""
    ports: tuple[int, ...]
    checks: frozenset[tuple[str, ...]]
    """The commands of its health checks; a request is written as the command that sends it."""
    stop_timeout_s: float
    """From the signal to the end."""


def differences(process: Process, found: Deployed, common: Collection[str] = OPTIONAL) -> list[str]:
    """How a deployment strays from `ops.processes`; empty if it does not. `common` is what it has beside its own."""
    return list(_differences(process, found, common))


def queues_of(command: tuple[str, ...]) -> tuple[str, ...]:
    """The queues that a Celery worker consumes from, by its command line."""
    return tuple(command[command.index("-Q") + 1].split(",")) if "-Q" in command else ()


def _differences(process: Process, found: Deployed, common: Collection[str]) -> Iterator[str]:
    if found.command != process.argv:
        yield f"its command is {found.command}"
    if queues_of(found.command) != process.queues:
        yield f"it consumes from {queues_of(found.command)}"
    told = sorted(name.removesuffix(FILE) for name in found.environment)
    if told != sorted({*common, *process.settings, *process.secrets}):
        yield f"missing, unknown or said twice in its environment: {told}"
    for name, value in process.settings.items():
        if value and found.environment.get(name) != value:
            yield f"{name} is {found.environment.get(name)!r}"
    ports = [process.port, METRICS_PORT if process.has_metrics else None]
    if found.ports != tuple(port for port in ports if port):
        yield f"its ports are {found.ports}"
    if process.health not in found.checks:
        yield f"it is checked by {sorted(found.checks)}"
    if found.stop_timeout_s != process.stop_timeout_s:
        yield f"it has {found.stop_timeout_s:g} s to stop"
