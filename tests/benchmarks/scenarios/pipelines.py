"""The scenario of `make bench`: this pipeline beside one task a command, a direct write and a no-op."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from core.store.connections.database import connect_lane
from tests.benchmarks.measurement import Bench, Plan, Run
from tests.benchmarks.report import AT_CLIENTS, Figures, bars, cpu_table, figures, print_bars, save, table
from tests.benchmarks.stack import Say, running
from tests.benchmarks.verification import verify
from tests.support.processes.stack import Stack


def run(plan: Plan, say: Say, margin: float = 1.0, **stack: Any) -> bool:
    """Measure, print the table and the bars; True if all bars are met. `stack` is for `running`."""
    with running(say, **stack) as parts, tempfile.TemporaryDirectory() as folder:
        say(f"measuring, about {plan.seconds // 60 + 1} minutes")
        runs = []
        for one in Bench(parts, Path(folder)).run(plan):
            runs.append(one)
            if one.is_measured:
                say(_line(one))
        say("comparing what was acknowledged with the table")
        books = verify(parts.stack.database_url, plan.pipelines, runs)
        found = figures(runs)
        met = bars(found, books, durable=is_durable(parts.stack), margin=margin)
    _print(found, plan, save(found, met, books, plan, "pipelines"))
    return print_bars(met)


def _line(one: Run) -> str:
    load = one.load
    trouble = "".join(
        f"  {count} {what}"
        for count, what in (
            (load.refused, "not 201"), (load.socket_errors, "socket errors"), (load.timeouts, "timeouts"),
        )
        if count
    )  # fmt: skip
    return (
        f"round {one.number + 1}  {one.clients:>3} clients  {one.pipeline.name:<16} {load.per_s:>7,.0f}/s"
        f"  p50 {load.p50_ms:.1f} ms  p99 {load.p99_ms:.1f} ms{trouble}"
    )


def _print(found: Figures, plan: Plan, path: Path) -> None:
    rounds = "one round" if plan.rounds == 1 else f"medians of {plan.rounds} rounds"
    print(f"\nBookings committed and answered with 201; {rounds} of {plan.measured_s} s; also in {path}\n")
    print(table(found, plan), end="\n\n")
    print(f"Processor time for each booking at {AT_CLIENTS} clients, microseconds\n")
    print(cpu_table(found, plan), end="\n\n")


def is_durable(stack: Stack) -> bool:
    with connect_lane(stack.database_url, "holdfast bench") as connection:
        rows = connection.execute(
            "SELECT setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
        ).fetchall()
    return [row[0] for row in rows] == ["on"] * 3
