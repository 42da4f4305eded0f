"""The schedule of a run: which faults strike in which order and for how long, all from the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from msgspec import Struct

from tests.faults.strikes.fault import Fault
from tests.faults.strikes.network import NETWORK_FAULTS
from tests.faults.strikes.processes import PROCESS_FAULTS
from tests.faults.strikes.standby import STANDBY_FAULTS
from tests.faults.strikes.stores import STORE_FAULTS

FAULTS: dict[str, Fault] = {one.name: one for one in (*PROCESS_FAULTS, *STORE_FAULTS, *NETWORK_FAULTS, *STANDBY_FAULTS)}
CALM_S = (0.8, 2.0)
"""Before a strike, so that what is under way is more than recovery."""


class Strike(Struct, frozen=True):
    fault: Fault
    calm_s: float
    lasts_s: float
    chance: random.Random
    """The fault's own choices."""


def schedule(seed: int, faults: Sequence[Fault]) -> Iterator[Strike]:
    """Without end: all of the faults in one order, then all in another."""
    chance = random.Random(seed)  # noqa: S311 - a test's
    while True:
        for fault in chance.sample(faults, len(faults)):
            own = random.Random(chance.getrandbits(32))  # noqa: S311 - as above
            yield Strike(fault, own.uniform(*CALM_S), own.uniform(*fault.lasts_s), own)
