"""One list of time zones, and one source of their rules, whatever else the machine has."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from api.http.fields import ZONE
from core.domain.resources.local_time import local
from core.domain.resources.time_zones import ZONES, readable, zone
from core.settings import SettingsError, from_environment
from tests.conftest import FIGURE
from tests.support.processes.servers import stack_environment
from tests.support.values import NOW

ROOT = Path(__file__).parents[3]
NAMES = sorted(ZONES)
_CHANGED: tuple[Callable[[str], str], ...] = (str.lower, str.upper, " {}".format, "{}\n".format, "./{}".format)
NO_ZONES = sorted(
    {
        *(f"{folder}/{name}" for folder in ("posix", "right") for name in NAMES),
        *({changed(name) for name in NAMES for changed in _CHANGED} - ZONES),
        *(
            "localtime",
            "posixrules",
            "leapseconds",
            "tzdata.zi",
            "zone.tab",
            "iso3166.tab",
            "Europe",
            "",
            ".",
            "..",
            "/",
        ),
        *(
            "/etc/localtime",
            "../zoneinfo/UTC",
            "Europe/../UTC",
            "zones",
            "__init__.py",
            "Europe/Berlin\x00",
            "utc\udc80",
        ),
    }
)
RULES_KEPT_ELSEWHERE = {"core/domain/resources/time_zones.py"}
"""Who may ask `zoneinfo`."""
CODE = sorted(
    path for folder in ("api", "core", "notifier", "ops", "workers") for path in (ROOT / folder).rglob("*.py")
)


def test_exactly_the_zones_that_tzdata_lists_are_taken(record_property: Callable[[str, object], None]) -> None:
    assert [ZONE(name) for name in NAMES] == NAMES
    taken = [name for name in NO_ZONES if ZONE.read(name) is not None]
    assert taken == []
    record_property(FIGURE, f"{len(NAMES)} zones taken, {len(NO_ZONES)} other names refused")


def test_the_setting_takes_what_a_body_takes() -> None:
    for name in (*NAMES[::50], *NO_ZONES[::50], "posix/UTC", "localtime", "posixrules"):
        environment = {**stack_environment("postgresql:///x", "redis://x"), "HOLDFAST_TIME_ZONE": name}
        if ZONE.read(name) is not None:
            assert from_environment(environment).time_zone == name
        elif name.strip() and name.strip() not in ZONES:  # a setting may have blanks around it
            with pytest.raises(SettingsError, match="HOLDFAST_TIME_ZONE"):
                from_environment(environment)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("posix/Europe/Berlin", "Europe/Berlin"),
        ("right/Europe/Berlin", "Europe/Berlin"),
        ("localtime", "UTC"),
        ("posixrules", "UTC"),
        ("Nowhere/Else", "UTC"),
        ("Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_a_name_stored_by_an_earlier_release_is_read_as_what_it_meant(stored: str, read: str) -> None:
    assert readable(stored) == read
    assert zone(stored) is zone(read)
    assert local(NOW, stored) == local(NOW, read)


def test_the_rules_are_those_of_the_package_and_not_the_systems(record_property: Callable[[str, object], None]) -> None:
    assert zoneinfo.TZPATH == ()
    assert zoneinfo.available_timezones() <= ZONES
    package = files("tzdata").joinpath("zoneinfo")
    for name in NAMES:
        with package.joinpath(name).open("rb") as file:
            theirs = zoneinfo.ZoneInfo.from_file(file)
        for month in range(1, 13):
            at = NOW.replace(year=2027, month=month)
            assert at.astimezone(zone(name)).utcoffset() == at.astimezone(theirs).utcoffset(), (name, at)
    record_property(FIGURE, f"{len(NAMES)} zones")


def test_only_one_module_asks_for_zones_rules() -> None:
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in CODE
        if re.search(r"\b(?:import|from) (?:zoneinfo|pytz|dateutil|tzdata|tzlocal)\b", path.read_text())
    }
    assert asking == RULES_KEPT_ELSEWHERE
