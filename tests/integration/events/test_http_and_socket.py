"""The HTTP feed and the socket tell the same, however often they are cut off; `python -m tests.feeds` does so at length."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.conftest import FIGURE
from tests.support.clients.callers import STAFF, access_for, bearer
from tests.support.clients.feed_readers import (
    HttpReader,
    Reader,
    SocketReader,
    in_order,
    number,
    told,
    wait_until_numbered,
)
from tests.support.clients.http_client import Client
from tests.support.clients.written_events import DAY, RESOURCES, SERVICES, Writer, Written
from tests.support.processes.stack import Stack

EVENTS = 2_000
CUTS = 20
HTTP_FILTER = {
    "type": ["booking_updated", "booking_deleted"],
    "resource_id": RESOURCES[:2],
    "service": ["  mASSAGE ", "STRASSE"],
    "start_date": (DAY + timedelta(days=1)).isoformat(),
    "end_date": (DAY + timedelta(days=2)).isoformat(),
}
SOCKET_FILTER = {
    "types": HTTP_FILTER["type"],
    "resource_ids": HTTP_FILTER["resource_id"],
    "services": HTTP_FILTER["service"],
    "start_date": HTTP_FILTER["start_date"],
    "end_date": HTTP_FILTER["end_date"],
}


def matches(event: Written) -> bool:
    """The filter, said once more by a plain model: the booking matched before, or does since."""
    return event.type != "booking_created" and any(
        resource in RESOURCES[:2]
        and service in {SERVICES[0], SERVICES[2]}
        and timedelta(days=1) <= day - DAY <= timedelta(days=2)
        for resource, service, day in (event.since, event.before or event.since)
    )


def test_http_and_socket_tell_the_same_cut_off_at_random(
    stack: Stack, staff: Client, record_property: Callable[[str, object], None]
) -> None:
    ids = [staff.book().json()["data"]["booking"]["id"] for _ in range(4)]
    wait_until_numbered(stack)
    start, headers = staff.get("/api/events/").json()["next"], bearer(access_for(stack, STAFF))
    http = HttpReader(stack.api_url, headers, start, seed=1)
    socket = SocketReader(stack.ws_url, headers, start, seed=2)
    narrow_http = HttpReader(stack.api_url, headers, start, seed=3, **HTTP_FILTER)
    narrow_socket = SocketReader(stack.ws_url, headers, start, seed=4, **SOCKET_FILTER)
    last: list[int] = []

    def is_done(reader: Reader) -> bool:
        return bool(last) and number(reader.position) >= last[0]

    def has_all(reader: Reader) -> bool:
        """A socket with a filter hears of its position only with what it is told."""
        return bool(last) and len(reader.messages) >= len(expected)

    with ThreadPoolExecutor(4) as pool:
        reading = [
            pool.submit(http.read, is_done, CUTS),
            pool.submit(socket.read, lambda reader: bool(last) and len(reader.messages) >= EVENTS, CUTS),
            pool.submit(narrow_http.read, is_done, CUTS),
            pool.submit(narrow_socket.read, has_all, CUTS),
        ]
        written = Writer(stack, ids, seed=5).write(EVENTS)
        expected = [(event.type, event.booking_id) for event in written if matches(event)]
        last.append(number(staff.get("/api/events/").json()["next"]))
        for one in reading:
            one.result()
    assert told(http.messages) == told(socket.messages)
    assert [(type_, id_) for type_, _, id_ in told(http.messages)] == [(one.type, one.booking_id) for one in written]
    assert [(type_, id_) for type_, _, id_ in told(narrow_http.messages)] == expected
    assert told(narrow_http.messages) == told(narrow_socket.messages)
    assert set(told(narrow_http.messages)) < set(told(http.messages))
    assert all(in_order(one.messages) for one in (http, socket, narrow_http, narrow_socket))
    again = HttpReader(stack.api_url, headers, start, seed=6)
    again.read(is_done, 0)
    resumed = SocketReader(stack.ws_url, headers, start, seed=7)
    resumed.read(lambda reader: len(reader.messages) >= EVENTS, 0)
    assert again.messages == resumed.messages, "word by word, once nothing changes any more"
    assert number(narrow_http.position) >= last[0], "its position goes on over what it is not told"
    record_property(
        FIGURE,
        f"feed: {EVENTS} events by HTTP ({http.cuts} cuts) as by socket ({socket.cuts}), {len(expected)} by filter",
    )
