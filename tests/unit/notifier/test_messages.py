"""What the notifier reads and says: addresses, targets, cookies, messages, who is told what."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from websockets.datastructures import Headers

from core.client_addresses import Addresses
from core.store.feed import FeedEvent
from core.wire import close_codes
from core.wire.close_codes import CloseCode
from core.wire.feeds import GetBookings, Resume
from notifier.authentication import session_token, split_target
from notifier.messages import BadMessageError, parse
from notifier.news import Kind, news_of


def event(type_: str, *, is_final: bool = True, owner: str | None = None) -> FeedEvent:
    return FeedEvent(1, type_, 1, UUID(int=7), is_final, 3, 1, owner, "a", "agent", "r", None, datetime.now(UTC))


@pytest.mark.parametrize("type_", ["booking_created", "booking_updated", "booking_deleted"])
def test_staff_are_told_of_bookings_and_the_owner_of_the_outcome(type_: str) -> None:
    booking, outcome = news_of(event(type_, owner="user:4"))
    assert (booking.kind, booking.audiences) == (Kind.BOOKING, ("admin",))
    assert (outcome.kind, outcome.audiences) == (Kind.COMMAND, (f"command:{UUID(int=7)}", "owner:user:4"))


def test_an_event_that_ends_no_command_is_no_outcome() -> None:
    assert [news.kind for news in news_of(event("booking_created", is_final=False))] == [Kind.BOOKING]


@pytest.mark.parametrize("type_", ["command_refused", "command_unchanged", "command_failed", "something_new"])
def test_what_is_no_booking_is_told_as_an_outcome_only(type_: str) -> None:
    assert [news.audiences for news in news_of(event(type_))] == [(f"command:{UUID(int=7)}",)]


def test_canaries_are_told_to_nobody() -> None:
    assert news_of(event("canary")) == []


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.1.1.1", [], "10.1.1.1"),
        ("10.1.1.1", ["6.6.6.6"], "10.1.1.1"),
        ("127.0.0.1", ["6.6.6.6, 7.7.7.7"], "7.7.7.7"),
        ("127.0.0.1", ["6.6.6.6", "7.7.7.7, 127.0.0.1"], "7.7.7.7"),
        ("127.0.0.1", ["not an address"], "not an address"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:127.0.0.1", ["7.7.7.7"], "7.7.7.7"),
        ("::ffff:10.1.1.1", ["6.6.6.6"], "10.1.1.1"),
    ],
)
def test_only_configured_proxies_name_addresses(peer: str, forwarded: list[str], expected: str) -> None:
    assert Addresses(["127.0.0.1", "::1"]).of(peer, forwarded) == expected


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        (["holdfast_session=abc"], "abc"),
        (["a=b; holdfast_session=abc; c=d"], "abc"),
        (["a=b", 'holdfast_session="abc"'], "abc"),
        (["__Host-holdfast_session=abc"], "abc"),
        (["holdfast_session=planted; __Host-holdfast_session=abc"], "abc"),
        (["xholdfast_session=abc"], None),
        (["holdfast_session"], None),
        ([], None),
    ],
)
def test_the_session_cookie_is_found(cookies: list[str], expected: str | None) -> None:
    assert session_token(Headers([("Cookie", cookie) for cookie in cookies])) == expected


def test_a_target_is_a_path_without_its_slash_and_first_values() -> None:
    assert split_target("/ws/commands/?ticket=a&ticket=b&last_position=", 20) == (
        "/ws/commands",
        {"ticket": "a", "last_position": ""},
    )


def test_requests_are_parsed() -> None:
    assert parse('{"type": "get_bookings"}', at_most=100) == GetBookings()
    assert parse(b'{"type": "resume", "last_position": "e-1", "extra": 1}', at_most=100) == Resume("e-1")


def test_a_complaint_is_no_longer_than_it_needs_to_be() -> None:
    with pytest.raises(BadMessageError) as refused:
        parse('{"type": "%s"}' % ("x" * 5_000), at_most=10_000)
    assert len(refused.value.words) <= 300


def test_close_reasons_fit_into_a_close_frame() -> None:
    reasons = [one.reason for one in vars(close_codes).values() if isinstance(one, CloseCode)]
    assert len(reasons) >= 7
    assert all(len(reason.encode()) <= 123 for reason in reasons)


@pytest.mark.parametrize(
    "sent",
    [
        "[]",
        '"x"',
        "{}",
        '{"type": 5}',
        '{"type": "dance"}',
        '{"type": "resume"}',
        '{"type": "watch", "command_id": "x"}',
    ],
)
def test_a_message_that_is_none_is_told_what_messages_there_are(sent: str) -> None:
    with pytest.raises(BadMessageError) as refused:
        parse(sent, at_most=1000)
    assert refused.value.words == (
        "A message must have a type, and the text that goes with it: "
        "get_bookings, resume with last_position, subscribe with a filter, authenticate with token, watch with command_id"
    )
