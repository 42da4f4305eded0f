"""Every planted bug still fits the code, and names faults and checks that exist."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ops.embedded.environment import ROOT
from tests.faults.planted.bugs import BUGS, PlantedBug
from tests.faults.planted.trial import Verdict, faults_of
from tests.faults.schedule import FAULTS

LEAST, IN_SHORT = 16, 3


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_can_be_planted(bug: PlantedBug, tmp_path: Path) -> None:
    for change in bug.changes:
        file = tmp_path / change.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((ROOT / change.file).read_text())
    bug.plant(tmp_path)
    for change in bug.changes:
        if change.file.endswith(".py"):
            compile((tmp_path / change.file).read_text(), change.file, "exec")
    assert set(bug.faults) <= FAULTS.keys()
    assert bug.faults


def test_there_are_enough_and_those_of_the_short_form_are_found_apart() -> None:
    assert len({one.name for one in BUGS}) == len(BUGS) >= LEAST
    short = [one for one in BUGS if one.is_in_short]
    assert len(short) == IN_SHORT
    assert max(Counter(one.found_by for one in short).values()) == 1


def test_bugs_of_one_run_share_its_strikes() -> None:
    once, twice = PlantedBug("a", "c", ("cut", "killed")), PlantedBug("b", "c", ("cut", "cut"))
    assert faults_of([once, twice]) == ["cut", "cut", "killed"]


def test_a_bug_is_found_by_its_own_check_and_words_after_all_of_its_strikes() -> None:
    bug = PlantedBug("a", "feeds", ("cut", "cut"), words="more than once")
    problem = "feeds: 3 events were heard more than once"
    assert Verdict([problem], ["cut", "cut"], "").finds(bug)
    assert not Verdict([problem], ["cut"], "").finds(bug)
    assert not Verdict(["feeds: 1 events were never heard"], ["cut", "cut"], "").finds(bug)
    assert not Verdict(["money: heard more than once"], ["cut", "cut"], "").finds(bug)
