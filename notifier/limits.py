"""Every bound of the notifier, by name and unit."""

from __future__ import annotations

from msgspec import Struct

from core.token_buckets import Rate


class Limits(Struct, frozen=True):
    """Bounds of one notifier process. Tests narrow them; production takes them as they are."""

    connections: int = 12_000
    connections_per_address: int = 500
    """An office behind one address fits; one machine alone cannot take all places."""
    handshakes_per_address: Rate = Rate(1_000, 20.0)
    """Twice an office that comes back at once, then 20 a second: each authenticates in the database."""
    requests_per_socket: Rate = Rate(200, 20.0)
    """Messages that are understood. As many as may be watched, twice, at once."""
    reads_per_socket: Rate = Rate(5, 0.5)
    """`resume` and `get_bookings`: each may read and send 20,000 events."""
    reads_per_owner: Rate = Rate(100, 2.0)
    """The same for all sockets of one user or agent key, of anonymous clients at one address; connecting with a
    position counts."""
    watches_per_owner: Rate = Rate(2_000, 100.0)
    """`watch`, counted likewise: each looks the command up. Anonymous clients send at most one command a second."""
    query_parameters: int = 20
    """Of a handshake's target."""
    queued_messages: int = 2_000
    queued_bytes: int = 2 << 20
    """Bounds of one client's queue, in messages and in bytes. Payloads are shared between
    clients, so this bounds lag more than memory."""
    message_bytes: int = 16 << 10
    """A longer message is refused with an `error`."""
    frame_bytes: int = 64 << 10
    """A longer one is not even read: the socket closes with 1009."""
    bad_messages: int = 20
    """Errors one connection may make before it is closed."""
    watched_commands: int = 100
    authentication_s: float = 5.0
    first_message_s: float = 0.5
    """How long live news waits for a `resume` or `get_bookings`, which would repeat it."""
    heartbeat_s: float = 25.0
    """Silence after which a client hears where it is."""
    ping_s: float = 20.0
    close_s: float = 2.0
    """How long a closing handshake may take before the connection is cut. Together with
    `identities_s` and `flush_s` it keeps the promise that what has ended is ended within 5 s."""
    flush_s: float = 0.5
    """How long a close waits for the client to read its queue."""
    identities_s: float = 2.0
    """Between two checks of the connected credentials."""
    page_events: int = 500
    """Events read from the table at once."""
    replay_events: int = 20_000
    """A client that is further behind is told to reload: that is cheaper for both."""
    snapshot_bookings: int = 50
    """The newest, in `bookings_data` (docs/live-feeds.md)."""
    poll_s: float = 0.5
    """Between two looks at the feed when Redis says nothing."""
