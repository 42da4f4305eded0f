"""Ids for what a batch makes: numbers from PostgreSQL's sequences, or made up for a dry run; uuids from the system."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

from core.domain.ids import Ids
from core.store.load import Loaded


def fresh_ids(loaded: Loaded) -> Ids:
    """Ids for one batch. Refused commands leave gaps, which nothing depends on."""
    return _ids(
        iter(loaded.booking_ids),
        iter(loaded.user_ids),
        iter(loaded.slot_ids),
        iter(loaded.closure_ids),
        iter(loaded.session_ids),
        iter(loaded.place_ids),
    )


def made_up_ids() -> Ids:
    """Negative numbers, which no row has."""
    return _ids(*(count(-1, -1) for _ in range(6)))


def _ids(
    bookings: Iterator[int],
    users: Iterator[int],
    slots: Iterator[int],
    closures: Iterator[int],
    sessions: Iterator[int],
    places: Iterator[int],
) -> Ids:
    return Ids(
        booking=bookings.__next__,
        user=users.__next__,
        slot=slots.__next__,
        closure=closures.__next__,
        session=sessions.__next__,
        waiting=places.__next__,
        uuid=uuid4,
    )
