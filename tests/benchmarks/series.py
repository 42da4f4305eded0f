"""What a scenario measured, in a form that two results can be compared by."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Literal

from msgspec import Struct

QUARTILES_FROM = 4
"""Samples. Of fewer the whole range is taken."""


class Series(Struct, frozen=True):
    """One figure with a sample for each round. `unit` is for people."""

    name: str
    unit: str
    better: Literal["higher", "lower"]
    samples: Sequence[float]

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def noise(self) -> float | None:
        """How far rounds lie apart, as a part of the median: half of the middle half. None with a single round."""
        if len(self.samples) < 2 or not self.median:
            return None
        if len(self.samples) < QUARTILES_FROM:
            low, high = min(self.samples), max(self.samples)
        else:
            low, _, high = quantiles(self.samples, method="inclusive")
        return (high - low) / 2 / self.median
