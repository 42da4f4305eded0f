"""After an upgrade of tzdata, what lies ahead keeps its wall time, and the report lists what moved.

British Columbia kept its summer time from 2026 on. Here it does so by an upgrade: what was booked while its rules
were still Los Angeles' lies an hour too late in winter.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from core.domain.commands import Actor, ActorKind, CloseResource
from core.domain.resources.local_time import instant, local
from core.domain.resources.time_zones import TZDATA_VERSION, from_rules, rules_of, zone
from core.domain.resources.wall_times import days_of_span, kept, span_of_days
from core.store.connections.database import Connection
from core.store.feed_events import EventRow
from core.store.maintenance.wall_times import moves as wall_time_moves
from core.store.maintenance.wall_times.upgrade import keep_wall_times
from core.store.migrate import upgrade
from tests.conftest import FIGURE
from tests.support.clock_changes import clock_changes, different_zones
from tests.support.engine.calendar_lanes import HALL, HOUR, book, run, slot_at, with_calendar
from tests.support.engine.lanes import DESK_ID, Pipeline, new
from tests.support.notifier import STAFF, USER
from tests.support.processes.servers import settings_for
from tests.support.values import place

OLD, NEW = "America/Los_Angeles", "America/Vancouver"
WINTER, SUMMER = date(2034, 1, 16), date(2034, 7, 17)
"""Mondays."""
PRACTITIONER, ROOM, SERVICE = 70, 71, 80

SQL_MARKET = """
INSERT INTO resource (id, kind, name, zone) VALUES (70, 'practitioner', 'Dr. No', %(zone)s), (71, 'room', 'Room', 'UTC');
INSERT INTO practitioner (id, user_id, resource_id, name, name_key) VALUES (7, %(user)s, 70, 'Dr. No', 'dr. no');
INSERT INTO service (id, name, name_key, resource_id, kind, is_named) VALUES (80, 'Yoga', 'yoga', 70, 'workshop', false);
INSERT INTO service_session (id, service_id, practitioner_id, starts_at, ends_at, capacity)
VALUES (90, 80, 7, %(session)s, %(session)s + interval '2 hours', 5);
INSERT INTO claim (resource_id, session_id, during) VALUES (70, 90, tstzrange(%(session)s, %(session)s + interval '2 hours'));
INSERT INTO booking (id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at, ends_at, local_date,
                     local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at)
SELECT id, gen_random_uuid(), 'marketplace', %(user)s, 80, 'Yoga', 70, at, at + length, %(day)s, clock, 60, 'confirmed', 'none',
       gen_random_uuid(), now(), now()
FROM (VALUES (1001, %(session)s::timestamptz, interval '2 hours', time '18:00'),
             (1002, %(alone)s::timestamptz, interval '1 hour', time '09:00')) AS v (id, at, length, clock);
INSERT INTO marketplace_booking (booking_id, user_id, practitioner_id, service_id, session_id, kind, status, payment_status,
                                 starts_at, ends_at, price_minor, created_at, words)
VALUES (1001, %(user)s, 7, 80, 90, 'workshop', 'confirmed', 'none', %(session)s, %(session)s + interval '2 hours', 0, now(), ''),
       (1002, %(user)s, 7, 80, NULL, 'individual', 'confirmed', 'none', %(alone)s, %(alone)s + interval '1 hour', 0, now(), '');
INSERT INTO claim (resource_id, booking_id, during)
VALUES (70, 1002, tstzrange(%(alone)s - interval '10 minutes', %(alone)s + interval '70 minutes')),
       (71, 1002, tstzrange(%(alone)s, %(alone)s + interval '1 hour'));
"""


def at(day: date, hour: int, zone_name: str = OLD) -> datetime:
    found = instant(day, time(hour), zone_name)
    assert found is not None
    return found


@pytest.fixture
def before(pipeline: Pipeline) -> Pipeline:
    """Everything ahead, made while Vancouver's rules were Los Angeles'."""
    people = with_calendar(pipeline)
    people.connection.execute("UPDATE resource SET zone = %s", (OLD,))
    people.connection.execute("UPDATE booking_settings SET off_days = '{}'")
    values = {"zone": OLD, "user": USER, "session": at(WINTER, 18), "alone": at(WINTER, 9), "day": WINTER}
    for statement in SQL_MARKET.strip().split(";\n"):
        people.connection.execute(statement.rstrip(";").encode(), values)
    staff = Actor(ActorKind.STAFF, STAFF)
    made = [place(WINTER, time(hour)) for hour in (10, 11, 12)] + [place(SUMMER, time(10))]
    codes = run(people, *made)  # type: ignore[arg-type]  # places are accepted as they are
    closing = new(CloseResource(DESK_ID, WINTER, WINTER, time(14), None, "Snow"), contract="appointments", actor=staff)
    assert [*codes, *run(people, closing)] == ["succeeded"] * 5
    first, second = slot_at(people, at(WINTER, 10)), slot_at(people, at(WINTER, 11))
    assert run(people, book(first)) == ["succeeded"]
    assert second > first
    people.connection.execute("ALTER TABLE resource DISABLE TRIGGER resource_keeps_zone")
    people.connection.execute("UPDATE resource SET zone = %s WHERE zone = %s", (NEW, OLD))
    people.connection.execute("UPDATE zone_rules SET rules = %s WHERE zone = %s", (rules_of(OLD), NEW))
    people.connection.execute("UPDATE installation SET tzdata = 'old'")
    return people


SQL_EVERYTHING = """
SELECT 'booking', id, starts_at, ends_at FROM booking UNION ALL
SELECT 'claim of booking', booking_id, lower(during), upper(during) FROM claim WHERE booking_id IS NOT NULL UNION ALL
SELECT 'claim of session', session_id, lower(during), upper(during) FROM claim WHERE session_id IS NOT NULL UNION ALL
SELECT 'listed', booking_id, starts_at, ends_at FROM marketplace_booking UNION ALL
SELECT 'session', id, starts_at, ends_at FROM service_session UNION ALL
SELECT 'slot', id, starts_at, ends_at FROM time_slot UNION ALL
SELECT 'closure', id, lower(during), upper(during) FROM closure UNION ALL
SELECT 'claims of closure', closure_id, lower(during), upper(during)
FROM (SELECT closure_id, unnest(range_agg(during)) AS during FROM claim WHERE closure_id IS NOT NULL GROUP BY 1) AS closed
"""


def everything(people: Pipeline) -> list[tuple[Any, ...]]:
    return sorted(people.rows(SQL_EVERYTHING))


def migrate(people: Pipeline) -> None:
    upgrade(settings_for(people.url, "redis://127.0.0.1:1/0"))


def report(people: Pipeline) -> list[tuple[Any, ...]]:
    return people.rows("SELECT kind, row_id, problem, moved_at IS NOT NULL FROM wall_time_move ORDER BY kind, row_id")


def test_everything_ahead_keeps_its_wall_time_when_rules_change(before: Pipeline) -> None:
    was = everything(before)
    walls = [(kind, id_, wall(begins, OLD), wall(ends, OLD)) for kind, id_, begins, ends in was]
    migrate(before)
    now = everything(before)
    assert sorted((kind, id_, wall(begins, NEW), wall(ends, NEW)) for kind, id_, begins, ends in now) == sorted(walls)
    moved = [one for one in was if one[2].month == 1]
    assert sorted(set(now) - set(was)) == sorted((kind, id_, b - HOUR, e - HOUR) for kind, id_, b, e in moved)
    told = before.rows("SELECT type, count(*) FROM event WHERE request_id LIKE 'tzdata-%' GROUP BY 1 ORDER BY 1")
    assert told == [("booking_updated", 6), ("timeslot_updated", 2)]
    assert before.rows("SELECT DISTINCT version FROM booking WHERE starts_at < '2034-02-01'") == [(2,)]
    assert {row[2:] for row in report(before)} == {(None, True)}
    assert [row[0] for row in report(before)] == ["booking"] * 4 + ["closure", "session", "time_slot", "time_slot"]
    assert before.row("SELECT tzdata FROM installation") == (TZDATA_VERSION,)


def wall(moment: datetime, zone_name: str) -> datetime:
    return local(moment, zone_name).replace(tzinfo=None)


class KilledError(Exception):
    """The process is gone: what it had not committed is, too."""


@pytest.mark.parametrize("moved_at_once", [1, 3])
def test_a_migrate_that_is_killed_again_and_again_goes_on_where_it_was(
    before: Pipeline, monkeypatch: pytest.MonkeyPatch, moved_at_once: int
) -> None:
    """In the middle of a batch each time, while people book on: nothing moves twice, and nothing is told twice."""
    was = everything(before)
    walls = [(kind, id_, wall(begins, OLD), wall(ends, OLD)) for kind, id_, begins, ends in was]
    move, deaths, moves = wall_time_moves._move, 0, 0

    def killed(connection: Connection, due: wall_time_moves.Due) -> list[EventRow]:
        nonlocal moves
        moves += 1
        if moves % (moved_at_once + 1) == 0:
            raise KilledError
        return move(connection, due)

    monkeypatch.setattr(wall_time_moves, "MOVED_AT_ONCE", moved_at_once)
    monkeypatch.setattr(wall_time_moves, "_move", killed)
    while True:
        try:
            migrate(before)
            break
        except KilledError:
            deaths += 1
            before.one_lane()
            meanwhile = place(date(2034, 1, 16 + deaths), time(15))
            assert run(before, meanwhile) == ["succeeded"]  # type: ignore[arg-type]  # a place is accepted as it is
    told = before.rows("SELECT type, count(*) FROM event WHERE request_id LIKE 'tzdata-%' GROUP BY 1 ORDER BY 1")
    assert told == [("booking_updated", 6), ("timeslot_updated", 2)]
    assert deaths >= 2
    known = {row[:2] for row in was}
    now = [one for one in everything(before) if one[:2] in known]
    assert sorted((kind, id_, wall(begins, NEW), wall(ends, NEW)) for kind, id_, begins, ends in now) == sorted(walls)
    assert {row[2:] for row in report(before)} == {(None, True)}


def test_a_second_migrate_moves_nothing(before: Pipeline) -> None:
    migrate(before)
    now, told = everything(before), report(before)
    migrate(before)
    assert (everything(before), report(before)) == (now, told)


def test_what_would_collide_stays_says_so_and_moves_once_the_way_is_free(before: Pipeline) -> None:
    """Somebody else's time lies where the first booking of the morning would go."""
    nine = at(WINTER, 10) - HOUR
    before.connection.execute(
        "INSERT INTO claim (resource_id, during) VALUES (%s, tstzrange(%s, %s))", (DESK_ID, nine, nine + HOUR)
    )
    was = everything(before)
    migrate(before)
    desk = [row for row in report(before) if row[0] == "booking" and row[1] < 1000]
    assert [row[3] for row in desk] == [False, False, False], "each of them wants the time of the one before"
    assert [row[2] for row in desk] == [
        "in the way: time taken by nobody known",
        "in the way: booking 1",
        "in the way: booking 2",
    ]
    assert {one for one in everything(before) if one[:2] in {row[:2] for row in desk}} <= set(was)
    before.connection.execute(
        "DELETE FROM claim WHERE booking_id IS NULL AND closure_id IS NULL AND session_id IS NULL"
    )
    migrate(before)
    assert {row[2:] for row in report(before)} == {(None, True)}
    begins = before.rows("SELECT starts_at FROM booking WHERE id < 1000 AND local_date = %s ORDER BY 1", WINTER)
    assert [row[0] for row in begins if row[0] != at(WINTER, 10, NEW)][-2:] == [
        at(WINTER, 11, NEW),
        at(WINTER, 12, NEW),
    ]


def test_what_somebody_moved_or_cancelled_meanwhile_is_left_alone(before: Pipeline) -> None:
    with before.connection.transaction():
        before.connection.execute("UPDATE booking SET status = 'cancelled' WHERE id = 1002")
    migrate(before)
    assert (1002,) not in before.rows("SELECT row_id FROM wall_time_move")


def late_by_an_hour(people: Pipeline) -> int:
    """A booking that a process with the old rules makes after the migrate."""
    (late,) = people.row("SELECT min(id) FROM booking WHERE resource_id = %s", DESK_ID)
    hour = "starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '1 hour'"
    people.connection.execute(f"UPDATE booking SET {hour} WHERE id = %s".encode(), (late,))
    free = "UPDATE claim SET during = tstzrange('2040-01-01', '2040-01-02') WHERE booking_id = %s"
    people.connection.execute(free, (late,))
    return int(late)


def test_a_booking_of_a_process_with_the_old_rules_is_found_by_the_next_migrate(before: Pipeline) -> None:
    migrate(before)
    late = late_by_an_hour(before)
    migrate(before)
    day, clock, begins = before.row("SELECT local_date, local_time, starts_at FROM booking WHERE id = %s", late)
    assert begins == instant(day, clock, NEW)


def test_the_first_migrate_believes_instants_of_practitioners_and_local_times_of_all_others(before: Pipeline) -> None:
    """Earlier releases let practitioners' zones change, and kept no rules."""
    before.connection.execute("DELETE FROM zone_rules")
    before.connection.execute("UPDATE installation SET tzdata = NULL")
    migrate(before)
    at_desk = before.rows("SELECT local_date, local_time, starts_at FROM booking WHERE resource_id = %s", DESK_ID)
    assert all(begins == instant(day, clock, NEW) for day, clock, begins in at_desk)
    assert before.rows("SELECT id, starts_at, local_time FROM booking WHERE id > 1000 ORDER BY id") == [
        (1001, at(WINTER, 18), time(19)),
        (1002, at(WINTER, 9), time(10)),
    ]
    assert {row[0] for row in report(before)} == {"booking", "closure"}
    late_by_an_hour(before)
    migrate(before)
    at_desk = before.rows("SELECT local_date, local_time, starts_at FROM booking WHERE resource_id = %s", DESK_ID)
    assert all(begins == instant(day, clock, NEW) for day, clock, begins in at_desk), "also what came later"


def test_zones_that_tzdata_does_not_list_are_reported_and_left(
    before: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    before.connection.execute("UPDATE resource SET zone = 'posix/Europe/Berlin' WHERE id = %s", (HALL,))
    keep_wall_times(before.connection)
    assert "resources have a zone that tzdata does not list" in capsys.readouterr().out
    assert before.row("SELECT zone FROM resource WHERE id = %s", HALL) == ("posix/Europe/Berlin",)


def test_what_is_booked_in_a_zone_that_nobody_can_name_stays_at_its_instant(before: Pipeline) -> None:
    before.connection.execute("UPDATE resource SET zone = 'posixrules'")
    before.connection.execute("DELETE FROM zone_rules")
    before.connection.execute("UPDATE installation SET tzdata = NULL")
    was = everything(before)
    migrate(before)
    assert everything(before) == was
    assert report(before) == []


def test_every_wall_time_is_kept_from_one_zones_rules_to_anothers(
    record_property: Callable[[str, object], None],
) -> None:
    """As if each zone's rules became those of its neighbour in the list."""
    names = list(different_zones())
    asked = skipped = 0
    for old, after in zip(names, [*names[1:], names[0]], strict=True):
        rules = from_rules(rules_of(old))
        for change in clock_changes(old)[:2] or (datetime(2030, 1, 1, tzinfo=UTC),):
            for moment in (change - HOUR, change, change + HOUR):
                found = kept(moment, rules, after)
                shown = moment.astimezone(rules).replace(tzinfo=None)
                if found is None:
                    assert instant(shown.date(), shown.time(), after) is None
                    skipped += 1
                else:
                    assert found.astimezone(zone(after)).replace(tzinfo=None, fold=0) == shown.replace(fold=0)
                asked += 1
                span = moment, moment + timedelta(days=3)
                assert span_of_days(*days_of_span(span, old), old, span) == span
    record_property(FIGURE, f"{len(names)} rules, {asked:,} wall times kept, {skipped} that the new rules skip")
