"""Nobody gets two seats of one session, whatever is bought in several lanes at once; PostgreSQL refuses it too."""

from __future__ import annotations

import psycopg
import pytest

from core.domain.commands import Actor, ActorKind, Command
from core.domain.marketplace.commands import (
    BookCourse,
    BookPackage,
    BookSession,
    CancelSession,
    JoinWaitingList,
    OfferSeats,
    Part,
    TakeSeat,
)
from core.store.connections.database import MIGRATE_LIMITS
from core.store.connections.sqlalchemy_engines import engine
from core.store.maintenance.one_seat import guard_seats
from tests.support.engine.lanes import Pipeline, lost_race_codes, meanwhile
from tests.support.engine.market_data import ANYTHING_GOES, MARKET, PEOPLE, STAFF, UMA, VERA
from tests.support.engine.shared_rows import lane, one_after_the_other, run

WORKSHOP, PACKAGE, COURSE = 2, 4, 5
SESSION, LECTURE = 1, 2
SESSIONS = """
INSERT INTO service (id, name, name_key, kind, price_cents, duration_minutes, resource_id, is_named)
VALUES (4, 'Package', 'package', 'package', 0, 60, 3, false), (5, 'Course', 'course', 'course', 0, 60, 3, false);
INSERT INTO service_practitioner VALUES (4, 1), (5, 1);
INSERT INTO service_item VALUES (4, 0, 2);
INSERT INTO service_session (id, service_id, practitioner_id, starts_at, ends_at, capacity)
VALUES (1, 2, 1, '2100-01-04 10:00+00', '2100-01-04 11:00+00', 5), (2, 5, 1, '2100-01-05 10:00+00', '2100-01-05 11:00+00', 5);
"""
SEAT = BookSession(1, WORKSHOP, SESSION)
WITH_SEAT = BookPackage(1, PACKAGE, (Part(WORKSHOP, session_id=SESSION),))
LATER = BookPackage(1, PACKAGE, (Part(WORKSHOP),))
WHOLE_COURSE = BookCourse(1, COURSE, 1)
SEATS_OF_UMA = """
SELECT count(*) FROM marketplace_booking
WHERE user_id = 1 AND session_id IS NOT NULL AND status NOT IN ('draft', 'cancelled', 'expired')
"""


@pytest.fixture
def market(pipeline: Pipeline) -> Pipeline:
    pipeline.connection.execute((PEOPLE + MARKET + SESSIONS).encode())
    return pipeline


def draft(market: Pipeline) -> int:
    """A workshop that is part of a package of Uma's and has no session yet."""
    run(market, lane(0, LATER, UMA, "marketplace"))
    (booking_id,) = market.row("SELECT id FROM booking WHERE status = 'draft'")
    return int(booking_id)


def seats(market: Pipeline) -> int:
    (count,) = market.row(SEATS_OF_UMA)
    return int(count)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SEAT, SEAT),
        (SEAT, WITH_SEAT),
        (WITH_SEAT, SEAT),
        (WITH_SEAT, TakeSeat),
        (TakeSeat, WITH_SEAT),
        (TakeSeat, SEAT),
        (WHOLE_COURSE, WHOLE_COURSE),
    ],
)
def test_somebody_who_books_a_session_in_two_lanes_gets_one_seat(
    market: Pipeline, monkeypatch: pytest.MonkeyPatch, one: Command | type[TakeSeat], other: Command | type[TakeSeat]
) -> None:
    """Remedy: who has a seat is read when the session is locked."""
    booking_id = draft(market) if TakeSeat in {one, other} else 0
    first, second = (TakeSeat(booking_id, SESSION) if wish is TakeSeat else wish for wish in (one, other))
    raced = lost_race_codes(monkeypatch)
    codes = one_after_the_other(
        market,
        monkeypatch,
        lane(0, first, UMA, "marketplace"),  # type: ignore[arg-type]
        lane(1, second, UMA, "marketplace"),  # type: ignore[arg-type]
    )
    assert (codes, seats(market)) == (["succeeded", "already_booked"], 1)
    assert raced == [], "it is seen, not only refused by the constraint"


def test_a_session_is_cancelled_with_the_seat_that_was_given_away_meanwhile(
    market: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, cancel = lane(0, SEAT, UMA, "marketplace"), lane(1, CancelSession(SESSION), STAFF, "marketplace")
    one_after_the_other(market, monkeypatch, book, cancel)
    market.worker(ANYTHING_GOES).visit_until_done(1)  # what the first step did not see is another's
    assert market.codes([book.id, cancel.id]) == ["succeeded", "succeeded"]
    assert market.rows("SELECT status FROM booking") == [("cancelled",)]
    assert market.row("SELECT seats_taken FROM service_session WHERE id = %s", SESSION) == (0,)


def test_postgresql_refuses_a_second_seat_and_the_command_is_told_so(
    market: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seat that appears between a batch's reading and its writing: as if a lock had failed."""
    run(market, lane(0, BookSession(2, WORKSHOP, SESSION), VERA, "marketplace"))
    give = """UPDATE booking SET user_id = 1; UPDATE marketplace_booking SET user_id = 1"""
    loads = meanwhile(monkeypatch, lambda: market.connection.execute(give))
    raced = lost_race_codes(monkeypatch)
    (id_,) = market.put(lane(0, SEAT, UMA, "marketplace"))
    market.worker(ANYTHING_GOES).visit_until_done(market.lane_of(id_))
    assert (market.codes([id_]), raced, loads) == (["already_booked"], ["23505"], [2])
    assert market.charged() == {}


def test_an_own_hold_that_has_run_out_makes_way_for_the_same_seat(market: Pipeline) -> None:
    market.connection.execute("UPDATE service SET price_cents = 2000 WHERE id = 2")
    run(market, lane(0, SEAT, UMA, "marketplace"))
    market.connection.execute("UPDATE booking SET hold_expires_at = now()")
    run(market, lane(1, SEAT, UMA, "marketplace"))
    assert market.rows("SELECT status FROM booking ORDER BY id") == [("expired",), ("held",)]
    assert market.row("SELECT seats_taken FROM service_session WHERE id = %s", SESSION) == (1,)


def test_somebody_who_waits_and_has_got_a_seat_is_offered_no_other(market: Pipeline) -> None:
    """Seats that nobody was waiting for were given back before hers was offered, and she took one herself."""
    market.connection.execute("UPDATE service_session SET capacity = 1 WHERE id = 1")
    run(market, lane(0, BookSession(2, WORKSHOP, SESSION), VERA, "marketplace"))
    run(market, lane(0, JoinWaitingList(1, SESSION), UMA, "marketplace"))
    market.connection.execute("UPDATE service_session SET capacity = 3 WHERE id = 1")
    run(market, lane(0, SEAT, UMA, "marketplace"))
    run(market, lane(0, OfferSeats(SESSION, 10), Actor(ActorKind.ENGINE), "marketplace"))
    assert seats(market) == 1
    assert market.rows("SELECT count(*) FROM waiting_place") == [(0,)]


def test_a_migrate_that_finds_doubles_tells_of_them_and_makes_the_index_once_they_are_gone(market: Pipeline) -> None:
    run(market, lane(0, SEAT, UMA, "marketplace"), lane(0, BookSession(2, WORKSHOP, SESSION), VERA, "marketplace"))
    double = "UPDATE booking SET user_id = 1; UPDATE marketplace_booking SET user_id = 1"
    with pytest.raises(psycopg.errors.UniqueViolation):
        market.connection.execute(double)
    market.connection.execute(f"DROP INDEX marketplace_booking_one_seat; {double}")
    migrating = engine(market.url, MIGRATE_LIMITS, "holdfast tests")
    assert not guard_seats(migrating), "it is reported, and migrate goes on"
    bookings = [id_ for (id_,) in market.rows("SELECT id FROM booking ORDER BY id")]
    assert market.rows("SELECT * FROM doubled_seat") == [(SESSION, 1, bookings)]
    market.connection.execute(
        "UPDATE marketplace_booking SET status = 'cancelled' WHERE booking_id = %s", (bookings[1],)
    )
    assert guard_seats(migrating)
    assert guard_seats(migrating), "and again, with nothing to be done"
    assert market.rows("SELECT * FROM doubled_seat") == []
    with pytest.raises(psycopg.errors.UniqueViolation):
        market.connection.execute("UPDATE marketplace_booking SET status = 'confirmed'")
    migrating.dispose()
