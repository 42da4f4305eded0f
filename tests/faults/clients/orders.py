"""What a client process is told to do, as JSON in its argument."""

from __future__ import annotations

from msgspec import Struct


class Things(Struct, frozen=True):
    """What the stage has made for all clients."""

    room: int
    practitioner: int
    hour: int
    """A service of an hour, 50.00."""
    free_hour: int
    """A service of an hour that costs nothing; bundles pay for it."""
    bundle: int
    workshop: int
    sessions: list[int]
    """Of the workshop, with `SEATS` seats each; clients meet in one after another."""
    categories: list[int]
    services: list[str]
    """Each with its own resource, for bulks."""
    resource: int
    """Of a service that bulks do not name: closed and opened again."""


SEATS = 3


class Orders(Struct, frozen=True):
    name: str
    number: int
    """From 0, among the client processes."""
    seed: int
    api_urls: list[str]
    """Asked in turn."""
    ws_urls: list[str]
    desk: list[str]
    """`Authorization` of two members of staff."""
    people: list[str]
    """`Authorization` of a person for each thread."""
    owners: list[str]
    """As whom the feed of commands knows those members of staff."""
    things: Things | None
    stripe_url: str
    history: str
    """A file, appended to."""
    began_wall: float
    """When the run began: clients meet at subjects by the time since."""
    stories: list[str]
    """One for each thread."""
    pace_s: float = 0.05
