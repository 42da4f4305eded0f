"""The feeds: where they are, who may listen, and the names of the audiences of news."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from core.identity.principals import Principal, PrincipalKind
from core.wire.feeds import (
    ADMIN_BOOKINGS,
    ALL_UNDERSTAND,
    CALENDAR,
    COMMANDS,
    FeedDescription,
    message_types_of,
)
from notifier.hub import ONCE

ADMIN = "admin"
CALENDAR_USERS = "calendar"
"""People who are signed in and not staff."""
CALENDAR_STAFF = "calendar:staff"


def calendar_audience(user_id: int) -> str:
    """One person, about the slots that they have booked."""
    return f"calendar:user:{user_id}"


def owner_audience(owner: str) -> str:
    """`owner` as events carry it: `user:4` or `key:7`."""
    return f"owner:{owner}"


def command_audience(command_id: str) -> str:
    """Those who know this command's id and may see it."""
    return f"{ONCE}{command_id}"


class Feed(Struct, frozen=True):
    """A path that clients connect to."""

    words: FeedDescription
    """Its path and its messages."""
    public: bool
    """Whether anonymous clients may listen. On other feeds the first message must authenticate."""
    allows: Callable[[Principal], bool]
    audiences: Callable[[Principal], set[str]]

    @property
    def requests(self) -> frozenset[str]:
        """Types of the messages that its clients may send."""
        return frozenset(word for kind in (*self.words.understands, *ALL_UNDERSTAND) for word in message_types_of(kind))


def _own(principal: Principal) -> set[str]:
    owner = principal.actor.owner
    return set() if owner is None else {owner_audience(owner)}


def _calendar(principal: Principal) -> set[str]:
    assert principal.user_id is not None  # noqa: S101 - only people are allowed in
    return {CALENDAR_STAFF if principal.is_staff else CALENDAR_USERS, calendar_audience(principal.user_id)}


def _known_as_staff(principal: Principal) -> bool:
    return principal.kind in {PrincipalKind.STAFF, PrincipalKind.SUPERUSER}


FEEDS = {
    feed.words.path: feed
    for feed in (
        Feed(ADMIN_BOOKINGS, False, _known_as_staff, lambda _: {ADMIN}),
        Feed(CALENDAR, False, lambda who: who.user_id is not None, _calendar),
        Feed(COMMANDS, True, lambda _: True, _own),
    )
}
"""By path without its trailing slash."""
