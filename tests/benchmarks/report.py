"""The one table, the bars it is held to, and the results on disk."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from msgspec import Struct

from tests.benchmarks.measurement import DIRECT_WRITE, HOLDFAST, NO_OP, TASK_PER_COMMAND, Pipeline, Plan, Run
from tests.benchmarks.series import Series
from tests.benchmarks.verification import Books

RESULTS = Path("bench-results")
AT_CLIENTS, MANY_CLIENTS = 64, 256
P99_AT_MOST_TIMES_P50 = 4.0
PART_OF_NO_OP = 0.45
CPU_US_AT_MOST = 520.0
"""Enough by itself: a faster parser of requests helps the no-op route more than a booking."""
TIMES_AT_LEAST = (
    (TASK_PER_COMMAND, {1: 1.0, 16: 4.0, AT_CLIENTS: 10.0, MANY_CLIENTS: 10.0}),
    (DIRECT_WRITE, {AT_CLIENTS: 2.5, MANY_CLIENTS: 2.5}),
)
"""By the number of clients."""


class Figure(Struct, frozen=True):
    """Medians over the rounds."""

    pipeline: str
    clients: int
    per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    rounds: list[float]
    """Bookings/s of each round."""
    p50_rounds_ms: list[float]
    cpu_us: dict[str, float]
    """Processor time for each booking, by process."""


class Bar(Struct, frozen=True):
    """What the issue asks for, and what was measured."""

    what: str
    measured: str
    is_met: bool


Figures = dict[tuple[str, int], Figure]


def figures(runs: Iterable[Run]) -> Figures:
    grouped: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        if run.is_measured:
            grouped.setdefault((run.pipeline.name, run.clients), []).append(run)
    return {key: _figure(*key, found) for key, found in grouped.items()}


def _figure(pipeline: str, clients: int, runs: Sequence[Run]) -> Figure:
    loads = [run.load for run in runs]
    return Figure(
        pipeline=pipeline,
        clients=clients,
        per_s=median(load.per_s for load in loads),
        p50_ms=median(load.p50_ms for load in loads),
        p99_ms=median(load.p99_ms for load in loads),
        max_ms=max(load.max_ms for load in loads),
        rounds=[round(load.per_s, 1) for load in loads],
        p50_rounds_ms=[round(load.p50_ms, 3) for load in loads],
        cpu_us={name: round(median(run.cpu_us[name] for run in runs)) for name in runs[0].cpu_us},
    )


def table(found: Figures, plan: Plan) -> str:
    """Side by side: answers 201 a second, p50 and p99 in milliseconds."""
    names = [pipeline.name for pipeline in plan.pipelines]
    head = "clients " + "".join(f"| {name:^25} " for name in names)
    units = "        " + "| {:>9} {:>7} {:>7} ".format("/s", "p50 ms", "p99 ms") * len(names)
    lines = [head, units, "-" * len(units)]
    for clients in plan.clients:
        cells = (found.get((name, clients)) for name in names)
        lines.append(f"{clients:>7} " + "".join(_cell(cell) for cell in cells))
    return "\n".join(lines)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return f"| {'':25} "
    return f"| {figure.per_s:>9,.0f} {figure.p50_ms:>7.1f} {figure.p99_ms:>7.1f} "


def cpu_table(found: Figures, plan: Plan) -> str:
    """By process: the figure that other programs on the machine disturb least."""
    shown = [figure for one in plan.pipelines if (figure := found.get((one.name, AT_CLIENTS)))]
    names = list(shown[0].cpu_us) if shown else []
    width = max(len(figure.pipeline) for figure in shown) if shown else 0
    lines = [" " * width + "".join(f"{name:>13}" for name in [*names, "all"])]
    for figure in shown:
        used = [figure.cpu_us[name] for name in names]
        lines.append(f"{figure.pipeline:<{width}}" + "".join(f"{us:>13,.0f}" for us in [*used, sum(used)]))
    return "\n".join(lines)


def bars(found: Figures, books: Sequence[Books], *, durable: bool, margin: float = 1.0) -> list[Bar]:
    """`margin` 2.0 asks for half as much, for short runs."""
    met = [
        _times(found, other, clients, least / margin)
        for other, by_clients in TIMES_AT_LEAST
        for clients, least in by_clients.items()
    ]
    met += [_part_of_no_op(found, clients, margin) for clients in (AT_CLIENTS, MANY_CLIENTS)]
    met += [_many_not_below(found, margin), _p99(found, margin)]
    problems = [f"{one.pipeline}: {problem}" for one in books for problem in one.problems]
    kept = sum(one.acknowledged for one in books)
    met.append(Bar("fsync and synchronous_commit on", "on" if durable else "off", durable))
    met.append(
        Bar("every acknowledged booking in the table, no others", "; ".join(problems) or f"{kept:,}", not problems)
    )
    return [bar for bar in met if bar is not None]


def print_bars(met: Sequence[Bar]) -> bool:
    """Whether all of them are met."""
    for bar in met:
        print(f"{'met   ' if bar.is_met else 'MISSED'}  {bar.what}: {bar.measured}")
    return all(bar.is_met for bar in met)


def _times(found: Figures, other: Pipeline, clients: int, least: float) -> Bar | None:
    times = _ratio(found, other, clients)
    if times is None:
        return None
    return Bar(f"at least {least:g} times {other.name} at {clients} clients", f"{times:.1f} times", times >= least)


def _part_of_no_op(found: Figures, clients: int, margin: float) -> Bar | None:
    part = _ratio(found, NO_OP, clients)
    if part is None:
        return None
    cpu_us = sum(found[HOLDFAST.name, clients].cpu_us.values())
    least, most = PART_OF_NO_OP / margin, CPU_US_AT_MOST * margin
    return Bar(
        f"at least {least:.0%} of the no-op route or at most {most:,.0f} us of processor time at {clients} clients",
        f"{part:.0%}, {cpu_us:,.0f} us",
        part >= least or cpu_us <= most,
    )


def _many_not_below(found: Figures, margin: float) -> Bar | None:
    few, many = found.get((HOLDFAST.name, AT_CLIENTS)), found.get((HOLDFAST.name, MANY_CLIENTS))
    if few is None or many is None or not few.per_s:
        return None
    what = f"{MANY_CLIENTS} clients not below {AT_CLIENTS}"
    return Bar(what, f"{many.per_s / few.per_s:.2f} times", many.per_s * margin >= few.per_s)


def _p99(found: Figures, margin: float) -> Bar | None:
    ours = found.get((HOLDFAST.name, AT_CLIENTS))
    if ours is None:
        return None
    most, times = P99_AT_MOST_TIMES_P50 * margin, ours.p99_ms / ours.p50_ms
    return Bar(f"p99 at most {most:g} times p50 at {AT_CLIENTS} clients", f"{times:.1f} times", times <= most)


def _ratio(found: Figures, other: Pipeline, clients: int) -> float | None:
    """Our rate by theirs; None where one of the two was not measured."""
    ours, theirs = found.get((HOLDFAST.name, clients)), found.get((other.name, clients))
    return ours.per_s / theirs.per_s if ours is not None and theirs is not None and theirs.per_s else None


def series(found: Figures) -> list[Series]:
    """Rates, latencies and ratios, round by round."""
    return [*_ratios(found), *_rates(found)]


def _rates(found: Figures) -> Iterator[Series]:
    for one in found.values():
        yield Series(f"{one.pipeline} at {one.clients} clients", "/s", "higher", one.rounds)
        yield Series(f"{one.pipeline} at {one.clients} clients, p50", "ms", "lower", one.p50_rounds_ms)


def _ratios(found: Figures) -> Iterator[Series]:
    for (name, clients), ours in found.items():
        for other in (TASK_PER_COMMAND, DIRECT_WRITE, NO_OP) if name == HOLDFAST.name else ():
            theirs = found.get((other.name, clients))
            if theirs is not None and all(theirs.rounds):
                parts = [mine / their for mine, their in zip(ours.rounds, theirs.rounds, strict=True)]
                yield Series(f"{name} by {other.name} at {clients} clients", "times", "higher", parts)


def save(found: Figures, met: Sequence[Bar], books: Sequence[Books], plan: Plan, scenario: str) -> Path:
    """Everything measured, for comparison with other days and machines."""
    measured = {"plan": plan, "figures": list(found.values()), "bars": met, "books": books}
    return write_result(scenario, {**measured, "series": series(found)})


def write_result(scenario: str, result: dict[str, Any]) -> Path:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{scenario}-{now:%Y%m%dT%H%M%SZ}.json"
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"at": now, "machine": machine, **result})))
    return path
