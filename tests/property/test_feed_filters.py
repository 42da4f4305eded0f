"""Whatever becomes of bookings and whatever is asked: a filter lets through what matches before an event or since."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.bookings.status import Status
from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced
from core.domain.values import Booking
from core.store.feed import FeedEvent
from core.store.feed_events import event_rows
from core.store.feed_filter import FeedFilter, about_booking, service_number
from tests.support.values import MONDAY, booking, envelope, place

DAYS = [MONDAY + timedelta(days=n) for n in range(3)]
NAMES = {
    "massage": ("Massage", " MASSAGE", "\N{FULLWIDTH LATIN CAPITAL LETTER M}assage"),
    "straße": ("Straße", "STRASSE"),
}
TYPES = ("booking_created", "booking_updated", "booking_deleted")

bookings = st.builds(
    lambda resource, name, day, version: booking(
        1, resource_id=resource, service_name=name, local_date=day, version=version
    ),
    st.integers(1, 3),
    st.sampled_from([one for names in NAMES.values() for one in names]),
    st.sampled_from(DAYS),
    st.integers(1, 9),
)
AboutBooking = BookingPlaced | BookingChanged | BookingDeleted
events: st.SearchStrategy[tuple[Booking, AboutBooking]] = st.one_of(
    bookings.map(lambda b: (b, BookingPlaced(b, ()))),
    bookings.map(lambda b: (b, BookingDeleted(b, "staff"))),
    bookings.map(lambda b: (b, BookingChanged(b, Status.HELD, freed=False, by="staff"))),
    st.tuples(bookings, bookings).map(
        lambda two: (two[0], BookingChanged(two[1], Status.HELD, False, "staff", moved_from=two[0]))
    ),
)
days = st.none() | st.sampled_from(DAYS)
asked = st.fixed_dictionaries(
    {
        "types": st.sets(st.sampled_from(TYPES)),
        "resources": st.sets(st.integers(1, 4), max_size=2),
        "services": st.sets(st.sampled_from(sorted(NAMES)), max_size=2),
        "first": days,
        "last": days,
    }
)


def model(wanted: dict[str, Any], type_: str, states: list[Booking]) -> bool:
    """In plain words: the type is asked for, and one state of the booking meets every other condition."""

    def meets(one: Booking) -> bool:
        names = [name for name, written in NAMES.items() if one.service_name in written]
        return all(
            (
                not wanted["resources"] or one.resource_id in wanted["resources"],
                not wanted["services"] or names[0] in wanted["services"],
                wanted["first"] is None or wanted["first"] <= one.local_date,
                wanted["last"] is None or one.local_date <= wanted["last"],
            )
        )

    return (not wanted["types"] or type_ in wanted["types"]) and any(map(meets, states))


@given(events, asked)
def test_an_event_is_told_if_its_booking_matches_since_it_or_did_before(
    happened: tuple[Booking, AboutBooking], wanted: dict[str, Any]
) -> None:
    before, event = happened
    stored = as_stored(event)
    filter_ = FeedFilter(
        frozenset(wanted["types"]),
        frozenset(wanted["resources"]),
        frozenset(map(service_number, wanted["services"])),
        wanted["first"],
        wanted["last"],
    )
    assert filter_.matches(about_booking(stored)) == model(wanted, stored.type, [before, event.booking])


def as_stored(event: AboutBooking) -> FeedEvent:
    """As the feed's reader gets it."""
    (row,) = event_rows(envelope(place()), (event,))
    return FeedEvent(
        number=1,
        type=row.type,
        version=1,
        command_id=row.command_id,
        is_final=row.is_final,
        booking_id=row.booking_id,
        booking_version=row.booking_version,
        owner=row.owner,
        actor=row.actor,
        contract=row.contract,
        request_id=row.request_id,
        data=msgspec.json.encode(row.data).decode(),
        at=datetime.now(UTC),
    )


def test_an_event_that_keeps_no_place_is_told_rather_than_missed() -> None:
    """An earlier release wrote it."""
    stored = as_stored(BookingPlaced(booking(1), ()))
    wanted = FeedFilter(resource_ids=frozenset({77}), first=date(2031, 1, 1))
    assert not wanted.matches(about_booking(stored))
    for data in (None, '{"was": "held", "now": "confirmed"}'):
        assert wanted.matches(about_booking(replace(stored, data=data)))
        assert not replace(wanted, types=frozenset({"booking_deleted"})).matches(
            about_booking(replace(stored, data=data))
        )


def test_an_event_keeps_no_name_that_somebody_wrote() -> None:
    stored = as_stored(BookingPlaced(booking(1, service_name="Marriage counselling of Ada"), ()))
    assert stored.data is not None
    assert "Ada" not in stored.data
