"""A small marketplace in SQL, with people, services and actors, for tests of the lanes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from core.domain.commands import (
    Actor,
    ActorKind,
    Command,
)
from core.domain.marketplace.commands import (
    BookCourse,
    BookIndividual,
    BookPackage,
    BookSession,
    Part,
)
from core.domain.values import Policy
from core.store.inbox.acceptance import NewCommand
from tests.support.engine.lanes import Pipeline, Worker
from tests.support.values import book_room

STAFF = Actor(ActorKind.STAFF, 1)


UMA, VERA = Actor(ActorKind.USER, 1), Actor(ActorKind.USER, 2)


PEOPLE = "INSERT INTO user_account (id, username, username_key) VALUES (1, 'uma', 'uma'), (2, 'vera', 'vera');"


ROOM = """
INSERT INTO resource (id, kind, name, zone) VALUES (2, 'room', 'Room', 'UTC');
INSERT INTO room (id, resource_id, name, capacity, price_minor) VALUES (1, 2, 'Room', 10, 5000);
"""


MARKET = """
INSERT INTO user_account (id, username, username_key) VALUES (8, 'practitioner', 'practitioner');
INSERT INTO resource (id, kind, name, zone) VALUES (3, 'practitioner', 'Practitioner', 'UTC');
INSERT INTO practitioner (id, user_id, resource_id, name, name_key, hours)
VALUES (1, 8, 3, 'Practitioner', 'practitioner', '[[0, 0, 1440]]');
INSERT INTO service (id, name, name_key, kind, price_cents, duration_minutes, resource_id, is_named)
VALUES (1, 'Hour', 'hour', 'individual', 5000, 60, 3, false), (2, 'Workshop', 'workshop', 'workshop', 0, 60, 3, false);
INSERT INTO service_practitioner VALUES (1, 1), (2, 1);
"""


ANYTHING_GOES = Policy(allow_past=True, max_holds_per_user=0)


TALK, WORKSHOP, PACKAGE, COURSE = 1, 2, 4, 5


TEN = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=30)
"""Far enough ahead for everything to be in time."""


DAY, HOUR = TEN.date(), timedelta(hours=1)


SERVICES = """
UPDATE service SET price_cents = 2000;
UPDATE practitioner SET horizon_days = 3660, hours = (SELECT json_agg(json_build_array(day, 0, 1440)) FROM generate_series(0, 6) AS day);
INSERT INTO service (id, name, name_key, kind, price_cents, duration_minutes, resource_id, is_named)
VALUES (4, 'Package', 'package', 'package', 6000, 60, 3, false), (5, 'Course', 'course', 'course', 4000, 60, 3, false);
INSERT INTO service_practitioner VALUES (4, 1), (5, 1);
INSERT INTO service_item VALUES (4, 0, 1), (4, 1, 2);
"""


PEOPLE_AND_SERVICES = PEOPLE + ROOM + MARKET + SERVICES


SESSIONS = """
INSERT INTO service_session (id, service_id, practitioner_id, starts_at, ends_at, capacity)
VALUES (1, 2, 1, %(at)s, %(until)s, 1), (2, 5, 1, %(at)s, %(until)s, 1)
"""


def with_market(pipeline: Pipeline, sessions: str = SESSIONS) -> Pipeline:
    """People, services and `sessions` in one lane."""
    pipeline.one_lane()
    pipeline.connection.execute(PEOPLE_AND_SERVICES.encode())
    pipeline.connection.execute(sessions.encode(), {"at": TEN + 5 * HOUR, "until": TEN + 6 * HOUR})
    return pipeline


BUYS: dict[str, Callable[[int], Command]] = {
    "room": lambda who: book_room(time(10), time(11), user_id=who, date=DAY),
    "individual": lambda who: BookIndividual(who, TALK, TEN, TEN + HOUR, 1),
    "seat": lambda who: BookSession(who, WORKSHOP, 1),
    "course": lambda who: BookCourse(who, COURSE, 1),
    "package": lambda who: BookPackage(who, PACKAGE, (Part(TALK, 1, TEN, TEN + HOUR), Part(WORKSHOP, session_id=1))),
}


ENGINE = Actor(ActorKind.ENGINE)


def run(market: Pipeline, worker: Worker, command: NewCommand) -> None:
    ids = market.put(command)
    worker.visit_until_done()
    assert market.codes(ids) == ["succeeded"]


def from_nothing(market: Pipeline) -> None:
    market.connection.execute(
        """DELETE FROM payment; DELETE FROM claim; DELETE FROM closure; DELETE FROM marketplace_booking; DELETE FROM credit;
           DELETE FROM booking; UPDATE service_session SET seats_taken = 0, is_cancelled = false"""
    )
