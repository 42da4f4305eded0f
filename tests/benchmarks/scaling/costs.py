"""What the parts of a booking cost, taken from a result of `make bench`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.benchmarks.measurement import HOLDFAST
from tests.benchmarks.report import AT_CLIENTS, Figure

FSYNC_US = 120.0
"""Of the disk that `docs/performance.md` was measured on."""
PARTS = ("api", "lanes", "postgres", "sweeps", "wrk")
GROUP_AT_64 = 25
"""Commands of a visit with 64 clients: a lane takes two fifths of those on the way (`PEOPLE_PART`)."""


class Cost(Struct, frozen=True):
    """Microseconds of processor time: `visit_us` once for a group, and `item_us` for each command in it."""

    visit_us: float
    item_us: float

    def of(self, commands: int) -> float:
        return self.visit_us + commands * self.item_us


class Costs(Struct, frozen=True):
    """By process. PostgreSQL's are split between the inbox and the lanes in `simulation`."""

    api: Cost
    lanes: Cost
    postgres: Cost
    sweeps: Cost
    """The relay is in them."""
    wrk: Cost
    wake_us: float
    """What a booking of a single client waits for beside processors and disk: context switches, bells, poll loops."""
    fsync_us: float = FSYNC_US
    hop_us: float = 0.0
    """Of a network, for each message between hosts."""
    event_us: float = 12.0
    """A notifier's, to read and render one event."""
    send_us: float = 9.0
    """A notifier's, for one event to one socket."""


class Result(Struct):
    """What a file of `make bench` has, as far as it is used here."""

    figures: list[Figure]


def read_costs(path: Path) -> tuple[Costs, list[Figure]]:
    """Raises ValueError for a file that does not have our pipeline at 1 and at 64 clients."""
    figures = [
        one for one in msgspec.json.decode(path.read_bytes(), type=Result).figures if one.pipeline == HOLDFAST.name
    ]
    by_clients = {one.clients: one for one in figures}
    if not {1, AT_CLIENTS} <= set(by_clients):
        raise ValueError(f"{path} has no bookings at 1 and at {AT_CLIENTS} clients: run `make bench` with both")
    return costs_of(by_clients[1], by_clients[AT_CLIENTS]), figures


def costs_of(single: Figure, many: Figure) -> Costs:
    """What a group shares is what a booking costs more when it comes alone."""
    parts = {name: _cost(single.cpu_us.get(name, 0.0), many.cpu_us.get(name, 0.0)) for name in _names(many.cpu_us)}
    # One booking alone: every part once, two commits, and what nobody computes.
    alone_us = sum(cost.of(1) for name, cost in parts.items() if name != "sweeps")
    wake_us = max(0.0, single.p50_ms * 1000 - alone_us - 2 * FSYNC_US)
    api, lanes, postgres, sweeps, wrk = (parts.get(name, Cost(0.0, 0.0)) for name in PARTS)
    return Costs(api=api, lanes=lanes, postgres=postgres, sweeps=sweeps, wrk=wrk, wake_us=wake_us)


def _names(cpu_us: Mapping[str, float]) -> list[str]:
    return [name for name in cpu_us if name in PARTS]


def _cost(alone_us: float, in_group_us: float) -> Cost:
    item_us = max(0.0, (GROUP_AT_64 * in_group_us - alone_us) / (GROUP_AT_64 - 1))
    return Cost(max(0.0, alone_us - item_us), item_us)
