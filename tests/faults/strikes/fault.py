"""What a fault is: a block that strikes when it is entered and repairs when it is left."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager

from msgspec import Struct

from tests.faults.stage import Stage


class Fault(Struct, frozen=True):
    name: str
    kind: str
    """For the table of times to recover."""
    struck: Callable[[Stage, random.Random], AbstractContextManager[None]]
    lasts_s: tuple[float, float] = (0.3, 2.5)
    """Between strike and repair: drawn for each strike."""
    is_in_short: bool = False
    """Whether the short form of `make test` has it."""
    needs_mount: bool = False
    needs_faketime: bool = False
    may_reload: bool = False
    """Whether clients of feeds may be told to reload once."""
