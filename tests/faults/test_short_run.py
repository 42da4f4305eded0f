"""The short form of `make faults`: some faults of each kind once, while client processes work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import FIGURE
from tests.faults.run import Plan, Told, play
from tests.faults.schedule import FAULTS
from tests.faults.stage import SHORT, stage

SEED = 21
"""The order of the faults; how long each lasts."""
IN_SHORT = [one for one in FAULTS.values() if one.is_in_short]
SETTLES_WITHIN_S = 120.0
"""However busy the machine is."""
Record = Callable[[str, object], None]


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


@pytest.fixture(scope="module")
def told(prepared_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("faults") / "stage"
    with stage(folder, copy_of=prepared_cluster, statements=(), mounted=False) as made:
        try:
            plan = Plan(SEED, 0.0, IN_SHORT, SHORT, once=True, settles_within_s=SETTLES_WITHIN_S)
            yield play(made, plan, say)
        except (AssertionError, TimeoutError) as problem:
            raise AssertionError(f"{problem}\n{made.stack.logs()}") from problem


def test_no_invariant_is_broken_by_faults(told: Told, record_property: Record) -> None:
    record_property(FIGURE, f"{len(told.history)} requests of client processes, {len(told.struck)} faults")
    assert told.problems == []


def test_each_fault_of_the_short_form_strikes(told: Told) -> None:
    assert sorted(one.name for one in told.struck) == sorted(one.name for one in IN_SHORT)
