"""Rows that several lanes may change: who comes second waits for the first, and decides by what it left.

The second of two lanes begins between the first one's reading and its writing. Remedy, each time: the row is locked
FOR UPDATE when it is read (docs/lanes.md); taken away, the test fails.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.domain.bookings.status import Status
from core.domain.commands import Actor, ActorKind, Cancel, ChangeSlot, ChangeStatus, ExpireDue
from core.domain.marketplace.commands import BookBundle, BookIndividual, BookSession
from core.domain.values import Policy
from core.store import load as loading
from core.store.bookings import bookings
from core.store.inbox.acceptance import NewCommand
from core.store.payments.jobs import PaymentJob, lease_due
from tests.support.engine.calendar_lanes import HOUR, TEN, book, by_staff, slot_at, with_calendar
from tests.support.engine.lanes import Background, Pipeline, holding, meanwhile, new, places
from tests.support.engine.market_data import ANYTHING_GOES, MARKET, PEOPLE, ROOM, STAFF, UMA, VERA
from tests.support.engine.shared_rows import key_of_lane, lane, one_after_the_other, run, waiting_worker, waits
from tests.support.values import MONDAY, book_room
from tests.support.wait import wait_until

WORKSHOP_OF_ONE = """
INSERT INTO service_session (id, service_id, practitioner_id, starts_at, ends_at, capacity)
VALUES (1, 2, 1, '2025-10-20 10:00+00', '2025-10-20 11:00+00', 1);
"""
A_CREDIT = """
INSERT INTO service (id, name, name_key, kind, price_cents, duration_minutes, resource_id, is_named, credits, valid_days)
VALUES (3, 'Bundle', 'bundle', 'bundle', 0, 60, 3, false, 1, 30);
INSERT INTO service_practitioner VALUES (3, 1);
INSERT INTO service_item VALUES (3, 0, 1), (3, 1, 2);
"""
"""For sale, at no price: one session or one seat."""
UNSENT_PAYMENT = """
INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, created_at, updated_at, due_at)
SELECT gen_random_uuid(), id, 1, 5000, 'usd', 'creating', now(), now(), now() FROM booking
"""


@pytest.fixture
def one_booking(pipeline: Pipeline) -> int:
    run(pipeline, lane(0, places(1)[0], STAFF))
    (booking_id,) = pipeline.row("SELECT id FROM booking")
    return int(booking_id)


def test_a_booking_that_is_cancelled_is_not_completed_as_well(
    pipeline: Pipeline, one_booking: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel, complete = Cancel(one_booking), ChangeStatus(one_booking, Status.COMPLETED)
    codes = one_after_the_other(pipeline, monkeypatch, lane(0, cancel, STAFF), lane(1, complete, STAFF))
    assert codes == ["succeeded", "invalid_transition"]
    assert pipeline.row("SELECT status, version FROM booking") == ("cancelled", 2)


def test_somebody_who_books_a_time_slot_that_moves_gets_its_new_time(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot_id = slot_at(with_calendar(pipeline), TEN)
    pipeline.lanes(8)
    later = TEN + 5 * HOUR
    move, want = by_staff(ChangeSlot(slot_id, 1, later, later + HOUR)), book(slot_id)
    moving = lane(0, move.command, move.actor, "calendar")
    assert one_after_the_other(pipeline, monkeypatch, moving, lane(1, want.command, want.actor, "calendar")) == [
        "succeeded",
        "succeeded",
    ]
    assert pipeline.row("SELECT b.starts_at, s.starts_at FROM booking b JOIN time_slot s ON s.id = b.time_slot_id") == (
        later,
        later,
    )


def test_the_last_seat_is_refused_to_the_second_who_saw_it_free(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.connection.execute((PEOPLE + MARKET + WORKSHOP_OF_ONE).encode())
    one, other = lane(0, BookSession(1, 2, 1), UMA, "marketplace"), lane(1, BookSession(2, 2, 1), VERA, "marketplace")
    assert one_after_the_other(pipeline, monkeypatch, one, other) == ["succeeded", "session_full"]
    assert pipeline.row("SELECT seats_taken FROM service_session") == (1,)


def test_the_last_credit_pays_for_the_first_of_two_bookings(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.connection.execute((PEOPLE + MARKET + A_CREDIT).encode())
    run(pipeline, lane(0, BookBundle(1, 3), UMA, "marketplace"))
    wanted = [BookIndividual(1, 1, start, start + timedelta(hours=1), 1) for start in (TEN, TEN + 3 * HOUR)]
    one, other = (lane(number, command, UMA, "marketplace") for number, command in enumerate(wanted))
    assert one_after_the_other(pipeline, monkeypatch, one, other) == ["succeeded", "succeeded"]
    statuses = pipeline.rows("SELECT status FROM booking WHERE service_name = 'Hour' ORDER BY starts_at")
    assert statuses == [("confirmed",), ("held",)]
    assert pipeline.row("SELECT balance FROM credit") == (0,)


def hold(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, policy: Policy) -> list[str]:
    """One person wants two rooms' worth of time on two days."""
    one, other = (lane(n, book_room(date=MONDAY + timedelta(days=n)), UMA) for n in range(2))
    return one_after_the_other(pipeline, monkeypatch, one, other, policy)


def test_one_person_holds_no_more_than_the_limit_in_two_lanes(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.connection.execute((PEOPLE + ROOM).encode())
    limited = Policy(allow_past=True, max_holds_per_user=1)
    assert hold(pipeline, monkeypatch, limited) == ["succeeded", "too_many_holds"]
    assert pipeline.rows("SELECT status FROM booking") == [("held",)]


@pytest.fixture
def lapsed(pipeline: Pipeline) -> int:
    """A hold of Uma's that has run out, and that nothing has ended yet."""
    pipeline.connection.execute((PEOPLE + ROOM).encode())
    run(pipeline, lane(0, book_room(), UMA))
    (booking_id,) = pipeline.row("UPDATE booking SET hold_expires_at = now() RETURNING id")
    return int(booking_id)


def test_a_lapsed_hold_that_makes_way_is_not_cancelled_as_well(
    pipeline: Pipeline, lapsed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = lane(0, book_room(user_id=2), VERA), lane(1, Cancel(lapsed), UMA)
    codes = one_after_the_other(pipeline, monkeypatch, one, other)
    assert codes == ["succeeded", "invalid_transition"]
    assert pipeline.row("SELECT status, version FROM booking WHERE id = %s", lapsed) == ("expired", 2)


def test_a_hold_that_another_lane_ends_between_two_reads_is_not_in_the_way(
    pipeline: Pipeline, lapsed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of who has the time and of which of those have run out.

    Remedy: what has no claim any more is forgotten. It was no lapsed hold any more, and was taken for a live one.
    """
    sweep = lane(1, ExpireDue((lapsed,)), Actor(ActorKind.ENGINE), "engine")

    def lock_lapsed(*args: Any) -> None:
        monkeypatch.setattr(loading, "lock_lapsed", bookings.lock_lapsed)
        run(pipeline, sweep)
        bookings.lock_lapsed(*args)

    monkeypatch.setattr(loading, "lock_lapsed", lock_lapsed)
    (id_,) = pipeline.put(lane(0, book_room(user_id=2), VERA))
    pipeline.worker(ANYTHING_GOES).visit(0)
    assert pipeline.codes([id_]) == ["succeeded"]
    assert pipeline.rows("SELECT status FROM booking ORDER BY id") == [("expired",), ("held",)]


def test_a_payment_that_a_lane_gives_up_is_not_sent_meanwhile(
    pipeline: Pipeline, lapsed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither locks nor waits for the other: what a lane has is left out by the worker that asks Stripe."""
    pipeline.connection.execute(UNSENT_PAYMENT)
    (id_,) = pipeline.put(lane(0, Cancel(lapsed), UMA))
    took: list[list[PaymentJob]] = []
    meanwhile(monkeypatch, lambda: took.append(lease_due(pipeline.connect(), 10, 100.0).jobs))
    pipeline.worker(ANYTHING_GOES).visit(0)
    assert (took, pipeline.codes([id_])) == ([[]], ["succeeded"])
    assert lease_due(pipeline.connect(), 10, 100.0).jobs == [], "and there is nothing left to be asked"


def test_a_command_that_waited_for_a_row_is_judged_by_the_present(pipeline: Pipeline, one_booking: int) -> None:
    """Remedy: the clock is read after the locks, and it is not that of the transaction's beginning."""
    (deadline,) = pipeline.row("SELECT clock_timestamp() + interval '0.5 seconds'")
    (id_,) = pipeline.put(new(Cancel(one_booking), actor=STAFF, partition_key=key_of_lane(0), decide_before=deadline))
    worker = waiting_worker(pipeline)
    with holding(pipeline.url, "SELECT FROM booking FOR UPDATE"):
        visit = Background(lambda: worker.visit(0))
        wait_until(lambda: waits(pipeline), "the batch waits")
        wait_until(lambda: pipeline.row("SELECT clock_timestamp() > %s", deadline) == (True,), "it is too late")
    visit.join()
    assert pipeline.codes([id_]) == ["decided_too_late"]


def locked_by_who_waits_for(pipeline: Pipeline, table: str, row: int, *commands: NewCommand) -> dict[str, set[int]]:
    """Somebody else holds one row that a batch wants: which rows the batch has locked by then, by table."""
    pipeline.put(*commands)
    worker = waiting_worker(pipeline)
    name = IDS[table]
    with holding(pipeline.url, f"SELECT FROM {table} WHERE {name} = {row} FOR UPDATE"):
        visit = Background(lambda: worker.visit(*range(8)))
        wait_until(lambda: waits(pipeline), "the batch waits")
        locked = {}
        for table_, name_ in IDS.items():
            free = pipeline.rows(f"SELECT {name_} FROM {table_} FOR UPDATE SKIP LOCKED")
            locked[table_] = {id_ for (id_,) in pipeline.rows(f"SELECT {name_} FROM {table_}")} - {
                id_ for (id_,) in free
            }
    visit.join()
    return {table_: ids for table_, ids in locked.items() if ids}


IDS = {"time_slot": "id", "booking": "id", "service_session": "id", "credit": "booking_id"}
"""Tables whose rows several lanes may want, in the order in which they are locked, and the order within each."""


@pytest.mark.parametrize("table", ["time_slot", "booking"])
def test_rows_are_locked_table_by_table_in_the_order_of_their_ids_whatever_the_commands_order(
    pipeline: Pipeline, table: str
) -> None:
    """Remedy: one fixed order, so that lanes that want the same rows wait for each other and do not deadlock."""
    calendar = with_calendar(pipeline)
    slots = [slot_at(calendar, TEN + n * HOUR) for n in range(5)]
    for slot_id in slots:
        run(calendar, book(slot_id))
    bookings = [id_ for (id_,) in calendar.rows("SELECT id FROM booking ORDER BY id")]
    wanted = {"time_slot": slots, "booking": bookings}
    cancels = [by_staff(Cancel(id_)) for id_ in reversed(bookings)]
    locked = locked_by_who_waits_for(calendar, table, wanted[table][2], *cancels)
    before = {"time_slot": set(slots)} if table == "booking" else {}
    assert locked == {**before, table: set(wanted[table][:3])}


@pytest.fixture
def session(pipeline: Pipeline) -> int:
    """Of a workshop that costs something; Uma has two credits for it. Its id."""
    pipeline.connection.execute((PEOPLE + MARKET + WORKSHOP_OF_ONE + A_CREDIT).encode())
    pipeline.connection.execute(
        "UPDATE service SET price_cents = 2000 WHERE id = 2; UPDATE service SET credits = 2 WHERE id = 3"
    )
    run(pipeline, lane(0, BookBundle(1, 3), UMA, "marketplace"))
    return 1


def test_a_purchase_locks_seats_before_credits(pipeline: Pipeline, session: int) -> None:
    (credit,) = pipeline.row("SELECT booking_id FROM credit")
    seat = lane(0, BookSession(1, 2, session), UMA, "marketplace")
    locked = locked_by_who_waits_for(pipeline, "credit", credit, seat)
    assert locked == {"service_session": {session}, "credit": {credit}}


def test_a_cancellation_locks_bookings_before_seats_before_credits(pipeline: Pipeline, session: int) -> None:
    (credit,) = pipeline.row("SELECT booking_id FROM credit")
    run(pipeline, lane(0, BookSession(1, 2, session), UMA, "marketplace"))
    (seat,) = pipeline.row("SELECT max(id) FROM booking")
    cancel = lane(0, Cancel(seat), UMA, "marketplace")
    locked = locked_by_who_waits_for(pipeline, "credit", credit, cancel)
    assert locked == {"booking": {seat}, "service_session": {session}, "credit": {credit}}
