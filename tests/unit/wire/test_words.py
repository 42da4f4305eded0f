"""The words that clients read: exactly the tables of docs/contracts/README.md and the documents' sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.domain.bookings.status import Status
from core.domain.refusals import CommandRefused, Refusal
from core.wire.refusals import REFUSALS, sentence
from core.wire.vocabulary import (
    APPOINTMENTS_ASKED,
    APPOINTMENTS_STATUS,
    AppointmentsWord,
    micros,
    zulu,
)

VOCABULARY = {
    # docs/contracts/README.md, "One status, five vocabularies", column "appointments, agent"
    "held": "upcoming",
    "confirmed": "upcoming",
    "in_progress": "upcoming",
    "completed": "completed",
    "cancelled": "cancelled",
    "expired": "cancelled",
    "no_show": "cancelled",
}

PRINTED = {
    # the agent document, "Common Error Messages"
    Refusal.OFF_DAY: (400, "Booking not allowed on off days"),
    Refusal.OUTSIDE_WORKING_HOURS: (400, "Booking time is outside working hours"),
    Refusal.SLOT_TAKEN: (409, "This time slot is already reserved"),
    Refusal.NO_SETTINGS: (404, "No booking settings found"),
}


def test_the_appointments_words_are_the_contracts_pages() -> None:
    shown = {s.value: word for s, word in APPOINTMENTS_STATUS.items() if s is not Status.DRAFT}
    assert shown == VOCABULARY


@pytest.mark.parametrize("word", ["upcoming", "completed", "cancelled"])
def test_asking_for_a_word_leads_to_a_state_that_shows_it(word: AppointmentsWord) -> None:
    assert APPOINTMENTS_STATUS[APPOINTMENTS_ASKED[word]] == word


@pytest.mark.parametrize(("refusal", "expected"), list(PRINTED.items()))
def test_a_refusal_says_what_the_document_prints(refusal: Refusal, expected: tuple[int, str]) -> None:
    assert sentence(CommandRefused(refusal)) == expected


def test_every_refusal_has_a_status_and_a_sentence() -> None:
    assert set(REFUSALS) == set(Refusal)
    assert {answer.status for answer in REFUSALS.values()} <= {400, 403, 404, 409}


@pytest.mark.parametrize(
    ("present", "words"),
    [
        (Status.COMPLETED, "This booking is completed and may become nothing else"),
        (Status.CANCELLED, "This booking is cancelled and may become nothing else"),
        (Status.CONFIRMED, "This booking is upcoming and may become cancelled, completed"),
    ],
)
def test_a_refused_transition_names_where_the_booking_is_and_may_go(present: Status, words: str) -> None:
    assert sentence(CommandRefused(Refusal.INVALID_TRANSITION, present)) == (409, words)


@pytest.mark.parametrize("contract", ["rooms", "appointments", "agent", "calendar"])
def test_a_cancellation_of_what_has_begun_says_so_where_the_contract_has_no_word_for_it(contract: str) -> None:
    status, words = sentence(CommandRefused(Refusal.INVALID_TRANSITION, Status.IN_PROGRESS), contract)
    assert (status, words) == (409, "This booking has begun: it can be completed, but not be cancelled any more")


def test_appointments_timestamps_end_in_an_offset_with_microseconds() -> None:
    moment = datetime(2025, 10, 13, 8, 15, 30, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert micros(moment) == "2025-10-13T06:15:30.123456+00:00"
    assert micros(datetime(2025, 1, 1, tzinfo=UTC)) == "2025-01-01T00:00:00.000000+00:00"


def test_other_timestamps_end_in_z() -> None:
    moment = datetime(2025, 10, 14, 14, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert zulu(moment) == "2025-10-14T12:00:00Z"
