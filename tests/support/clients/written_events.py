"""Events of bookings that are there, written as a lane writes them and numbered as the relay does, with made-up places."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import redis
from msgspec import Struct

from core.store.connections.database import Connection, connect_lane
from core.store.feed import number_events, renew_epoch
from core.store.feed_events import SQL_EVENTS, EventRow, event_parameters
from core.store.feed_filter import BookingPlace, service_number
from tests.support.processes.stack import Stack

DAY = date(2031, 5, 5)
DAYS = 4
RESOURCES = (901, 902, 903)
SERVICES = ("Massage", "Legal Advice", "Straße")
TYPES = ("booking_created", "booking_updated", "booking_deleted")


class Written(Struct, frozen=True):
    """One event, as a plain model knows it: (resource, service, day) since the event and before it."""

    type: str
    booking_id: int
    since: tuple[int, str, date]
    before: tuple[int, str, date] | None


class Writer:
    """Writes into one stack's feed."""

    def __init__(self, stack: Stack, booking_ids: Sequence[int], seed: int) -> None:
        self._stack = stack
        self._booking_ids = booking_ids
        self._random = random.Random(seed)  # noqa: S311 - the same each time

    def write(self, count: int) -> list[Written]:
        """In transactions of random sizes, each numbered and hinted at alone, beside what nobody is told."""
        written: list[Written] = []
        with (
            connect_lane(self._stack.database_url, "holdfast tests") as connection,
            redis.Redis.from_url(self._stack.redis_url) as client,
        ):
            while len(written) < count:
                some = [self._one() for _ in range(min(self._random.randint(1, 60), count - len(written)))]
                _write(connection, some)
                head = number_events(connection)
                client.publish(self._stack.settings.redis_keys.feed_channel, str(head))
                written += some
        return written

    def _one(self) -> Written:
        type_ = self._random.choice(TYPES)
        has_moved = type_ == "booking_updated" and self._random.random() < 0.5
        booking_id = self._random.choice(self._booking_ids)
        return Written(type_, booking_id, self._place(), self._place() if has_moved else None)

    def _place(self) -> tuple[int, str, date]:
        day = DAY + timedelta(days=self._random.randrange(DAYS))
        return self._random.choice(RESOURCES), self._random.choice(SERVICES), day


def _write(connection: Connection, written: Sequence[Written]) -> None:
    rows = []
    for one in written:
        facts = {"place": _kept(one.since)} | ({} if one.before is None else {"left": _kept(one.before)})
        rows += [_row(one.type, one.booking_id, facts), _row("payment_updated", None, {})]
    connection.execute(SQL_EVENTS.encode(), event_parameters(rows, datetime.now(UTC)))


def _kept(place: tuple[int, str, date]) -> BookingPlace:
    resource, service, day = place
    return BookingPlace(resource, service_number(service), day)


def _row(type_: str, booking_id: int | None, facts: dict[str, BookingPlace]) -> EventRow:
    return EventRow(
        type=type_,
        command_id=uuid4(),
        is_final=False,
        booking_id=booking_id,
        booking_version=1 if booking_id else None,
        owner=None,
        actor="engine",
        contract="agent",
        request_id="written",
        data=dict(facts),
    )


def begin_new_epoch(stack: Stack) -> None:
    """As a restored database does."""
    with connect_lane(stack.database_url, "holdfast tests") as connection:
        renew_epoch(connection)
