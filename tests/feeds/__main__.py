"""`python -m tests.feeds`: 20,000 events by HTTP and by socket, each cut off a hundred times; exits with 1 if they differ."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.support.clients import bulks
from tests.support.clients.callers import STAFF, access_for, bearer
from tests.support.clients.feed_readers import HttpReader, Reader, SocketReader, in_order, number, told
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack

ROWS_MAX = 10_000
SERVICES = 40
BULK_WITHIN_S = 600.0


def main() -> int:
    options = _options()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"Again: make feeds FEEDS_OPTIONS='--seed {seed}'", flush=True)
    with TemporaryDirectory(prefix="holdfast-feeds-") as name:
        postgres, valkey = PostgresServer(Path(name) / "postgres"), ValkeyServer(Path(name) / "valkey")
        postgres.start()
        valkey.start()
        stack = Stack(Path(name) / "stack", postgres.new_database(demo=True), valkey)
        try:
            problems = _compare(stack.start(), options.events, options.cuts, seed)
        finally:
            stack.close()
            postgres.close()
    print("".join(f"OFF: {one}\n" for one in problems) or "nothing is off", flush=True)
    return 1 if problems else 0


def _compare(stack: Stack, events: int, cuts: int, seed: int) -> list[str]:
    """What is wrong: what one feed told and the other did not, or twice, or in another order."""
    headers = bearer(access_for(stack, STAFF))
    start = httpx.get(f"{stack.api_url}/api/events/", headers=headers).raise_for_status().json()["next"]
    http, socket = HttpReader(stack.api_url, headers, start, seed), SocketReader(stack.ws_url, headers, start, seed + 1)

    def is_done(reader: Reader) -> bool:
        return len(reader.messages) >= events

    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(reader.read, is_done, cuts) for reader in (http, socket)]
        _book(stack, headers, events)
        print(f"{events} bookings are made after {time.monotonic() - began:.0f} s", flush=True)
        for one in reading:
            one.result()
    print(
        f"HTTP: {len(http.messages)} events in {http.answers} answers, {http.cuts} cuts; socket: "
        f"{len(socket.messages)} events, {socket.cuts} cuts; after {time.monotonic() - began:.0f} s",
        flush=True,
    )
    first = len(http.messages) // 4  # neither feed goes back over more than 20,000 events, progress of bulks included
    again = _differences_word_by_word(stack, headers, http.messages[first]["position"], events - first - 1)
    return [*_differences(http, socket, events), *again]


def _book(stack: Stack, headers: dict[str, str], count: int) -> None:
    """As staff: an agent key may not send so many in a minute."""
    rows = bulks.rows_for(bulks.new_services(stack, SERVICES), count)
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=120) as desk:
        for first in range(0, count, ROWS_MAX):
            batch = bulks.accepted(bulks.send(desk, rows[first : first + ROWS_MAX]))
            counts = bulks.finished(desk, batch, BULK_WITHIN_S)
            assert counts.get("succeeded") == len(rows[first : first + ROWS_MAX]), counts


def _differences(http: HttpReader, socket: SocketReader, events: int) -> list[str]:
    by_http, by_socket = told(http.messages), told(socket.messages)
    problems = [
        f"{name} is out of order"
        for name, one in (("HTTP", http), ("the socket", socket))
        if not in_order(one.messages)
    ]
    if by_http != by_socket:
        only = [sorted(set(one) - set(other))[:5] for one, other in ((by_http, by_socket), (by_socket, by_http))]
        problems.append(f"only by HTTP: {only[0]}; only by socket: {only[1]}")
    if len(by_http) != events:
        problems.append(f"{len(by_http)} events by HTTP instead of {events}")
    return problems


def _differences_word_by_word(stack: Stack, headers: dict[str, str], start: str, events: int) -> list[str]:
    """Once nothing changes any more, every message is the same JSON."""
    http, socket = HttpReader(stack.api_url, headers, start, 0), SocketReader(stack.ws_url, headers, start, 0)
    for reader in (http, socket):
        reader.read(lambda one: len(one.messages) >= events, 0)
    differ = sum(one != other for one, other in zip(http.messages, socket.messages, strict=True))
    at = [number(one["position"]) for one, other in zip(http.messages, socket.messages, strict=True) if one != other]
    return [f"{differ} messages differ, the first at {at[0]}"] if differ else []


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make feeds", description="Compare the HTTP feed with the socket.")
    parser.add_argument("--events", type=int, default=20_000, help="bookings that are made (default 20000)")
    parser.add_argument("--cuts", type=int, default=100, help="how often each reader is cut off (default 100)")
    parser.add_argument("--seed", type=int, help="cut off at the same places again (default: a random one, printed)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
