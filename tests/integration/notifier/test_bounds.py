"""What one client may ask of the notifier, and how it is told that this was too much."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from core.token_buckets import Rate
from core.wire.feeds import FEEDS
from tests.integration.notifier.conftest import Narrowed
from tests.support.engine.lanes import Pipeline
from tests.support.notifier import STAFF, USER, Running, populate, running_notifier

PATHS = [f"{feed.path}/" for feed in FEEDS]
SELDOM = 0.001
"""A second: no test waits for the next one."""


@pytest.fixture
def limits() -> Narrowed:
    return {
        "poll_s": 0.05,
        "first_message_s": 0.1,
        "bad_messages": 4,
        "requests_per_socket": Rate(5, SELDOM),
        "reads_per_socket": Rate(3, SELDOM),
        "reads_per_owner": Rate(5, SELDOM),
        "watches_per_owner": Rate(8, SELDOM),
    }


def credentials(running: Running, user_id: int = STAFF) -> dict[str, str]:
    return {"Authorization": f"Bearer {running.access_token(user_id)}"}


@pytest.mark.parametrize("path", PATHS)
def test_a_socket_may_resume_so_often_and_listens_on_after_that(running: Running, path: str) -> None:
    position = str(running.notifier.hub.head)
    with running.listen(path, credentials(running)) as one:
        for _ in range(3):
            one.send(type="resume", last_position=position)
        one.send(type="resume", last_position=position)
        error = one.next_of("error")["data"]
        assert (error["status"], error["code"]) == (429, "too_many_requests")
        assert "Try again in" in error["message"]
        (session,) = running.notifier._clients
        assert session.subscriber.live


def test_a_client_that_goes_on_all_the_same_is_closed(running: Running) -> None:
    with running.listen(headers=credentials(running)) as one:
        for _ in range(12):
            one.send(type="get_bookings")
        assert one.close_code() == 4400


def test_all_sockets_of_a_user_count_together(running: Running) -> None:
    position = str(running.notifier.hub.head)
    for _ in range(2):
        with running.listen(headers=credentials(running)) as one:
            for _ in range(3):
                one.send(type="get_bookings")
            told = [one.next()["type"] for _ in range(3)]
    assert told == ["bookings_data", "bookings_data", "error"]
    with running.listen(f"{PATHS[0]}?last_position={position}", credentials(running)) as late:
        assert late.next_of("error")["data"]["code"] == "too_many_requests"
    with running.listen("/ws/calendar/", credentials(running, USER)) as other:
        other.send(type="resume", last_position="x-1")
        other.next_of("reload")


def test_the_commands_that_all_sockets_of_one_address_watch_count_together(running: Running) -> None:
    """Each is looked up: an anonymous client with five hundred sockets could ask ten thousand times a second."""
    told = []
    for socket in range(3):
        with running.listen("/ws/commands/") as one:
            for number in range(3):
                one.send(type="watch", command_id=f"00000000-0000-4000-8000-{socket:06}{number:06}")
            told += [one.next_of("error")["data"]["code"] for _ in range(3)]
    assert told == ["command_not_found"] * 8 + ["too_many_requests"]
    with running.listen("/ws/commands/", credentials(running, USER)) as other:
        other.send(type="watch", command_id="00000000-0000-4000-8000-000000000000")
        assert other.next_of("error")["data"]["code"] == "command_not_found"


def test_messages_that_cost_little_are_bounded_too(running: Running) -> None:
    with running.listen("/ws/commands/", credentials(running)) as one:
        for number in range(6):
            one.send(type="watch", command_id=f"00000000-0000-4000-8000-{number:012}")
        codes = [one.next_of("error")["data"]["code"] for _ in range(4)]
        assert set(codes) <= {"command_not_found", "too_many_requests"}
        assert one.close_code() == 4400


def _parameters(number: int) -> str:
    return "?" + "&".join(f"p{n}=1" for n in range(number))


UNREADABLE: dict[str, tuple[Callable[[], tuple[str, dict[str, str]]], int]] = {
    "25 parameters": (lambda: (_parameters(25), {}), 400),
    "1,000 parameters": (lambda: (_parameters(1_000), {}), 400),
    "a long address": (lambda: ("?last_position=" + "x" * 9_000, {}), 414),
    "a long header": (lambda: ("", {"X-Long": "x" * 9_000}), 431),
    "200 headers": (lambda: ("", {f"X-{n}": "x" for n in range(200)}), 431),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_handshake_that_is_too_much_gets_an_answer_in_the_one_shape(running: Running, path: str) -> None:
    for name, (how, status) in UNREADABLE.items():
        query, headers = how()
        answer = httpx.get(running.url.replace("ws", "http", 1) + path + query, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, "bad_request"), name
        assert answer.json()["status"] == status, name


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_connects_again_and_again_is_told_when_to_come_again(
    pipeline: Pipeline, redis_url: str, path: str
) -> None:
    populate(pipeline)
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    forged = {"Authorization": "Bearer forged"} | handshake
    with running_notifier(pipeline.url, redis_url, handshakes_per_address=Rate(2, 0.1)) as running:
        from_there = [{"X-Forwarded-For": f"2001:db8:1:2::{number}"} | forged for number in (1, 2, 3)]
        url = running.url.replace("ws", "http", 1) + path
        answers = [httpx.get(url, headers=headers) for headers in from_there]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 10
        elsewhere = {"X-Forwarded-For": "2001:db8:1:3::1"} | forged
        assert httpx.get(url, headers=elsewhere).status_code == 401


def test_an_ipv6_network_has_the_places_of_one_address(pipeline: Pipeline, redis_url: str) -> None:
    populate(pipeline)
    with running_notifier(pipeline.url, redis_url, connections_per_address=2) as running:
        first, second, third = ({"X-Forwarded-For": f"2001:db8:1:2::{number}"} for number in (1, 2, 3))
        with running.listen("/ws/commands/", first), running.listen("/ws/commands/", second):
            assert running.refusal("/ws/commands/", third)[0] == 429
            with running.listen("/ws/commands/", {"X-Forwarded-For": "2001:db8:1:3::1"}):
                pass
