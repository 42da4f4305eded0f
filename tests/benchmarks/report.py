"""The one table, the bars it is held to, and the results on disk."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from msgspec import Struct

from tests.benchmarks.measurement import DIRECT_WRITE, HOLDFAST, TASK_PER_COMMAND, Pipeline, Plan, Run
from tests.benchmarks.verification import Books

RESULTS = Path("bench-results")
AT_CLIENTS = 64
TIMES_TASK_PER_COMMAND = 8.0
TIMES_DIRECT_WRITE = 1.5
P99_AT_MOST_TIMES_P50 = 4.0


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


def bars(found: Figures, books: Sequence[Books], *, durable: bool) -> list[Bar]:
    ours = found.get((HOLDFAST.name, AT_CLIENTS))
    met = []
    if ours is not None:
        met += [
            *_times(found, ours, TASK_PER_COMMAND, TIMES_TASK_PER_COMMAND),
            *_times(found, ours, DIRECT_WRITE, TIMES_DIRECT_WRITE),
            Bar(
                f"p99 at most {P99_AT_MOST_TIMES_P50:g} times p50 at {AT_CLIENTS} clients",
                f"{ours.p99_ms / ours.p50_ms:.1f} times",
                ours.p99_ms <= P99_AT_MOST_TIMES_P50 * ours.p50_ms,
            ),
        ]
    problems = [f"{one.pipeline}: {problem}" for one in books for problem in one.problems]
    kept = sum(one.acknowledged for one in books)
    met.append(Bar("fsync and synchronous_commit on", "on" if durable else "off", durable))
    met.append(
        Bar("every acknowledged booking in the table, no others", "; ".join(problems) or f"{kept:,}", not problems)
    )
    return met


def print_bars(met: Sequence[Bar]) -> bool:
    """Whether all of them are met."""
    for bar in met:
        print(f"{'met   ' if bar.is_met else 'MISSED'}  {bar.what}: {bar.measured}")
    return all(bar.is_met for bar in met)


def _times(found: Figures, ours: Figure, other: Pipeline, least: float) -> list[Bar]:
    theirs = found.get((other.name, AT_CLIENTS))
    if theirs is None or not theirs.per_s:
        return []
    times = ours.per_s / theirs.per_s
    return [Bar(f"at least {least:g} times {other.name} at {AT_CLIENTS} clients", f"{times:.1f} times", times >= least)]


def save(found: Figures, met: Sequence[Bar], books: Sequence[Books], plan: Plan, scenario: str) -> Path:
    """Everything measured, for comparison with other days and machines."""
    return write_result(scenario, {"plan": plan, "figures": list(found.values()), "bars": met, "books": books})


def write_result(scenario: str, result: dict[str, Any]) -> Path:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"{scenario}-{now:%Y%m%dT%H%M%SZ}.json"
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"at": now, "machine": machine, **result})))
    return path
