"""A checker that never found anything shows nothing: here one run finds three planted bugs, each by a check of its own."""

from __future__ import annotations

from pathlib import Path

from tests.faults.planted.bugs import BUGS
from tests.faults.planted.trial import run_with

SEED = 21
IN_SHORT = [one for one in BUGS if one.is_in_short]


def test_a_run_of_faults_finds_the_bugs_that_are_planted(prepared_cluster: Path, tmp_path: Path) -> None:
    verdict = run_with(IN_SHORT, tmp_path, prepared_cluster, SEED)
    survived = [bug.name for bug in IN_SHORT if not verdict.finds(bug)]
    assert survived == [], verdict.said
