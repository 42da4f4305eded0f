"""Each check counts what it looked at, and finds what it is for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.faults.checks import bookings, commands, events
from tests.faults.checks.events import Heard
from tests.faults.checks.facts import Credit, Delivery, Event, Session
from tests.faults.checks.finding import Finding
from tests.faults.history.operations import operations
from tests.faults.recovery import Struck, rows
from tests.unit.faults.histories import NINE, asked, batch, booking, event, facts, outcome


def words(found: Finding) -> str:
    return "; ".join(found.problems)


def test_an_acknowledged_command_is_decided_once() -> None:
    done = operations([asked("a", 1), asked("b", 1), asked("c", 1, 202), asked("d", 1)])
    here = facts(outcomes=[outcome("id-a"), outcome("id-d"), outcome("id-d")], inbox={"id-c": "place"})
    found = commands.acknowledged(done, here)
    assert found.counted == 4
    assert found.wrong == [
        "1 were lost, as id-b",
        "1 are still undecided, as id-c",
        "1 were decided more than once, as id-d",
    ]


def test_an_answer_must_be_the_outcome() -> None:
    here = facts(outcomes=[outcome("id-a"), outcome("id-b", http_status=409), outcome("id-c", response={"id": 2})])
    history = [asked(name, 1, body={"id": 1}) for name in "abc"]
    found = commands.answers(history, here)
    assert found.counted == 3
    assert "2 answers differ" in words(found)


def test_a_secret_that_only_its_payer_gets_is_no_difference() -> None:
    here = facts(outcomes=[outcome("id-a")])
    assert words(commands.answers([asked("a", 1, body={"id": 1, "client_secret": "s"})], here)) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"history": [asked("a", 1, key="k", command="x"), asked("a", 3, key="k", command="y")]},
        {"history": [asked("a", 1, key="k", command="x"), asked("a", 3, 404, key="k", command="")]},
        {"outcomes": [outcome("x", body={"notes": "a"}), outcome("y", body={"notes": "a"})]},
    ],
)
def test_a_key_means_one_command(wrong: dict[str, Any]) -> None:
    history = wrong.get("history", [asked("a", 1, key="k", command="x")])
    here = facts(outcomes=wrong.get("outcomes", [outcome("x", body={"notes": "a"})]))
    assert words(commands.repeated(operations(history), here)) != ""
    good = facts(outcomes=[outcome("x", body={"notes": "a"})])
    assert words(commands.repeated(operations([asked("a", 1, key="k", command="x")]), good)) == ""


def test_a_bulk_has_an_outcome_for_each_row() -> None:
    sent = [asked(n, 1, 202, story="bulks", command="", body={"batch_id": n}) for n in ("b1", "b2", "b3")]
    found = commands.bulks(sent, facts(bulks={"b1": (10, 10), "b2": (10, 9)}))
    assert found.wrong == ["1 were lost, as b3", "1 have not one outcome for each row, as b2"]


def test_only_503_with_a_time_is_ever_a_servers_answer() -> None:
    assert words(commands.server_errors([asked("a", 1), asked("b", 1, 503, has_retry_after=True)])) == ""
    assert "server's error" in words(commands.server_errors([asked("a", 1, 500)]))
    assert "come again" in words(commands.server_errors([asked("a", 1, 429)]))


def test_doubt_is_counted_and_bounded() -> None:
    lost = operations([asked(str(n), 1, 0, command="") for n in range(9)])
    assert commands.unknown(lost, 2).counted == 9
    assert words(commands.unknown(lost, 2)) == ""
    assert words(commands.unknown(lost, 1)) != ""


def test_two_bookings_at_one_time_are_found_by_their_times() -> None:
    long = booking(1, 9, ends_at=NINE.replace(hour=12))
    assert words(bookings.overlaps(facts(bookings=[booking(1, 9), booking(2, 10)]))) == ""
    assert "booking 1 and booking 3" in words(bookings.overlaps(facts(bookings=[long, booking(3, 11)])))
    others = [booking(2, 9, status="cancelled"), booking(3, 9, is_deleted=True), booking(4, 9, resource_id=2)]
    assert words(bookings.overlaps(facts(bookings=[booking(1, 9), *others]))) == ""


def test_a_time_slot_has_one_booking() -> None:
    taken = [booking(1, 9, time_slot_id=5), booking(2, 10, time_slot_id=5)]
    assert words(bookings.time_slots(facts(bookings=taken))) != ""


def test_seats_are_counted_from_bookings() -> None:
    here = Session(7, 2, 2, False, 1, NINE, NINE + timedelta(hours=1))
    seated = [booking(n, session_id=7, user_id=n) for n in range(1, 4)]
    assert words(bookings.seats(facts(sessions=[here], bookings=seated[:2]))) == ""
    assert "more people than seats" in words(bookings.seats(facts(sessions=[here], bookings=seated)))
    assert "count their seats wrong" in words(bookings.seats(facts(sessions=[here], bookings=seated[:1])))


def test_nobody_sits_twice() -> None:
    assert "sit twice" in words(bookings.persons(facts(bookings=[booking(1, session_id=7), booking(2, session_id=7)])))


def test_credits_add_up() -> None:
    used = [booking(1, credit_id=9), booking(2, credit_id=9, status="cancelled")]
    assert words(bookings.credits_(facts(credits=[Credit(9, 3, 2)], bookings=used))) == ""
    assert "miscount" in words(bookings.credits_(facts(credits=[Credit(9, 3, 3)], bookings=used)))
    assert "overdrawn" in words(bookings.credits_(facts(credits=[Credit(9, 3, -1)])))


def test_a_hold_ends_in_time_apart_from_trouble() -> None:
    late = booking(1, status="expired", hold_expires_at=NINE, updated_at=NINE + timedelta(seconds=30))
    assert "booking 1 (expired) by 30 s" in words(bookings.holds_end(facts(bookings=[late]), [], 8.0))
    trouble = [(NINE - timedelta(seconds=5), NINE + timedelta(seconds=25))]
    assert words(bookings.holds_end(facts(bookings=[late]), trouble, 8.0)) == ""
    still = booking(2, status="held", hold_expires_at=NINE - timedelta(seconds=20))
    assert "booking 2 (held) by 20 s" in words(bookings.holds_end(facts(bookings=[still]), [], 8.0))


def test_positions_have_no_hole() -> None:
    assert words(events.positions(facts(batches=[batch(1, 1, 2), batch(2, 3)], head=3))) == ""
    assert "leave a hole" in words(events.positions(facts(batches=[batch(1, 1, 2), batch(2, 4)], head=4)))
    assert "no position" in words(events.positions(facts(batches=[batch(1, 1), batch(2, None)], head=1)))
    assert "other events" in words(events.positions(facts(batches=[batch(1, 1, 2, rows=1)], head=2)))


def test_each_outcome_has_one_final_event() -> None:
    told = [event(1, command_id="a"), event(2, command_id="b"), event(3, command_id="b")]
    found = events.finals(facts(outcomes=[outcome("a"), outcome("b"), outcome("c")], events=told))
    assert found.wrong == ["2 outcomes have not exactly one final event, as b, c"]


def story(found: list[Event], **changes: Any) -> str:
    here = facts(outcomes=[outcome("c1")], bookings=[booking(1, **changes)], events=found)
    return words(events.stories(here))


def test_events_tell_what_the_tables_say() -> None:
    made, changed = event(1), event(2, "booking_updated", booking_version=2)
    gone = event(3, "booking_deleted", booking_version=2)
    assert story([made, changed], version=2) == ""
    assert story([made, changed, gone], version=2, is_deleted=True) == ""
    assert "as last told" in story([made], version=2)
    assert "once as made" in story([made, event(2)])
    assert "not told in order" in story([made, changed, changed], version=2)
    assert "once as deleted" in story([made, changed], version=2, is_deleted=True)


def heard(*numbers: int, type_: str = "booking_created") -> list[Heard]:
    return [Heard("one", "admin", type_, "e", number) for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ((1, 2, 3), ""),
        ((2, 3), ""),
        ((1, 3), "never heard, as 2"),
        ((1, 2, 2, 3), "more than once, as 2"),
        ((2, 1, 3), "after a later one"),
        ((1, 2, 3, 9), "have no event, as 9"),
        ((1, 2), "never heard, as 3"),
    ],
)
def test_a_listener_hears_each_event_once_and_in_order(numbers: tuple[int, ...], problem: str) -> None:
    found = events.feeds(facts(events=[event(n) for n in (1, 2, 3)]), heard(*numbers), 0)
    assert problem in words(found) if problem else words(found) == ""


def test_a_reload_leaves_out_what_the_client_then_reads_but_must_be_allowed() -> None:
    told = [*heard(1), *heard(3, type_="reload"), *heard(4)]
    here = facts(events=[event(n) for n in (1, 2, 3, 4)])
    assert words(events.feeds(here, told, 1)) == ""
    assert "told to reload" in words(events.feeds(here, told, 0))


def test_a_living_endpoint_has_each_event_since_it_was_made() -> None:
    sent = [Delivery(f"d{n}", "7", n, "booking_created", "sent") for n in (2, 3)]
    here = facts(events=[event(1), event(2), event(3)], deliveries=sent, endpoints={"7": "live", "8": "dead"})
    dead = frozenset({"dead"})
    assert words(events.webhooks(here, {"live": ["d3", "d2", "d2"]}, 1, dead)) == ""
    assert "never reached" in words(events.webhooks(here, {"live": ["d2"]}, 1, dead))
    assert "not planned" in words(events.webhooks(here, {"live": ["d2", "d3"]}, 0, dead))


def test_what_is_left_unfinished_is_named() -> None:
    waiting = Delivery("d", "7", 1, "booking_created", "waiting")
    here = facts(
        outcomes=[outcome("a", status="failed")],
        inbox={"b": "place"},
        deliveries=[waiting],
        endpoints={"7": "live"},
        payments_open=["payment of booking 3, closing"],
        parked=1,
    )
    assert len(events.leftovers(here, frozenset()).wrong) == 5
    dead = facts(outcomes=[outcome("a")], deliveries=[waiting], endpoints={"7": "dead"})
    assert words(events.leftovers(dead, frozenset({"dead"}))) == ""


def test_the_longest_silence_is_of_what_a_strike_met_and_tells_its_requests() -> None:
    strikes = [Struck("f", "k", 10, 12, 13, NINE, NINE), Struck("f", "k", 50, 51, 51.5, NINE, NINE)]
    broken = asked("a", 9, 0, ended_at=12.5, command="", problem="TimeoutError")
    met, calm = asked("a", 12.5, ended_at=14.0), asked("b", 30, ended_at=45.0)
    history = [broken, met, calm]
    (row,) = rows(strikes, operations(history), history)
    assert (row.times, row.median_s, row.worst_s, row.longest_silence_s) == (2, 0.75, 1, 5)
    assert row.why == "slots place: asked: TimeoutError 3.5 s, asked: 201 1.5 s"


def test_a_strike_that_met_nobody_has_no_silence() -> None:
    (row,) = rows([Struck("f", "k", 10, 12, 13, NINE, NINE)], [], [])
    assert (row.longest_silence_s, row.why) == (0.0, "")
