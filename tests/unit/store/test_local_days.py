"""What lists take for a local day is what Python takes for it, at every change of every zone's clocks."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.domain.resources.local_time import Hours, day_bounds, grid, instant, local
from core.domain.resources.time_zones import ZONES
from core.store.lists.composition import days_begin, days_end
from core.store.lists.headcount import begun
from core.store.sql.local_days import DAYS_BEGIN, DAYS_END, in_zones
from core.store.sql.tables import DIALECT
from tests.conftest import FIGURE
from tests.support.clock_changes import YEARS, clock_changes, different_zones

ROOT = Path(__file__).parents[3]
FOLDERS = ("api", "core", "notifier", "ops", "tests", "workers")
AROUND = [timedelta(seconds=by) for by in (-86_400, -7_200, -3_601, -3_600, -1, 0, 1, 1_800, 3_599, 3_600, 86_400)]
AT_MIDNIGHT = [timedelta(seconds=by) for by in (-1, 0, 1)]
ALL_DAY = Hours(0, 1440, frozenset())
HALF_HOUR, QUARTER = 30, timedelta(minutes=15)
Record = Callable[[str, object], None]

BY_A_ZONE = {
    "AT TIME ZONE, but of UTC": r"\bAT\s+TIME\s+ZONE\b(?!\s+'UTC')",
    "AT LOCAL": r"\bAT\s+LOCAL\b",
    "timezone()": r"\btimezone\s*\(",
    "make_timestamptz()": r"\bmake_timestamptz\s*\(",
    "a session's zone": r"\bSET\s+(?:SESSION\s+|LOCAL\s+)?TIME\s*ZONE\b",
    "a day of the session's zone": r"\b(?:current_date|localtimestamp|localtime|to_char|to_timestamp|to_date)\b",
    "date_trunc() of the session's zone": r"\bdate_trunc\s*\((?![^()]*(?:\([^()]*\))?[^()]*AT TIME ZONE 'UTC'\))",
    "an instant's date": r"(?:_at|\bnow\(\)|timestamp\(\))\s*::\s*(?:date|time)\b(?!stamptz)",
}
"""How PostgreSQL's own zones, or the session's, would come into a statement."""
SUSPECT = re.compile(
    r"time\s*zone|at\s+local|current_date|localtime|to_char|to_timestamp|to_date|date_trunc|date_bin|::\s*(?:date|time)",
    re.IGNORECASE,
)
"""A module without any of these has no such statement."""
IN_SQLALCHEMY = {"timezone", "date_trunc", "to_char", "current_date", "localtimestamp", "make_timestamptz", "date_bin"}


def found_around(zone: str) -> Iterator[datetime]:
    for change in clock_changes(zone):
        yield from (change + by for by in AROUND)
        day = local(change, zone).date()
        for midnight in (*day_bounds(day, zone), day_bounds(day - timedelta(days=1), zone)[0]):
            yield from (midnight + by for by in AT_MIDNIGHT)


def test_a_day_has_exactly_the_instants_that_show_it_at_every_change_of_the_clocks(record_property: Record) -> None:
    asked = changes = 0
    for zone in different_zones():
        tz = ZoneInfo(zone)
        changes += len(clock_changes(zone))
        for at in {*found_around(zone), datetime(2030, 5, 17, 23, 59, 59, tzinfo=UTC)}:
            shown = at.astimezone(tz).date()
            for day in (shown - timedelta(days=1), shown, shown + timedelta(days=1)):
                begins, ends = day_bounds(day, zone)
                assert (begins <= at < ends) == (day == shown), (zone, at, day)
                asked += 1
    assert changes > 2_000
    record_property(
        FIGURE,
        f"{len(ZONES)} zones of {len(different_zones())} different rules, {changes:,} changes of the clocks from "
        f"{YEARS[0]} to {YEARS[-1]}: {asked:,} days asked for instants around them",
    )


def test_slots_offered_at_every_change_of_the_clocks_stand_where_clocks_show_them(record_property: Record) -> None:
    walked = slots = 0
    for zone in different_zones():
        tz = ZoneInfo(zone)
        for change in one_of_each_kind(zone):
            day = local(change, zone).date()
            offered = {starts_at: (day, at) for at, starts_at, _ in grid(day, HALF_HOUR, ALL_DAY, zone)}
            begins, ends = day_bounds(day, zone)
            quarters = [begins + n * QUARTER for n in range((ends - begins) // QUARTER)]
            shown = {at: at.astimezone(tz) for at in quarters}
            starts = {at: seen for at, seen in shown.items() if seen.fold == 0 and seen.minute % HALF_HOUR == 0}
            assert offered == {
                at: (seen.date(), seen.time()) for at, seen in starts.items() if ends_before_midnight(at, day, tz)
            }, (zone, day)
            walked, slots = walked + 1, slots + len(offered)
    record_property(FIGURE, f"{walked:,} days, {slots:,} slots")


def one_of_each_kind(zone: str) -> list[datetime]:
    """Of the changes of a zone that show the same on its clocks, the last one."""
    tz = ZoneInfo(zone)
    before = {change: (change - timedelta(seconds=1)).astimezone(tz) for change in clock_changes(zone)}
    return list({(was.time(), change.astimezone(tz).time()): change for change, was in before.items()}.values())


def ends_before_midnight(at: datetime, day: date, tz: ZoneInfo) -> bool:
    """Where the clocks reach midnight twice, a day's slots end at the first one."""
    last = (at + timedelta(minutes=HALF_HOUR) - timedelta.resolution).astimezone(tz)
    return last.date() == day and (last.fold == 0 or last.hour > 0)


@pytest.mark.parametrize(
    ("zone", "day", "begins", "hours"),
    [
        ("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00+00:00", 25),
        ("America/Havana", "2027-11-07", "2027-11-07T04:00:00+00:00", 25),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00+00:00", 23),
        ("America/Vancouver", "2027-01-15", "2027-01-15T07:00:00+00:00", 24),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00+00:00", 23.5),  # from 23:30 to 00:30
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00+00:00", 0),  # left out
    ],
)
def test_a_day_begins_at_the_first_midnight_or_where_the_clocks_skip_it(
    zone: str, day: str, begins: str, hours: float
) -> None:
    starts, ends = day_bounds(datetime.fromisoformat(day).date(), zone)
    assert (starts.isoformat(), ends - starts) == (begins, timedelta(hours=hours))


def test_days_for_a_statement_are_each_zones_own() -> None:
    day = datetime(2026, 10, 25, tzinfo=UTC).date()
    found = in_zones(["Atlantic/Azores", "Asia/Tokyo", "posix/Asia/Tokyo"], day, None)
    assert [at.isoformat() for at in found["days_begin"]] == [
        "2026-10-25T00:00:00+00:00", "2026-10-24T15:00:00+00:00", "2026-10-24T15:00:00+00:00",
    ]  # fmt: skip
    assert (found["days_end"], found["days_latest"]) == ([None] * 3, None)
    assert found["days_earliest"] == found["days_begin"][1]


def test_days_weeks_and_months_of_statistics_begin_at_local_midnight() -> None:
    sunday = instant(datetime(2026, 11, 1, tzinfo=UTC).date(), time(23, 30), "America/Havana")
    assert sunday is not None
    assert {span: at.isoformat() for span, at in begun(sunday, "America/Havana").items()} == {
        "day": "2026-11-01T04:00:00+00:00",
        "week": "2026-10-26T04:00:00+00:00",
        "month": "2026-11-01T04:00:00+00:00",
    }


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every text of a module that is no docstring, f-strings whole."""
    tree = ast.parse(path.read_text())
    notes = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
            yield node.lineno, node.value
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "func":
            yield node.lineno, f"SQLAlchemy's {node.attr}("


def found_in(text: str) -> list[str]:
    found = [what for what, pattern in BY_A_ZONE.items() if re.search(pattern, text, re.IGNORECASE)]
    return found + [what for what in IN_SQLALCHEMY if text == f"SQLAlchemy's {what}("]


def test_no_statement_asks_postgresql_for_a_zone(record_property: Record) -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    suspect = [path for path in files if path != Path(__file__) and SUSPECT.search(path.read_text())]
    read = [(path.relative_to(ROOT), line, text) for path in suspect for line, text in texts(path)]
    found = [f"{path}:{line} {what}" for path, line, text in read for what in found_in(text) if is_wrong(path, what)]
    assert not found, f"{'; '.join(found)}: work the instants out in Python (core/store/sql/local_days.py)"
    record_property(FIGURE, f"{len(files)} modules, {len(read):,} texts of {len(suspect)} read closely")


def is_wrong(path: Path, what: str) -> bool:
    """Tests may use the session's zone, which is UTC, but no zone by name."""
    return path.parts[0] != "tests" or what == next(iter(BY_A_ZONE))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT starts_at AT TIME ZONE zone FROM s",
        "SELECT starts_at at time zone 'Europe/Berlin' FROM s",
        "SELECT timezone(zone, starts_at) FROM s",
        "SELECT date_trunc('day', now(), 'Europe/Berlin')",
        "SELECT date_trunc('day', starts_at) FROM s",
        "SET LOCAL TIME ZONE 'Europe/Berlin'",
        "SELECT created_at::date FROM s",
        "SELECT clock_timestamp()::date",
        "SELECT current_date",
        "SQLAlchemy's timezone(",
    ],
)
def test_a_statement_that_asks_for_a_zone_is_found(statement: str) -> None:
    assert found_in(statement)


def test_a_statement_that_asks_for_utc_by_name_is_let_through() -> None:
    assert not found_in("SELECT date_trunc('week', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'")


def test_composed_and_fixed_statements_take_a_day_for_the_same_instants() -> None:
    composed = [str(one.compile(dialect=DIALECT)) for one in (days_begin, days_end)]
    as_written = [one.lower().replace("timestamp with time zone", "timestamptz") for one in composed]
    assert as_written == [DAYS_BEGIN, DAYS_END]
