"""The schedule of a run follows from its seed alone."""

from __future__ import annotations

from itertools import islice

from tests.faults.schedule import FAULTS, schedule

ALL = list(FAULTS.values())


def drawn(seed: int, count: int) -> list[tuple[str, float, float, float]]:
    strikes = islice(schedule(seed, ALL), count)
    return [(one.fault.name, one.calm_s, one.lasts_s, one.chance.random()) for one in strikes]


def test_a_seed_repeats_its_schedule_and_another_has_its_own() -> None:
    assert drawn(7, 100) == drawn(7, 100)
    assert drawn(7, 100) != drawn(8, 100)


def test_each_fault_strikes_once_before_any_strikes_again() -> None:
    names = [name for name, *_ in drawn(7, 2 * len(ALL))]
    assert sorted(names[: len(ALL)]) == sorted(names[len(ALL) :]) == sorted(FAULTS)


def test_an_outage_lasts_as_long_as_its_fault_says() -> None:
    for name, _, lasts_s, _ in drawn(7, 3 * len(ALL)):
        least, most = FAULTS[name].lasts_s
        assert least <= lasts_s <= most


def test_the_short_form_has_faults_of_processes_stores_and_connections() -> None:
    short = {one.kind for one in ALL if one.is_in_short}
    assert {
        "all of a kind killed",
        "killed before commit",
        "PostgreSQL killed",
        "Valkey killed",
        "connections",
    } <= short
