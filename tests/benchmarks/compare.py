"""`python -m tests.benchmarks.compare BEFORE.json AFTER.json`: what got slower by more than the noise of the two.

The files are two results of the pipelines, which `make bench` writes into `bench-results/`. Ends with 1 if something
got slower, with 2 if they cannot be compared. Ratios within one run, such as a rate as a part of
the no-op route's, say more than rates: two runs meet the machine at different hours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.benchmarks.series import Series

USAGE = (
    "Name two results of the pipelines: make bench-compare BEFORE=bench-results/ONE.json AFTER=bench-results/OTHER.json"
)
UNKNOWN_NOISE = 0.25
"""Taken for a figure with a single round."""


class Result(Struct):
    """What a result's file has, as far as it is compared."""

    series: list[Series]


class Comparison(Struct, frozen=True):
    name: str
    unit: str
    before: float
    after: float
    slower: float
    """By which part of before; negative if it got faster."""
    noise: float
    """Of both runs together."""

    @property
    def is_slower(self) -> bool:
        return self.slower > self.noise

    @property
    def is_faster(self) -> bool:
        return -self.slower > self.noise


def compare(before: Sequence[Series], after: Sequence[Series]) -> Iterator[Comparison]:
    """What both have, in the order of the second."""
    known = {one.name: one for one in before}
    for new in after:
        old = known.get(new.name)
        if old is not None and old.median and new.median:
            yield _comparison(old, new)


def _comparison(old: Series, new: Series) -> Comparison:
    times = old.median / new.median if new.better == "higher" else new.median / old.median
    noise = sum(UNKNOWN_NOISE / 2 if one.noise is None else one.noise for one in (old, new))
    return Comparison(new.name, new.unit, old.median, new.median, times - 1, noise)


def lines(found: Sequence[Comparison]) -> Iterator[str]:
    width = max(len(one.name) for one in found)
    yield f"{'':<{width}} {'before':>10} {'after':>10}          change   noise"
    for one in found:
        verdict = "SLOWER" if one.is_slower else "faster" if one.is_faster else ""
        yield (
            f"{one.name:<{width}} {one.before:>10,.4g} {one.after:>10,.4g} {one.unit:<8}"
            f" {-one.slower:>+7.1%} {one.noise:>6.1%}  {verdict}"
        ).rstrip()


class RefusedFileError(Exception):
    """What is wrong with a file, as a sentence without its full stop."""


def _read(name: str) -> Result:
    try:
        return msgspec.json.decode(Path(name).read_bytes(), type=Result)
    except OSError as problem:
        raise RefusedFileError(f"{name} cannot be read: {problem.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RefusedFileError(f"{name} is no result of the pipelines") from None


def _refuse(words: str) -> int:
    print(words, file=sys.stderr)
    return 2


def main(arguments: Sequence[str]) -> int:
    files = [name for name in arguments if name]
    if len(files) != 2:
        return _refuse(USAGE)
    try:
        before, after = map(_read, files)
    except RefusedFileError as problem:
        return _refuse(f"{problem}. {USAGE}")
    found = list(compare(before.series, after.series))
    if not found:
        return _refuse(f"The two have no figure in common. {USAGE}")
    print("\n".join(lines(found)))
    slower = [one.name for one in found if one.is_slower]
    print(f"\n{len(slower)} of {len(found)} got slower by more than the noise.")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
