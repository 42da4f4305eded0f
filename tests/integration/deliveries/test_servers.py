"""Delivery workers at work: real PostgreSQL, Valkey and receivers, workers that are killed, receivers that fail or hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from core.settings import from_environment
from core.store.connections.database import Connection
from core.store.deliveries.cursors import any_sender, start_sender
from core.wakeup.broker import celery_app
from core.wakeup.keys import DELIVERIES, NO_PREFIX
from core.wakeup.waker import Waker
from tests.support.deliveries.by_hand import NAME, rows, write_events
from tests.support.deliveries.receiver import Receiver, receiver
from tests.support.deliveries.worker import LEASE, RECEIVERS, URL, HttpSender
from tests.support.engine.lanes import Background
from tests.support.processes.servers import stack_environment
from tests.support.wait import wait_until
from workers import delivery_server
from workers.delivery_server import DeliveryServer, all_senders

NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
def notes() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def started(connection: Connection) -> Connection:
    start_sender(connection, NAME)
    return connection


@contextmanager
def serving(url: str, redis_url: str, notes: Receiver, *receivers: str, retry_s: int = 60) -> Iterator[Background]:
    """A worker in this process, until its sender is stopped."""
    retried = {"HOLDFAST_DELIVERY_RETRY_SECONDS": str(retry_s)}
    settings = from_environment(stack_environment(url, redis_url) | retried)
    server = DeliveryServer(celery_app(redis_url), settings, [HttpSender(notes.url, receivers)])
    with pytest.MonkeyPatch.context() as patch:
        ended = threading.Event()
        patch.setattr("workers.shutdown.watch", lambda: ended.is_set)
        work = Background(server.run)
        try:
            yield work
        finally:
            ended.set()
            for held in notes.held.values():
                held.set()
            work.join()


@contextmanager
def process(
    url: str, redis_url: str, notes: Receiver, *receivers: str, lease_s: float = 60.0
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that can be killed."""
    environment = {
        **stack_environment(url, redis_url),
        "PATH": os.environ["PATH"],
        URL: notes.url,
        RECEIVERS: ",".join(receivers),
        LEASE: str(lease_s),
        "HOLDFAST_DELIVERY_RETRY_SECONDS": "60",
    }
    worker = subprocess.Popen([sys.executable, "-m", "tests.support.deliveries.worker"], env=environment)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def all_sent(connection: Connection, count: int) -> bool:
    return [state for _, _, state, _ in rows(connection)] == ["sent"] * count


def test_what_a_killed_worker_had_sent_and_not_reported_is_sent_again_with_the_same_id(
    started: Connection, database_url: str, redis_url: str, notes: Receiver
) -> None:
    held = notes.hold("1")
    write_events(started, 7, 7)
    with process(database_url, redis_url, notes, "1", lease_s=2.0) as worker:
        wait_until(lambda: notes.waits("1") == 1, "the first of the booking is under way, and the second waits")
        os.kill(worker.pid, signal.SIGKILL)
    held.set()
    with serving(database_url, redis_url, notes, "1"):
        wait_until(lambda: all_sent(started, 2), "all is sent")
    first, *again = notes.ids()
    assert again[0] == first
    assert notes.numbers("1") == [1, 1, 2]


def test_a_receiver_that_hangs_or_fails_holds_up_no_other_and_a_booking_keeps_its_order(
    started: Connection, database_url: str, redis_url: str, notes: Receiver
) -> None:
    notes.hold("hangs")
    notes.statuses["fails"] = [500, 500, 503] * 4
    write_events(started, *(n % 4 for n in range(40)))
    with serving(database_url, redis_url, notes, "hangs", "fails", "live"):
        wait_until(lambda: len(notes.ids("live")) == 40, "the live one has all")
        assert notes.most_under_way["hangs"] <= HttpSender.limits.at_once
        wait_until(lambda: len(notes.numbers("fails")) == 40, "the one that failed has all")
    for name in ("live", "fails"):
        numbers = notes.numbers(name)
        for booking in range(4):
            own = [n for n in numbers if (n - 1) % 4 == booking]
            assert own == sorted(own)


def test_two_workers_share_the_work_and_send_each_delivery_once(
    started: Connection, database_url: str, redis_url: str, notes: Receiver
) -> None:
    write_events(started, *range(60))
    with (
        serving(database_url, redis_url, notes, "1", "2", "3"),
        process(database_url, redis_url, notes, "1", "2", "3"),
    ):
        wait_until(lambda: all_sent(started, 180), "all is sent")
    assert len(notes.ids()) == len(set(notes.ids())) == 180


def test_a_ring_wakes_the_worker_at_once_and_without_redis_it_looks_by_itself(
    started: Connection,
    database_url: str,
    redis_url: str,
    valkey_client: redis.Redis,
    notes: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_server, "LOOK_EVERY_S", 3_600.0)
    called: list[str] = []
    waker = Waker(valkey_client, DELIVERIES, lambda: called.append("called"))
    with serving(database_url, redis_url, notes, "1"):
        wait_until(lambda: bool(valkey_client.exists(NO_PREFIX.listening_mark(DELIVERIES))), "it listens")
        write_events(started, 1)
        waker.ring([NO_PREFIX.deliveries_bell])
        wait_until(lambda: all_sent(started, 1), "it is sent")
    assert called == [], "whoever listens is not called"
    with serving(database_url, NO_REDIS, notes, "1"):
        write_events(started, 2)
        wait_until(lambda: all_sent(started, 2), "it is sent without Redis")


@pytest.mark.parametrize(("mails", "before"), [("1", False), ("0", True)])
def test_a_worker_that_starts_begins_and_ends_what_a_setting_says(
    connection: Connection,
    database_url: str,
    redis_url: str,
    mails: str,
    before: bool,  # noqa: FBT001 - pytest names it
) -> None:
    if before:
        start_sender(connection, "mails")
    settings = from_environment(stack_environment(database_url, redis_url) | {"HOLDFAST_MAILS": mails})
    server = DeliveryServer(celery_app(redis_url), settings, all_senders(settings))
    server._pool.open()
    server._answer([])
    server._close()
    assert any_sender(connection) is not before


def test_a_delivery_that_fails_for_as_long_as_it_is_tried_is_parked(
    started: Connection, database_url: str, redis_url: str, notes: Receiver
) -> None:
    notes.statuses["1"] = [500] * 1_000
    write_events(started, 7)
    with serving(database_url, redis_url, notes, "1", retry_s=1):
        wait_until(lambda: [state for _, _, state, _ in rows(started)] == ["parked"], "it is parked")
    assert rows(started)[0][3] == len(notes.ids("1"))
    assert started.execute("SELECT answer FROM delivery").fetchone() == ("500",)
