"""The completeness check itself: everything heard is nothing missing, and whatever is left out is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.wire.feeds import FEEDS
from tests.support.conformance.answers import Conformance
from tests.support.conformance.completeness import never_served
from tests.support.conformance.everything_served import Facts, all_answers, all_facts


def forget(answers: Conformance, fact: str) -> None:
    """As if no answer had had it."""
    for one in answers.operations():
        for facts in one.heard.values():
            facts.discard(fact)
    for facts in answers.undescribed.values():
        facts.discard(fact)


def named(answers: Conformance, name: str) -> dict[int, Facts]:
    (heard,) = (one.heard for one in answers.operations() if one.name == name)
    return heard


def test_when_all_that_is_described_was_heard_nothing_is_missing() -> None:
    assert never_served(all_answers(), all_facts()) == []


def test_when_nothing_was_heard_every_operation_and_every_feed_is_told() -> None:
    missing = never_served(Conformance(), set())
    for one in Conformance().operations():
        assert any(line.startswith(f"{one.name} ") for line in missing), one.name
    for feed in FEEDS:
        assert any(line.startswith(f"{feed.path}/ ") for line in missing), feed.path


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        (lambda answers: named(answers, "GET /api/rooms/").pop(200), ["GET /api/rooms/ 200"]),
        (lambda answers: named(answers, "POST /api/admin/timeslots/").pop(409), ["POST /api/admin/timeslots/ 409"]),
        (lambda answers: named(answers, "POST /api/bookings/").pop(202), ["POST /api/bookings/ 202"]),
        (lambda answers: named(answers, "GET /api/admin/rooms/").pop(403), ["GET /api/admin/rooms/ 403"]),
        (lambda answers: named(answers, "GET /api/rooms/").pop(503), ["GET /api/rooms/ 503"]),
        (
            lambda answers: named(answers, "GET /api/rooms/")[200].remove("/count"),
            ["GET /api/rooms/ 200 ['/count']"],
        ),
        (
            lambda answers: named(answers, "GET /api/docs/")[200].remove("text/html"),
            ["GET /api/docs/ 200 text/html"],
        ),
        (lambda answers: forget(answers, "slot_taken"), ["409 slot_taken", "ErrorBody.code slot_taken"]),
        (lambda answers: forget(answers, "method_not_allowed"), ["ErrorBody.code method_not_allowed"]),
    ],
    ids=[
        "success",
        "refusal",
        "acceptance",
        "refusal of its rule",
        "outage",
        "field",
        "media type",
        "code",
        "code of no operation",
    ],
)
def test_what_no_answer_said_is_told(left_out: Callable[[Conformance], object], told: list[str]) -> None:
    answers = all_answers()
    left_out(answers)
    missing = never_served(answers, all_facts())
    assert [line.partition(", as in ")[0] for line in missing] == told


def test_a_field_that_may_be_left_out_is_told_if_no_answer_at_all_had_it() -> None:
    answers = all_answers()
    for one in answers.operations():
        for facts in one.heard.values():
            facts -= {fact for fact in facts if fact.endswith("/time_slot")}
    assert any(line.startswith("SlotBooking.time_slot, as in ") for line in never_served(answers, all_facts()))


def test_a_refusal_that_only_a_poll_told_of_is_heard() -> None:
    answers = all_answers()
    forget(answers, "command_failed")
    poll = next(one for one in answers.operations() if one.name == "GET /api/commands/{command_id}/")
    poll.outcomes.add("503 command_failed")
    assert never_served(answers, all_facts()) == []


@pytest.mark.parametrize(
    "fact",
    ["/ws/calendar/ timeslot_deleted", "close 1013", "error bad_message", "refusal 426 not_a_websocket"],
)
def test_what_no_feed_said_is_told(fact: str) -> None:
    assert never_served(all_answers(), all_facts() - {fact}) == [fact]


def test_what_every_feed_may_say_is_told_if_none_did() -> None:
    silent = {fact for fact in all_facts() if not fact.endswith(" reload")}
    assert never_served(all_answers(), silent) == ["any feed: reload"]


def test_what_one_process_heard_another_can_tell() -> None:
    answers, elsewhere = all_answers(), Conformance()
    elsewhere.hear(answers.heard())
    assert never_served(elsewhere, all_facts()) == []
