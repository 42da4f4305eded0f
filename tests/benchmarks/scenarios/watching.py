"""The scenario `watching`: what metrics and traces cost a booking, in processor time of all parts.

Three whole stacks side by side are booked on in turn, a few seconds each: one that nothing watches, one whose metrics
are scraped, one of which a tenth of the requests is traced to a collector. Other load on the machine changes the time
of each alike, if rounds are many: each round gives a ratio, and their median counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles

import httpx

from tests.benchmarks.cpu import LOAD_GENERATOR, Meter, per_booking_us
from tests.benchmarks.load import Booker
from tests.benchmarks.measurement import HOLDFAST, Bench
from tests.benchmarks.report import Bar, print_bars
from tests.benchmarks.stack import PER_COMMAND, Running, Say, running
from tests.benchmarks.tables.seed import access_token, analyze
from tests.support.processes.collector import collector
from tests.support.repeating import repeating

UNWATCHED, METRICS, TRACES = "nothing", "metrics", "a tenth traced"
OFF = {"HOLDFAST_METRICS_PORT": ""}
ROUNDS, SECONDS, CLIENTS = 20, 3, 64
SCRAPED_EVERY_S = 5.0
"""Three times as often as ops/prometheus has it."""
TRACES_RATIO_MAX = 1.03


def run(say: Say) -> bool:
    with ExitStack() as ending:
        sink = ending.enter_context(collector())
        traced = sink.environment(OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.1")
        settings: Mapping[str, Mapping[str, str]] = {UNWATCHED: OFF, METRICS: {}, TRACES: {**OFF, **traced}}
        sides = {name: Side(ending.enter_context(running(say, one))) for name, one in settings.items()}
        ending.enter_context(_scraped(sides[METRICS].parts))
        found: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(ROUNDS):
            names = list(sides)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                found[name].append(sides[name].cost_us())
            say(f"round {number + 1}  " + "  ".join(f"{name} {costs[-1]:,.0f} us" for name, costs in found.items()))
    print(_table(found))
    ratio = median(_ratios(found, TRACES))
    return print_bars([
        Bar(f"a tenth traced costs at most {TRACES_RATIO_MAX:g} times", f"{ratio:.3f}", ratio <= TRACES_RATIO_MAX)
    ])  # fmt: skip


class Side:
    """One of the stacks."""

    def __init__(self, parts: Running) -> None:
        self.parts = parts
        self._folder = tempfile.TemporaryDirectory()
        self._bench = Bench(parts, Path(self._folder.name))
        self._booker = Booker(Path(self._folder.name))
        self._meter = Meter(parts.pids)
        self._book(2)
        analyze(parts.stack.database_url)

    def cost_us(self) -> float:
        """Of a booking, until all that follows it is done too; the load generator's time is not in it."""
        self._book(1)
        before = self._meter.read()
        created = self._book(SECONDS)
        parts = per_booking_us(before, self._meter.read(), created)
        return sum(spent for name, spent in parts.items() if name != LOAD_GENERATOR)

    def _book(self, seconds: int) -> int:
        url = self.parts.stack.api_url
        token, note = access_token(url), HOLDFAST.note
        load = self._booker.run(url + HOLDFAST.path, token=token, note=note, clients=CLIENTS, seconds=seconds)
        self._bench.settle()
        return load.created


@contextmanager
def _scraped(parts: Running) -> Iterator[None]:
    targets = [target for name, target in parts.stack.metrics_targets.items() if name != PER_COMMAND.name]
    with httpx.Client(timeout=10.0) as client:

        def scrape() -> None:
            for target in targets:
                client.get(f"http://{target}/metrics").raise_for_status()

        with repeating(scrape, pause_s=SCRAPED_EVERY_S):
            yield


def _ratios(found: Mapping[str, Sequence[float]], name: str) -> list[float]:
    return [one / base for one, base in zip(found[name], found[UNWATCHED], strict=True)]


def _table(found: Mapping[str, Sequence[float]]) -> str:
    lines = [f"\nProcessor time of a booking, {ROUNDS} rounds in turn, {CLIENTS} clients"]
    lines += [f"{'':<16}{'us':>7}{'ratio':>8}   middle half of the ratios"]
    for name, costs in found.items():
        ratios = _ratios(found, name)
        low, middle, high = quantiles(ratios, n=4)
        lines.append(f"{name:<16}{median(costs):>7,.0f}{middle:>8.3f}   {low:.3f} to {high:.3f}")
    return "\n".join(lines)
