"""One attempt at a webhook: the body that is sent, and what an answer to it means. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from core.domain.values import Booking, User
from core.outbound.client import Answered
from core.store.deliveries.values import Answer, never, sent, try_again
from core.wire.contracts.admin_bookings import admin_booking
from core.wire.feeds import BOOKING_WORDS
from core.wire.vocabulary import micros
from core.wire.webhooks import RELOAD, TEST, BookingMessage, Message, endpoint_test, reload

RETRY_AFTER_MAX_S = 3_600.0
"""A receiver that asks for a longer pause is tried after this one."""
GONE = 410
HIDDEN = "[...]"
SHORTEST_HIDDEN = 3
"""Characters: shorter texts stand in many words."""
ASKS_FOR_A_PAUSE = frozenset({429, 503})


def body_of(type_: str, data: Mapping[str, Any], view: tuple[Booking, User] | None) -> Message | None:
    """The message of a delivery; None if nothing is kept of its booking any more."""
    at = datetime.fromisoformat(data["at"])
    if type_ == TEST:
        return endpoint_test(at)
    if type_ == RELOAD:
        return reload(at, data["why"], data["position"])
    return None if view is None else BookingMessage(BOOKING_WORDS[type_], micros(at), admin_booking(*view))


def without_person(excerpt: str, view: tuple[Booking, User] | None) -> str:
    """An answer that repeats what it was sent, without what says something of the person: the log is not erased."""
    if view is None:
        return excerpt
    booking, user = view
    said = [user.first_name, user.last_name, user.email, user.phone, user.username, booking.notes]
    for words in sorted({one for one in said if len(one) >= SHORTEST_HIDDEN}, key=len, reverse=True):
        for form in (words, json.dumps(words)[1:-1], " ".join(words.split())):
            excerpt = excerpt.replace(form, HIDDEN)
    return excerpt


def verdict_on(answered: Answered, now: datetime, detail: dict[str, Any]) -> Answer:
    """2xx has arrived, 410 wants no more, all others are tried again."""
    status = answered.status
    if 200 <= status < 300:  # noqa: PLR2004 - the classes of RFC 9110
        return sent(str(status), detail)
    if status == GONE:
        return never("410: the endpoint wants no more, so it is disabled", detail)
    if 300 <= status < 400:  # noqa: PLR2004 - as above
        return try_again(f"{status}: redirects are not followed; enter the URL that it leads to", detail=detail)
    pause_s = retry_after_s(answered.retry_after, now) if status in ASKS_FOR_A_PAUSE else None
    return try_again(str(status), retry_after_s=pause_s, detail=detail)


def retry_after_s(text: str | None, now: datetime) -> float | None:
    """The pause that `Retry-After` asks for, in seconds or as a date (RFC 9110, 10.2.3); None if it says nothing."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_MAX_S)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), RETRY_AFTER_MAX_S)
