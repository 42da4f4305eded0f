"""The scenario `parser`: gunicorn's HTTP parser in C beside its parser in Python, for no-ops and for bookings.

Processor time is printed beside the rate: it tells the two apart on a machine that is busy otherwise, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from tests.benchmarks.cpu import Meter, per_booking_us
from tests.benchmarks.load import Booker
from tests.benchmarks.measurement import HOLDFAST, NO_OP, Pipeline, Run, turned
from tests.benchmarks.stack import API_WITH_BASELINES, Say, running
from tests.benchmarks.tables.seed import access_token
from tests.support.clients.callers import answers
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

PARSERS = ("python", "fast")
"""As gunicorn's setting `http_parser` names them."""
ROUNDS = 5
CLIENTS = 64
WARM_UP_S, MEASURED_S = 1, 4


def run(say: Say) -> bool:
    """Measures and prints; there is no bar."""
    if find_spec("gunicorn_h1c") is None:
        print("parser: NOT MEASURED: gunicorn_h1c is not built here (docs/dependencies.md)")
        return True
    found: dict[tuple[str, str], list[Run]] = {}
    with running(say) as parts, tempfile.TemporaryDirectory() as folder, ExitStack() as ending:
        apis = {name: ending.enter_context(_api(parts.stack, name)) for name in PARSERS}
        booker = Booker(Path(folder))
        token = access_token(parts.stack.api_url)
        for number in range(ROUNDS):
            for pipeline in (NO_OP, HOLDFAST):
                for name in turned(PARSERS, number):
                    one = _measured(booker, apis[name], pipeline, token, number)
                    found.setdefault((pipeline.name, name), []).append(one)
                    say(f"round {number + 1}  {pipeline.name:<8} {name:<8} {one.load.per_s:>7,.0f}/s")
    print(_table(found))
    return True


@contextmanager
def _api(stack: Stack, parser: str) -> Iterator[Stack]:
    """One more API process beside a running stack, with this parser."""
    arguments = {"GUNICORN_CMD_ARGS": f"--http-parser={parser}"}
    api = Stack(stack.folder / parser, stack.database_url, stack.valkey, (API_WITH_BASELINES,), environment=arguments)
    api.lanes = stack.lanes
    try:
        api.start(wait=False)
        wait_until(lambda: answers(api), f"the API with the parser {parser} answers")
        yield api
    finally:
        for server in api.servers:
            server.close()


def _measured(booker: Booker, api: Stack, pipeline: Pipeline, token: str, number: int) -> Run:
    url, meter = api.api_url + pipeline.path, Meter({server.name: server.pid for server in api.servers})
    booker.run(url, token=token, note=pipeline.note, clients=CLIENTS, seconds=WARM_UP_S)
    before = meter.read()
    load = booker.run(url, token=token, note=pipeline.note, clients=CLIENTS, seconds=MEASURED_S)
    return Run(pipeline, CLIENTS, number, load, per_booking_us(before, meter.read(), load.created))


def _table(found: Mapping[tuple[str, str], Sequence[Run]]) -> str:
    lines = [f"\nMedians of {ROUNDS} rounds, {CLIENTS} clients", f"{'':<20}{'per s':>8}{'API, us':>10}"]
    for (pipeline, parser), runs in sorted(found.items()):
        per_s, cpu_us = median(one.load.per_s for one in runs), median(one.cpu_us["api"] for one in runs)
        lines.append(f"{pipeline:<10}{parser:<10}{per_s:>8,.0f}{cpu_us:>10,.0f}")
    return "\n".join(lines)
