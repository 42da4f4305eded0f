"""Deliveries as workers take them: one worker at a time, in order for a booking, and no receiver holds up another."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from msgspec import structs

from core.store.connections.database import Connection, connect_lane
from core.store.deliveries.cursors import add
from core.store.deliveries.leases import FAILURES_MAX, LOST_ANSWER, RunLimits, any_due, lease_runs
from core.store.deliveries.parked import SQL_TRIED
from core.store.deliveries.reports import Attempt, Next, report
from core.store.deliveries.values import Delivery, DeliveryState, dropped, never, sent, try_again
from tests.support.deliveries.by_hand import ALL, NAME, answer, due_at, pass_time, rows, run_of, take, to

NO = try_again("500")


def bookings(taken: list[Delivery]) -> list[int | None]:
    return [one.booking_id for one in taken]


def test_a_delivery_is_one_workers_until_its_lease_runs_out_and_keeps_its_id(connection: Connection) -> None:
    add(connection, NAME, [to("1", 7)])
    assert any_due(connection)
    (first,) = take(connection)
    assert take(connection) == []
    assert not any_due(connection)
    pass_time(connection, 61)
    assert any_due(connection)
    (second,) = take(connection)
    assert (second.id, second.attempts) == (first.id, 2)
    assert answer(connection, first) is None, "it belongs to another worker by now"
    assert answer(connection, second) is DeliveryState.SENT
    assert take(connection) == []
    assert not any_due(connection)


def test_two_workers_never_have_the_same_delivery(connection: Connection, database_url: str) -> None:
    add(connection, NAME, [to(str(n % 5), n) for n in range(200)])
    taken: list[Delivery] = []

    def work() -> None:
        with connect_lane(database_url, "holdfast tests") as own:
            while some := take(own, limit=7, at_once=3):
                taken.extend(some)
                for one in some:
                    answer(own, one)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while rest := take(connection):  # a worker ends when the others have all that is due
        taken.extend(rest)
        for one in rest:
            answer(connection, one)
    assert len(taken) == len({one.id for one in taken}) == 200


def test_a_bookings_deliveries_go_one_after_another_also_through_a_failure(connection: Connection) -> None:
    add(connection, NAME, [to("1", 7, n=1), to("1", 7, n=2), to("1", 8), to("2", 7), to("1"), to("1")])
    taken = take(connection)
    found = [(one.receiver, one.booking_id) for one in taken]
    assert found == [("1", 7), ("1", 8), ("1", None), ("1", None), ("2", 7)]
    answer(connection, taken[0], NO)
    assert take(connection, failing=True) == [], "the second waits for the first"
    pass_time(connection, 5)
    (again,) = take(connection, failing=True)
    assert again.id == taken[0].id
    answer(connection, again)
    (second,) = take(connection)
    assert second.data == {"n": 2}


def test_a_receiver_has_no_more_under_way_than_its_sender_allows(connection: Connection) -> None:
    """One that hangs keeps so many threads busy; the others are served."""
    add(connection, NAME, [to("hangs", n) for n in range(50)])
    add(connection, NAME, [to("live", n) for n in range(3)])
    assert bookings(take(connection, limit=2, at_once=2)) == [0, 1]
    assert [one.receiver for one in take(connection, at_once=2)] == ["live", "live"]
    assert take(connection, at_once=2) == []


def test_what_waits_of_one_receiver_makes_room_for_others_in_turn(connection: Connection) -> None:
    add(connection, NAME, [to("many", n) for n in range(20)])
    add(connection, NAME, [to("few", n) for n in range(2)])
    order = [take(connection, limit=2)[0].receiver for _ in range(2)]
    assert order == ["many", "few"]


def test_a_receiver_that_fails_pauses_as_a_whole_and_one_tries_whether_it_is_back(connection: Connection) -> None:
    add(connection, NAME, [to("dead", n) for n in range(20)])
    for one in take(connection, limit=FAILURES_MAX):
        answer(connection, one, NO)
    assert take(connection) == take(connection, failing=True) == []
    pass_time(connection, 2)
    (one,) = take(connection, failing=True)
    assert take(connection, failing=True) == []
    answer(connection, one)
    assert len(take(connection)) == 20 - FAILURES_MAX - 1, "it is back: all that is due goes on"


def test_failures_of_ours_do_not_pause_a_receiver(connection: Connection) -> None:
    add(connection, NAME, [to("1", n) for n in range(10)])
    for one in take(connection, limit=9):
        answer(connection, one, try_again("no connection to the mail server", is_receivers_fault=False))
    assert len(take(connection)) == 1


def test_a_delivery_that_was_tried_for_three_days_is_parked_and_so_is_all_that_waited_behind(
    connection: Connection,
) -> None:
    add(connection, NAME, [to("1", n % 2, n=n) for n in range(4)])
    pass_time(connection, 10)
    state, tries = None, 0
    while state is not DeliveryState.PARKED:
        (one,) = take(connection, limit=1) or take(connection, limit=1, failing=True)
        state = answer(connection, one, NO)
        tries += 1
        assert tries < 100
        pass_time(connection, 43_200)
    assert tries > 3
    assert [state for *_, state, _ in rows(connection)].count("parked") == 4


def test_what_trying_cannot_mend_is_parked_and_what_nobody_wants_is_dropped(connection: Connection) -> None:
    add(connection, NAME, [to("1", 7), to("1", 7), to("1", 7)])
    (first,) = take(connection)
    assert answer(connection, first, never("410")) is DeliveryState.PARKED
    (second,) = take(connection)
    assert answer(connection, second, dropped("the endpoint is gone")) is DeliveryState.DROPPED
    assert len(take(connection)) == 1, "neither holds up what comes after it"


def test_a_receiver_that_asks_for_time_gets_it(connection: Connection) -> None:
    add(connection, NAME, [to("1")])
    (one,) = take(connection)
    answer(connection, one, try_again("429", retry_after_s=600))
    due = due_at(connection, one)
    assert due is not None
    assert 590 < (due - one.leased_at).total_seconds() < 660


def test_what_was_not_tried_is_given_back_uncounted(connection: Connection) -> None:
    add(connection, NAME, [to("1")])
    (one,) = take(connection)
    report(connection, run_of(one), [], lambda _, __: Next(None))
    (again,) = take(connection)
    assert again.attempts == 1


def test_each_attempt_is_kept_with_its_answer(connection: Connection) -> None:
    add(connection, NAME, [to("1")])
    (one,) = take(connection)
    answer(connection, one, try_again("500", detail={"body": "oh"}))
    pass_time(connection, 5)
    (one,) = take(connection, ALL, failing=True)
    answer(connection, one)
    assert tried(connection, one) == [(1, "again", "500", 20, "oh"), (2, "sent", "204", 20, None)]


def tried(connection: Connection, one: Delivery) -> list[tuple[object, ...]]:
    found = connection.execute(
        f"SELECT number, verdict, answer, duration_ms, detail->>'body' FROM ({SQL_TRIED}) AS t ORDER BY number".encode(),
        {"id": one.id},
    )
    return found.fetchall()


def test_an_attempt_whose_worker_was_killed_stands_in_the_log(connection: Connection) -> None:
    add(connection, NAME, [to("1")])
    take(connection)
    pass_time(connection, 61)
    (one,) = take(connection)
    ((number, verdict, words, took_ms, _),) = tried(connection, one)
    assert (number, verdict, words) == (1, "again", LOST_ANSWER)
    assert isinstance(took_ms, int)
    assert took_ms >= 60_000


def lease(connection: Connection, runs: int, deliveries: int, at_once: int = 2) -> list[list[object]]:
    """What each run tells."""
    taken = lease_runs(connection, NAME, runs, RunLimits(at_once, 60.0, deliveries))
    return [[one.data["n"] for one in run.deliveries] for run in taken]


def test_a_run_has_the_next_deliveries_of_a_receiver_in_their_order(connection: Connection) -> None:
    add(connection, NAME, [to("1", n % 3, n=n) for n in range(10)])
    assert lease(connection, 1, 4) == [[0, 1, 2, 3]]
    assert lease(connection, 5, 7) == [], "the others' bookings are under way"
    assert not any_due(connection)


def test_what_of_a_run_was_not_tried_is_given_back_and_waits_for_what_failed_before_it(connection: Connection) -> None:
    add(connection, NAME, [to("1", booking, n=n) for n, booking in enumerate([7, 8, 7, 9])])
    (run,) = lease_runs(connection, NAME, 1, RunLimits())
    first, second, *_ = run.deliveries
    attempts = [Attempt(first, NO, 0.1), Attempt(second, sent("204"), 0.1)]
    report(connection, run, attempts, lambda _, failed: Next(failed.now + timedelta(minutes=1)))
    assert [(state, tries) for *_, state, tries in rows(connection)] == [
        ("waiting", 1),
        ("sent", 1),
        ("waiting", 0),
        ("waiting", 0),
    ]
    (other,) = take(connection)
    assert other.data == {"n": 3}
    answer(connection, other)
    pass_time(connection, 61)
    assert [one.data["n"] for one in take(connection)] == [0]


def test_two_runs_of_a_receiver_share_no_booking(connection: Connection) -> None:
    add(connection, NAME, [to("1", n % 5, n=n) for n in range(20)])
    runs = lease_runs(connection, NAME, 2, RunLimits(2, 60.0, 10))
    bookings = [{one.booking_id for one in run.deliveries} for run in runs]
    assert len(bookings) == 2
    assert not bookings[0] & bookings[1]


def test_a_slow_receiver_shares_the_threads_of_those_that_fail(connection: Connection) -> None:
    add(connection, NAME, [to("1", n) for n in range(3)])
    (run,) = lease_runs(connection, NAME, 1, RunLimits(deliveries=1))
    report(connection, run, [Attempt(run.deliveries[0], sent("204"), 1.5)], lambda _, __: Next(None))
    assert take(connection, limit=1) == []
    assert len(take(connection, limit=1, failing=True)) == 1


def test_what_is_put_off_waits_for_its_time_and_is_sent_once(connection: Connection) -> None:
    """Also where it was planned after what waits in turn."""
    later = datetime.now(UTC) + timedelta(minutes=1)
    add(connection, NAME, [to("1", n=1), structs.replace(to("1", n=2), due_at=later), to("1", n=3)])
    first = take(connection)
    assert [one.data["n"] for one in first] == [1, 3]
    assert [answer(connection, one) for one in first] == [DeliveryState.SENT] * 2
    pass_time(connection, 61)
    (second,) = take(connection)
    assert second.data == {"n": 2}
    assert take(connection) == []
    assert answer(connection, second) is DeliveryState.SENT
