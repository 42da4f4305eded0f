"""A body has so long to come, however steadily it comes; straight and through the front door."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes.front_door import front_door
from tests.support.processes.own_api import api
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack

WITHIN_S = 1
WAY_TOO_LATE_S = 20.0
LENGTH, PIECE = 15_000, 500


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    narrow = {"HOLDFAST_BODY_WITHIN_SECONDS": str(WITHIN_S), "HOLDFAST_API_PROCESSES": "1"}
    with api(postgres, tmp_path_factory.mktemp("slow"), narrow) as running:
        yield running


@pytest.fixture
def front_door_port(stack: Stack, tmp_path: Path) -> Iterator[int]:
    with front_door(tmp_path / "caddy", api_port=stack.api_port, site_host="localhost") as door:
        yield door.port


def trickle(port: int, path: str, content_type: str, *, is_over: Callable[[bytes], bool] = lambda _: False) -> bytes:
    """Send some bytes every tenth of a second of a body that would take long; all that comes back until it is closed.

    Or until the answer is over, where the connection would be kept for a next request.

    It takes three seconds. The front door hands on what it has gathered in 4 KiB, and passes an answer back when it has
    taken the whole body (Go's server does so with up to 256 KiB).
    """
    with socket.create_connection(("localhost", port), timeout=WAY_TOO_LATE_S) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: {content_type}\r\nContent-Length: {LENGTH}\r\n\r\n"
        connection.sendall(head.encode())
        connection.settimeout(0.1)
        answer, body, started = b"", b"{".ljust(LENGTH), time.monotonic()
        while time.monotonic() - started < WAY_TOO_LATE_S:
            try:
                connection.sendall(body[:PIECE])
                body = body[PIECE:]
                piece = connection.recv(65_536)
            except TimeoutError:
                continue
            except OSError:
                return answer
            if not piece:
                return answer
            answer += piece
            if is_over(answer):
                return answer
    raise AssertionError(f"still open after {WAY_TOO_LATE_S:g} s: {answer!r}")


def is_whole(answer: bytes) -> bool:
    head, ended, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\ncontent-length: *([0-9]+)", head)
    return bool(ended and length and len(body) >= int(length[1]))


def is_told(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 "), answer
    assert json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])["code"] == "body_too_slow"


@pytest.mark.parametrize("path", ["/api/login/", "/api/booking/create/"])
def test_a_body_that_trickles_in_is_ended(stack: Stack, path: str) -> None:
    is_told(trickle(stack.api_port, path, "application/json"))


def test_a_body_that_trickles_in_through_the_front_door_is_ended(front_door_port: int) -> None:
    """The door keeps the connection for a next request."""
    is_told(trickle(front_door_port, "/api/login/", "application/json", is_over=is_whole))
