"""The weight of an accepted command: the part that only the database knows."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from core.domain.commands import (
    Cancel,
    CloseResource,
    Command,
    Delete,
    ExpireDue,
    MoveOn,
    ReopenResource,
    ReportNothing,
    RequestPayment,
)
from core.domain.marketplace.commands import TurnBooking, Verb
from core.engine.due_bookings import DUE_BATCH, send_due
from tests.support.engine.lanes import Pipeline
from tests.support.engine.large_session import LargeSession, large_session
from tests.support.values import place

PARTS = 6
DAY = date(2040, 5, 7)


@pytest.fixture
def purchase(pipeline: Pipeline) -> LargeSession:
    """A purchase: its first booking is the whole, the others are its parts."""
    made = large_session(pipeline.url, 1 + PARTS)
    pipeline.connection.execute(
        "UPDATE marketplace_booking SET parent_id = (SELECT min(booking_id) FROM marketplace_booking)"
        " WHERE booking_id > (SELECT min(booking_id) FROM marketplace_booking)"
    )
    return made


def weights(pipeline: Pipeline, *commands: Command) -> list[int]:
    ids = pipeline.put(*commands)
    return [pipeline.row("SELECT weight FROM inbox WHERE id = %s", id_)[0] for id_ in ids]


def bookings(pipeline: Pipeline) -> list[int]:
    return [row[0] for row in pipeline.rows("SELECT booking_id FROM marketplace_booking ORDER BY booking_id")]


@pytest.mark.usefixtures("purchase")
def test_a_booking_comes_with_the_rest_of_its_purchase(pipeline: Pipeline) -> None:
    whole, part, *_ = bookings(pipeline)
    named = (TurnBooking(part, Verb.CANCEL), Cancel(whole), Delete(part), RequestPayment(whole, 1, "usd"))
    assert weights(pipeline, *named) == [1 + PARTS] * 4
    assert weights(pipeline, ExpireDue((whole, part)), MoveOn((part,))) == [2 + PARTS, 1 + PARTS]
    assert weights(pipeline, Cancel(-1), place()) == [1, 1]


@pytest.mark.usefixtures("purchase")
def test_a_payment_comes_with_what_it_is_for(pipeline: Pipeline) -> None:
    (payment,) = pipeline.row("SELECT id FROM payment ORDER BY booking_id LIMIT 1")
    assert weights(pipeline, ReportNothing(payment, "x"), ReportNothing(UUID(int=1), "x")) == [1 + PARTS, 1]


def test_a_closure_comes_with_what_is_in_its_time(pipeline: Pipeline, purchase: LargeSession) -> None:
    """The session's claim, and the time slots on its resource."""
    (category,) = pipeline.row(
        "INSERT INTO category (name, name_key, resource_id) VALUES ('Large', 'large', %s) RETURNING id",
        purchase.resource_id,
    )
    pipeline.connection.execute(
        """INSERT INTO time_slot (category_id, starts_at, ends_at, created_at)
           SELECT %s, at, at + interval '1 hour', now() FROM generate_series('2040-05-07 06:00+00'::timestamptz, '2040-05-07 10:00+00', '1 hour') AS at""",
        (category,),
    )
    (closure,) = pipeline.row(
        """INSERT INTO closure (resource_id, first_day, last_day, during, reason, created_at)
           VALUES (%s, '2040-05-07', '2040-05-07', '[2040-05-07 05:00+00, 2040-05-07 09:00+00)', '', now()) RETURNING id""",
        purchase.resource_id,
    )
    closing, elsewhere = CloseResource(purchase.resource_id, DAY, DAY), CloseResource(1, DAY, DAY)
    assert weights(pipeline, closing, elsewhere, ReopenResource(closure)) == [1 + 1 + 5, 1, 1 + 3]


@pytest.mark.usefixtures("purchase")
def test_what_is_due_is_sent_in_commands_that_a_lane_decides_at_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    monkeypatch.setattr("core.engine.due_bookings.DUE_BATCH", PARTS)
    pipeline.connection.execute("UPDATE booking SET status = 'held', hold_expires_at = now() - interval '1 hour'")
    sent = send_due(pipeline.connection)
    assert sent.more, "the purchase is more than that"
    assert pipeline.row("SELECT json_array_length(body->'booking_ids') FROM inbox") == (1,)
    assert DUE_BATCH > PARTS
