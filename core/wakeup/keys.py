"""Every key and channel name of Holdfast in Redis, and the names of the Celery tasks.

Nothing that matters lives there: if every key vanished, the sweep would ring again for whatever
waits in PostgreSQL. Task names are wire contracts.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

LANES = "lanes"
RELAY = "relay"
PAYMENTS = "payments"
DELIVERIES = "deliveries"

SERVE_LANES = "holdfast.lanes.serve"
SERVE_RELAY = "holdfast.relay.serve"
SERVE_PAYMENTS = "holdfast.payments.serve"
SERVE_DELIVERIES = "holdfast.deliveries.serve"
SWEEP_RING = "holdfast.sweeps.ring"
SWEEP_DUE = "holdfast.sweeps.due"
SWEEP_CANARY = "holdfast.sweeps.canary"
SWEEP_TALLY = "holdfast.sweeps.tally"
SWEEP_TIDY = "holdfast.sweeps.tidy"

SWEEPS = "sweeps"
SERVE_TASKS = {LANES: SERVE_LANES, RELAY: SERVE_RELAY, PAYMENTS: SERVE_PAYMENTS, DELIVERIES: SERVE_DELIVERIES}
"""The task that serves a group's bells."""


class Keys(Struct, frozen=True):
    """Names in Redis. `prefix` separates two installations on one Redis; the queues have it too."""

    prefix: str = ""

    @property
    def feed_channel(self) -> str:
        """Published by the relay: the feed's new head position. A hint to read."""
        return f"{self.prefix}hf:feed"

    def feed_memory(self, epoch: str) -> str:
        """The furthest feed position of this epoch. A database that is behind it was restored."""
        return f"{self.prefix}hf:feed:head:{epoch}"

    @property
    def cleanup_mark(self) -> str:
        """Set for a moment after a cleanup of expired bookings was asked for."""
        return f"{self.prefix}hf:cleanup"

    @property
    def relay_bell(self) -> str:
        return f"{self.prefix}hf:bell:relay"

    @property
    def payments_bell(self) -> str:
        return f"{self.prefix}hf:bell:payments"

    @property
    def deliveries_bell(self) -> str:
        return f"{self.prefix}hf:bell:deliveries"

    def lane_bell(self, lane: int) -> str:
        return f"{self.prefix}hf:bell:lane:{lane}"

    def listening_mark(self, group: str) -> str:
        return f"{self.prefix}hf:listening:{group}"

    def called_mark(self, group: str) -> str:
        return f"{self.prefix}hf:called:{group}"

    def roster(self, group: str) -> str:
        """The servers of a group by name, each with when it last signed in."""
        return f"{self.prefix}hf:roster:{group}"

    def queue(self, group: str) -> str:
        """Kombu's list of the group's tasks (`core.wakeup.broker`)."""
        return f"{self.prefix}{group}"

    def outcome_channel(self, reply_to: str) -> str:
        """Where the workers publish outcomes for one API process."""
        return f"{self.prefix}hf:outcomes:{reply_to}"

    def counters(self, kind: str) -> str:
        """Prefix of the counters of one kind of limit."""
        return f"{self.prefix}hf:{kind}"

    def to_ring(self, group: str, bells: Iterable[str]) -> list[str]:
        """The keys of `bells.RING_SCRIPT`."""
        return [self.listening_mark(group), self.called_mark(group), *bells]


NO_PREFIX = Keys()


def lane_of_bell(bell: str) -> int:
    return int(bell.rsplit(":", 1)[1])
