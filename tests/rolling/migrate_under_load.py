"""`migrate` of this release on a large database of the one before, whose processes are booked on meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.benchmarks.tables.big_tables import Size, fill
from tests.rolling.rolling_restart import Step
from tests.support.clients.steady_bookings import SteadyBookings
from tests.upgrade.fleet import Fleet
from tests.upgrade.releases import NEW
from tests.upgrade.scene import Scene
from tests.upgrade.traffic import MEASURED

BOOKINGS_A_USER = 10


def fill_old(fleet: Fleet, bookings: int, say: Callable[[str], None]) -> None:
    """So that what migrations build and write takes a while."""
    fill(fleet.database_url, say, Size(bookings, bookings // BOOKINGS_A_USER), folded=False)


def migrate_under_load(
    playing: Scene, bookings: SteadyBookings, calm_s: float, told: Callable[[Step], Step]
) -> list[Step]:
    """Before, during and after: the same length before and after."""

    def stretch(what: str, act: Callable[[], object]) -> Step:
        began = time.monotonic()
        act()
        ended = time.monotonic()
        silences = {name: playing.traffic.journal.silence_s(name, began, ended) for name in MEASURED}
        return told(Step(f"{what}, {ended - began:.1f} s", bookings.figures(began, ended), silences))

    return [
        stretch("before", lambda: time.sleep(calm_s)),  # stretches to measure, not waits for anything
        stretch("migrate", lambda: NEW.migrate(playing.fleet.environment())),
        stretch("after", lambda: time.sleep(calm_s)),
    ]
