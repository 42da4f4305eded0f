"""What a batch knows while it is being decided.

A working set, not a database: loaded before the first command of a batch, changed only by
`evolve`, thrown away after the commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from core.domain.commands import Envelope
from core.domain.payments import Payment
from core.domain.values import DEFAULT_POLICY, Booking, Claim, Policy, Resource, Room, Rules, Service, User


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
        policy: Policy = DEFAULT_POLICY,
    ) -> None:
        self.rules = rules
        self.policy = policy
        self.resources = {resource.id: resource for resource in resources}
        self.services = {service.name.casefold(): service for service in services}
        """By case-folded name."""
        self.rooms = {room.id: room for room in rooms}
        self.users = {user.id: user for user in users}
        self.users_by_phone = {user.phone_key: user for user in self.users.values() if user.phone_key}
        for user in self.users.values():
            if not user.phone_key:
                self.users_by_phone.setdefault(user.username.casefold(), user)
        self.bookings = {booking.id: booking for booking in bookings}
        self.holds: defaultdict[int, dict[int, datetime]] = defaultdict(dict)
        """When each hold ends, by user and booking; all holds of the users whose limit this batch must know."""
        self.payments: dict[UUID, Payment] = {}
        """Every attempt to pay for the bookings above."""
        self.followers: dict[UUID, list[Envelope]] = {}
        """By payment: deferred commands that wait for its intent."""
        self.claims: defaultdict[int, list[Claim]] = defaultdict(list)
        """By resource; only those that touch a time this batch asks for."""
        for claim in claims:
            self.claims[claim.resource_id].append(claim)

    def is_taken(self, resource_id: int, starts_at: datetime, ends_at: datetime) -> bool:
        return any(claim.overlaps(starts_at, ends_at) for claim in self.claims[resource_id])
