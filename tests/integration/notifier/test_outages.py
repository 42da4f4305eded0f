"""What goes away and comes back: Redis, PostgreSQL, slow clients, the notifier itself."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import redis
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from core.wakeup.keys import NO_PREFIX
from notifier import source
from notifier.feed_reader import render
from ops.embedded.environment import ROOT
from ops.ports import free_ports
from tests.conftest import UNSYNCED, NewValkey
from tests.support.engine.lanes import Pipeline, holding, places
from tests.support.notifier import STAFF, Listener, at, populate, running_notifier, tell
from tests.support.processes.servers import PostgresServer, stack_environment
from tests.support.wait import at_best, wait_until

ADMIN = "/ws/admin/bookings/"


def test_without_redis_news_comes_within_a_second(pipeline: Pipeline) -> None:
    populate(pipeline)
    (nobody,) = free_ports(1)
    with (
        running_notifier(pipeline.url, f"redis://127.0.0.1:{nobody}/0") as running,
        running.listen(headers=running.cookie(STAFF)) as staff,
    ):
        staff.send(type="get_bookings")
        staff.next_of("bookings_data")
        wanted = iter(places(3))

        def heard_after_s() -> float:
            pipeline.put(next(wanted))
            tell(pipeline)
            told = time.monotonic()
            staff.next_of("booking_created")
            return time.monotonic() - told

        assert at_best(heard_after_s, 1.0) < 1.0


def test_a_hint_from_redis_is_heard_also_after_redis_came_back(pipeline: Pipeline, new_valkey: NewValkey) -> None:
    populate(pipeline)
    valkey = new_valkey()
    with (
        running_notifier(pipeline.url, valkey.url, poll_s=60.0, first_message_s=0.05) as running,
        running.listen(headers=running.cookie(STAFF)) as staff,
    ):
        commands = iter(places(2))

        def book() -> int:
            """The number of what is heard of it."""
            pipeline.put(next(commands))
            tell(pipeline)
            with redis.Redis.from_url(valkey.url) as client:
                wait_until(
                    lambda: client.pubsub_numsub(NO_PREFIX.feed_channel)[0][1] == 1, "the notifier subscribed", 10
                )
                client.publish(NO_PREFIX.feed_channel, "x")
            return number(staff)

        assert book() == 1
        valkey.kill()
        valkey.start()
        assert book() == 2


def test_a_restarted_database_leaves_no_hole(tmp_path: Path, prepared_cluster: Path, redis_url: str) -> None:
    server = PostgresServer(tmp_path / "postgres", UNSYNCED, prepared_cluster)
    server.start()
    try:
        before = Pipeline(server.new_database())
        populate(before)
        limits = {"poll_s": 0.05, "first_message_s": 0.05, "identities_s": 0.2}
        with (
            running_notifier(before.url, redis_url, **limits) as running,
            running.listen(headers=running.cookie(STAFF)) as staff,
        ):
            before.put(*places(2))
            tell(before)
            assert [number(staff) for _ in range(2)] == [1, 2]
            server.restart()
            after = Pipeline(before.url)
            after.put(*places(5)[2:])
            tell(after)
            assert [number(staff) for _ in range(3)] == [3, 4, 5]
            staff.send(type="get_bookings")
            assert len(staff.next_of("bookings_data")["data"]) == 5
            after.close()
        before.close()
    finally:
        server.close()


def test_an_outage_between_reading_and_telling_loses_nothing(
    pipeline: Pipeline, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(pipeline)
    failures = iter([psycopg.OperationalError("gone")])

    async def failing(*arguments: Any) -> Any:
        for failure in failures:
            raise failure
        return await render(*arguments)

    with running_notifier(pipeline.url, redis_url, poll_s=0.05, first_message_s=0.05) as running:
        path = at(ADMIN, str(running.notifier.hub.head))
        with running.listen(path, running.cookie(STAFF)) as staff:
            assert staff.hears_nothing(0.1)
            monkeypatch.setattr(source, "render", failing)
            pipeline.put(*places(2))
            tell(pipeline)
            assert [number(staff) for _ in range(2)] == [1, 2]
            assert staff.hears_nothing()


def test_a_client_that_asks_while_the_database_goes_away_is_told_to_come_again(
    pipeline: Pipeline, redis_url: str
) -> None:
    """In the middle of a question of the notifier's: at the door, and in a conversation."""
    populate(pipeline)
    with running_notifier(pipeline.url, redis_url) as running, ThreadPoolExecutor(1) as pool:
        cookie = running.cookie(STAFF)
        with lost_while_waiting_for(pipeline, "login_session"):
            refusal = pool.submit(running.refusal, headers=cookie)
        status, body = refusal.result()
        assert (status, body["code"]) == (503, "unavailable")
        with running.listen(headers=cookie) as staff:
            with lost_while_waiting_for(pipeline, "booking"):
                staff.send(type="get_bookings")
            assert staff.close_code() == 1013


@contextmanager
def lost_while_waiting_for(pipeline: Pipeline, table: str) -> Iterator[None]:
    """Those of the notifier's connections that then wait for the table are cut off."""
    waiting = "application_name = 'holdfast notifier' AND wait_event_type = 'Lock' AND datname = current_database()"
    with holding(pipeline.url, f"LOCK TABLE {table}"):
        yield
        wait_until(lambda: bool(pipeline.rows(f"SELECT FROM pg_stat_activity WHERE {waiting}")), "it waits")
        pipeline.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waiting}")


def number(staff: Listener) -> int:
    return int(staff.next_of("booking_created")["position"].split("-")[1])


def test_a_slow_client_is_sent_away_and_resumes(pipeline: Pipeline, redis_url: str) -> None:
    """It reads nothing until its queue is over; others are not held up; then it goes on where it was."""
    populate(pipeline)
    total = 400
    commands = [
        msgspec.structs.replace(command, notes="x" * 15_000) for command in places(total)
    ]  # the kernel buffers 3 MB
    limits = {"poll_s": 0.02, "first_message_s": 0.05, "queued_messages": 50, "page_events": 20}
    with running_notifier(pipeline.url, redis_url, **limits) as running:
        path = at(ADMIN, str(running.notifier.hub.head))
        with (
            slow(running.url + path, running.cookie(STAFF)) as lazy,
            running.listen(path, running.cookie(STAFF)) as eager,
        ):
            for portion in range(0, total, 20):
                pipeline.put(*commands[portion : portion + 20])
                tell(pipeline)
                assert [number(eager) for _ in range(20)] == list(range(portion + 1, portion + 21))
            heard, code = drain(lazy)
        assert heard < total
        assert code in {4008, None}  # cut off where not even the close frame was read
        with running.listen(at(ADMIN, f"{running.notifier.hub.epoch}-{heard}"), running.cookie(STAFF)) as again:
            assert [number(again) for _ in range(total - heard)] == list(range(heard + 1, total + 1))


def test_a_client_with_more_messages_than_may_wait_is_closed_with_a_reason(pipeline: Pipeline, redis_url: str) -> None:
    populate(pipeline)
    limits = {"poll_s": 0.05, "first_message_s": 0.05, "queued_messages": 5}
    with running_notifier(pipeline.url, redis_url, **limits) as running:
        path = at(ADMIN, str(running.notifier.hub.head))
        with running.listen(path, running.cookie(STAFF)) as staff:
            assert staff.hears_nothing(0.1)
            pipeline.put(*places(20))
            tell(pipeline)
            assert staff.close_code() == 4008


def slow(url: str, headers: dict[str, str]) -> ClientConnection:
    """A client whose buffers hold next to nothing."""
    host, port = url.removeprefix("ws://").split("/")[0].split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((host, int(port)))
    return connect(url, sock=raw, additional_headers=headers, compression=None, max_queue=1, ping_interval=None)


def drain(lazy: ClientConnection) -> tuple[int, int | None]:
    """The last event heard, and the close code."""
    listener, heard = Listener(lazy), 0
    try:
        while True:
            heard = number(listener)
    except ConnectionClosed as closed:
        return heard, closed.rcvd.code if closed.rcvd else None


def test_a_stopping_notifier_sends_everybody_away_to_resume(pipeline: Pipeline, redis_url: str) -> None:
    populate(pipeline)
    with running_notifier(pipeline.url, redis_url) as running, running.listen(headers=running.cookie(STAFF)) as staff:
        running.stop.set()
        assert staff.close_code() == 1012


def test_the_process_serves_and_ends_at_sigterm_with_clean_logs(pipeline: Pipeline, redis_url: str) -> None:
    (port,) = free_ports(1)
    environment = {**stack_environment(pipeline.url, redis_url, lanes=8), "HOLDFAST_NOTIFIER_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "notifier"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )

    def connected() -> bool:
        try:
            with connect(f"ws://127.0.0.1:{port}/ws/commands/?ticket=topsecret"):
                return True
        except OSError:
            return False
        except InvalidStatus as refused:
            return refused.response.status_code == 401

    wait_until(connected, "the notifier answers")
    process.terminate()
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "topsecret" not in errors
    assert "Traceback" not in errors
    assert all(line.startswith("{") for line in errors.splitlines())


def test_a_missing_setting_stops_the_start_with_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "notifier"], check=False, cwd=ROOT, env={}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert done.stderr == "holdfast: DATABASE_URL is not set. Set it in the environment or in .env and start again.\n"
