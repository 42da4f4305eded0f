"""Time zones, from one source: the pinned tzdata package, in every process.

`zoneinfo` prefers the system's files, which are of another version than ours on most machines, and hold names
that are no zones (`posix/*`, `right/*`, `localtime`). So importing this module tells it to look nowhere else.
PostgreSQL has a third copy, so SQL is given instants, dates and times and never converts between them.
"""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib.resources import files
from io import BytesIO

import tzdata

zoneinfo.reset_tzpath(to=())
zoneinfo.ZoneInfo.clear_cache()  # zones that were read before may be the system's

ZONES = frozenset(files(tzdata).joinpath("zones").read_text(encoding="ascii").split())
"""The names that may be given to a resource, as tzdata lists them; exact, capitals included."""
TZDATA_VERSION = tzdata.__version__
FALLBACK = "UTC"


def is_zone(name: str) -> bool:
    return name in ZONES


def readable(name: str) -> str:
    """The zone that a stored name means: itself, or what it can only have meant; UTC for any other.

    Earlier releases took any file of the system's for a zone. Reading such a row must not fail.
    """
    return _meant(name) or FALLBACK


def is_guessed(name: str) -> bool:
    """Whether a stored name, such as `localtime`, does not say which zone it means."""
    return _meant(name) is None


def _meant(name: str) -> str | None:
    if name in ZONES:
        return name
    plain = name.removeprefix("posix/").removeprefix("right/")
    return plain if plain in ZONES else None


@cache
def _of(name: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(name)


def zone(name: str) -> zoneinfo.ZoneInfo:
    """Its rules. One object a zone: Python compares datetimes of the same object as clocks show them."""
    return _of(name if name in ZONES else readable(name))


@cache
def rules_of(name: str) -> bytes:
    """As the package has them (TZif, RFC 9636)."""
    return files(tzdata).joinpath("zoneinfo", *name.split("/")).read_bytes()


def from_rules(rules: bytes) -> zoneinfo.ZoneInfo:
    """A zone by rules that were kept, perhaps of another version of tzdata."""
    return zoneinfo.ZoneInfo.from_file(BytesIO(rules))
