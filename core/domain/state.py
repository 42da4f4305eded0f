"""What a batch has loaded while it is decided: before the first command, changed only by `evolve`, and thrown away
after the commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from core.domain.bookings.status import KEEPS_SLOT
from core.domain.commands import Envelope
from core.domain.group_index import GroupIndex
from core.domain.marketplace.state import Market
from core.domain.names import folded
from core.domain.payments.values import Payment
from core.domain.resources.claim_index import ClaimIndex
from core.domain.resources.service_names import NearestNames
from core.domain.steps import Progress
from core.domain.timeslots.slot_index import SlotsByResource, Timetable
from core.domain.values import (
    DEFAULT_POLICY,
    Booking,
    Category,
    Claim,
    Closure,
    Holder,
    Policy,
    Resource,
    Room,
    Rules,
    Service,
    TimeSlot,
    User,
)

T = TypeVar("T")


class State:
    def __init__(
        self,
        *,
        rules: Rules | None,
        resources: Iterable[Resource] = (),
        services: Iterable[Service] = (),
        rooms: Iterable[Room] = (),
        users: Iterable[User] = (),
        bookings: Iterable[Booking] = (),
        claims: Iterable[Claim] = (),
        categories: Iterable[Category] = (),
        slots: Iterable[TimeSlot] = (),
        policy: Policy = DEFAULT_POLICY,
    ) -> None:
        self.rules = rules
        self.policy = policy
        self.resources = {resource.id: resource for resource in resources}
        self.services = {folded(service.name): service for service in services}
        """By folded name; deactivated ones too."""
        self.near = NearestNames()
        """Names of services to suggest, loaded only if a name of this batch is unknown and refused."""
        self.rooms = {room.id: room for room in rooms}
        self.users: dict[int, User] = {}
        self.users_by_phone: dict[str, User] = {}
        self.usernames: set[str] = set()
        """Keys of phone numbers of this batch that are another user's username."""
        for user in users:
            self.know_user(user)
        self.bookings: dict[int, Booking] = {}
        self.holds: defaultdict[int, dict[int, datetime]] = defaultdict(dict)
        """When each hold ends, by user and booking: all holds of the users whose limit this batch checks."""
        self.payments: GroupIndex[UUID, Payment] = GroupIndex(lambda payment: payment.booking_id)
        """Every attempt to pay for the bookings above."""
        self.followers: dict[UUID, list[Envelope]] = {}
        """By payment: deferred commands that wait for its intent."""
        self.begun: dict[UUID, Progress] = {}
        """Commands of this batch that have done some of their steps."""
        self.claims: defaultdict[int, ClaimIndex] = defaultdict(ClaimIndex)
        """By resource; only those that touch a time that this batch asks for. `take` adds to them."""
        self._resources_of: defaultdict[Holder, set[int]] = defaultdict(set)
        """On which resources a holder has claims."""
        for claim in claims:
            self.take(claim)
        self.closures: dict[int, Closure] = {}
        """Those that commands name."""
        self.shown_only: dict[int, Booking] = {}
        """Bookings that are only shown in an answer: not locked."""
        self.categories = {category.id: category for category in categories}
        self.slots = {slot.id: slot for slot in slots}
        """Those that commands name, and those of the bookings that commands name."""
        self.market = Market()
        self.timetable = Timetable()
        """Those that touch a time this batch would offer."""
        self.shared_slots = SlotsByResource()
        """Slots whose resource this batch may take or give back; all claims that touch them are loaded."""
        self._of_slot: defaultdict[int, set[int]] = defaultdict(set)
        for booking in bookings:
            self.know_booking(booking)

    def know_user(self, user: User) -> None:
        """A user with a number as username, which staff gave, is also found by it, unless another user has that phone."""
        self.users[user.id] = user
        if user.phone_key:
            self.users_by_phone[user.phone_key] = user
        else:
            self.users_by_phone.setdefault(user.username.casefold(), user)

    def know_booking(self, booking: Booking) -> None:
        self.bookings[booking.id] = booking
        self.note_slot(booking)
        self.market.know_booking(booking)

    def fork(self) -> State:
        """A copy on which commands can be tried: they may place bookings, expire holds and make users.

        The indexes of time slots and the names of services are shared with it, as none of these commands changes them.
        """
        return _forked(self)

    def is_taken(self, resource_id: int, starts_at: datetime, ends_at: datetime, *, but: int | None = None) -> bool:
        """`but` is a booking that is moved: its own claims do not count."""
        in_the_way = self.claims[resource_id].touching(starts_at, ends_at)
        return any(but is None or claim.booking_id != but for claim in in_the_way)

    def take(self, claim: Claim) -> None:
        self.claims[claim.resource_id].add(claim)
        self._resources_of[claim.holder].add(claim.resource_id)

    def claims_of(self, holder: Holder) -> list[Claim]:
        """What a booking, a closure or a session has claimed, on all resources."""
        resources = sorted(self._resources_of.get(holder, ()))
        return [claim for id_ in resources for claim in self.claims[id_].of(holder)]

    def give_back(self, holder: Holder) -> None:
        for resource_id in self._resources_of.pop(holder, ()):
            self.claims[resource_id].give_back(holder)

    def note_slot(self, booking: Booking) -> None:
        """Which time slot a booking has, or had."""
        if booking.time_slot_id is not None:
            self._of_slot[booking.time_slot_id].add(booking.id)

    def holder_of(self, time_slot_id: int) -> Booking | None:
        """The booking that has a time slot."""
        found = (self.bookings.get(id_) for id_ in self._of_slot[time_slot_id])
        return next((booking for booking in found if booking and _has_slot(booking, time_slot_id)), None)


def _has_slot(booking: Booking, time_slot_id: int) -> bool:
    return booking.time_slot_id == time_slot_id and booking.status in KEEPS_SLOT


def _forked(one: T) -> T:
    twin = copy(one)
    vars(twin).update((name, _copied(value)) for name, value in vars(one).items())
    return twin


def _copied(value: Any) -> Any:
    """Containers and those inside them; the values themselves are frozen."""
    if isinstance(value, Market):
        return _forked(value)
    if not isinstance(value, dict):
        return value
    twin = value.copy()
    twin.update((key, copy(inner)) for key, inner in value.items() if isinstance(inner, list | set | dict | ClaimIndex))
    return twin
