"""What an answer to a webhook means, and what of it is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.outbound.client import Answered
from core.store.deliveries.values import Verdict
from core.webhooks.attempts import HIDDEN, RETRY_AFTER_MAX_S, body_of, retry_after_s, verdict_on, without_person
from core.wire.webhooks import BookingMessage
from tests.support.values import booking, user

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DATA = {"at": "2026-03-01T11:59:58.123456+00:00"}


def verdict(status: int, retry_after: str | None = None) -> tuple[Verdict, float | None]:
    answer = verdict_on(Answered(status, "", retry_after), NOW, {})
    return answer.verdict, answer.retry_after_s


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_says_that_it_arrived(status: int) -> None:
    assert verdict(status, "60") == (Verdict.SENT, None)


def test_gone_says_that_nothing_more_is_wanted() -> None:
    assert verdict(410) == (Verdict.NEVER, None)


@pytest.mark.parametrize("status", [199, 300, 301, 302, 307, 308, 400, 401, 404, 409, 422, 500, 502, 504, 600])
def test_anything_else_is_tried_again(status: int) -> None:
    assert verdict(status, "60") == (Verdict.AGAIN, None)


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_is_busy_is_given_the_pause_that_it_asks_for(status: int) -> None:
    assert verdict(status) == (Verdict.AGAIN, None)
    assert verdict(status, "60") == (Verdict.AGAIN, 60.0)
    assert verdict(status, "Sun, 01 Mar 2026 12:02:00 GMT") == (Verdict.AGAIN, 120.0)


@pytest.mark.parametrize(
    ("text", "pause_s"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0661", None),
        ("0", 0.0),
        ("9" * 4_000, RETRY_AFTER_MAX_S),
        ("86400", RETRY_AFTER_MAX_S),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2099 11:00:00 GMT", RETRY_AFTER_MAX_S),
        ("Sun, 99 Mar 2026 11:00:00 GMT", None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_pause_is_read_as_seconds_or_a_date_and_bounded(text: str | None, pause_s: float | None) -> None:
    assert retry_after_s(text, NOW) == pause_s


def test_a_redirect_says_what_to_do() -> None:
    assert "enter the URL" in verdict_on(Answered(302, "", None), NOW, {}).words


def test_a_message_has_the_events_time_and_the_booking_as_it_is_now() -> None:
    booked, person = booking(notes="Window seat, please"), user()
    message = body_of("booking_updated", DATA, (booked, person))
    assert isinstance(message, BookingMessage)
    assert (message.type, message.timestamp, message.data.id) == ("booking_updated", DATA["at"], booked.id)
    assert body_of("booking_updated", DATA, None) is None


def test_an_answer_that_repeats_the_person_is_kept_without() -> None:
    booked, person = booking(notes="Window seat, please"), user()
    said = f'{{"name": "{person.first_name}", "mail": "{person.email}", "note": "{booked.notes}"}}'
    kept = without_person(said, (booked, person))
    assert kept == f'{{"name": "{HIDDEN}", "mail": "{HIDDEN}", "note": "{HIDDEN}"}}'
    assert without_person("no such order", (booked, person)) == "no such order"
