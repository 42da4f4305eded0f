"""`/ws/admin/bookings/`: the document's messages, the snapshot, and the canary that nobody hears."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import psycopg
import pytest

from core.domain.bookings.status import Status
from core.domain.commands import Actor, ActorKind, Canary, ChangeStatus, Delete
from core.store.feed import Position, number_events, read_head
from core.store.webhooks.recipients import tell_feed
from core.wire.feeds import WEBHOOK_DISABLED
from notifier import client_connection, feed_reader
from notifier.feed_reader import snapshot
from tests.support.engine.lanes import Pipeline, new, places
from tests.support.notifier import STAFF, Running, populate, running_notifier, tell
from tests.support.wait import wait_until

BY_STAFF = Actor(ActorKind.STAFF, STAFF)


def test_staff_hear_of_a_new_booking_in_the_admin_shape(pipeline: Pipeline, running: Running) -> None:
    with running.listen(headers=running.cookie(STAFF)) as staff:
        (command,) = places(1, person="5550001")
        pipeline.put(command)
        tell(pipeline)
        message = staff.next_of("booking_created")
    data = message["data"]
    assert message["position"] == f"{running.notifier.hub.epoch}-1"
    assert list(data) == [
        "id", "contract", "user_id", "service_name", "booking_date", "booking_time", "duration_minutes", "status",
        "notes", "created_at", "version", "user_details",
    ]  # fmt: skip
    assert (data["booking_date"], data["booking_time"], data["status"]) == ("2025-10-20", "09:00:00", "upcoming")
    assert data["user_details"]["phone"] == "5550001"


def test_the_path_works_without_its_trailing_slash(running: Running) -> None:
    with running.listen("/ws/admin/bookings", running.cookie(STAFF)) as staff:
        staff.send(type="get_bookings")
        assert staff.next_of("bookings_data")["data"] == []


def test_changes_and_deletions_are_told_with_their_person(pipeline: Pipeline, running: Running) -> None:
    pipeline.put(*places(1))
    tell(pipeline)
    running.catch_up_with(pipeline)
    (booking_id,) = pipeline.row("SELECT id FROM booking")
    with running.listen(headers=running.cookie(STAFF)) as staff:
        pipeline.put(new(ChangeStatus(booking_id, Status.COMPLETED), actor=BY_STAFF))
        tell(pipeline)
        updated = staff.next_of("booking_updated")["data"]
        pipeline.put(new(Delete(booking_id), actor=BY_STAFF))
        tell(pipeline)
        deleted = staff.next_of("booking_deleted")["data"]
    assert (updated["id"], updated["status"], updated["version"]) == (booking_id, "completed", 2)
    assert deleted["id"] == booking_id
    assert deleted["user_details"]["phone"] == "555001"


def test_a_webhook_that_was_disabled_is_told_with_the_reason(pipeline: Pipeline, running: Running) -> None:
    with (
        running.listen(headers=running.cookie(STAFF)) as staff,
        psycopg.connect(pipeline.url, autocommit=True) as sender,
    ):
        tell_feed(sender, WEBHOOK_DISABLED, 7, "the endpoint answered 410")
        tell(pipeline)
        data = staff.next_of("webhook_disabled")["data"]
    assert (data["id"], data["reason"]) == (7, "the endpoint answered 410")


def test_get_bookings_answers_the_newest_fifty_at_a_position(pipeline: Pipeline, running: Running) -> None:
    pipeline.put(*places(55))
    tell(pipeline)
    with running.listen(headers=running.cookie(STAFF)) as staff:
        staff.send(type="get_bookings")
        message = staff.next_of("bookings_data")
    ids = [booking["id"] for booking in message["data"]]
    assert len(ids) == 50
    assert ids == sorted(ids, reverse=True)
    assert message["position"].endswith("-55")


def test_a_canary_is_told_to_nobody_and_recorded(pipeline: Pipeline, running: Running) -> None:
    with running.listen(headers=running.cookie(STAFF)) as staff:
        pipeline.put(Canary())
        tell(pipeline)
        wait_until(lambda: bool(pipeline.rows("SELECT FROM canary WHERE stage = 'notifier'")), "the canary is heard")
        assert staff.hears_nothing()


def test_refusals_are_not_told_to_staff(pipeline: Pipeline, running: Running) -> None:
    with running.listen(headers=running.cookie(STAFF)) as staff:
        command = places(1)[0]
        pipeline.put(command, command)
        tell(pipeline)
        staff.next_of("booking_created")
        assert staff.hears_nothing()


async def test_a_snapshot_is_true_at_its_position(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remedy: bookings and position are read in one REPEATABLE READ transaction."""
    first, second = places(2)
    populate(pipeline)
    pipeline.put(first)
    tell(pipeline)

    async def then_somebody_books(connection: Any) -> Position:
        head = await read_head(connection)
        pipeline.put(second)
        tell(pipeline)
        return head

    async with await feed_reader.connect(pipeline.url) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(feed_reader, "read_head", then_somebody_books)
            head, message = await snapshot(connection, 50)
    assert (head.number, len(json.loads(message)["data"])) == (1, 1)


def test_what_is_booked_while_the_snapshot_is_on_its_way_follows_it(
    pipeline: Pipeline, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client replaces its list by the snapshot: news sent before it would be lost."""
    read, go_on = threading.Event(), threading.Event()

    async def slow(connection: Any, limit: int) -> Any:
        taken = await snapshot(connection, limit)
        read.set()
        await asyncio.to_thread(go_on.wait, 5)
        return taken

    monkeypatch.setattr(client_connection, "snapshot", slow)
    first, second = places(2)
    pipeline.put(first)
    tell(pipeline)
    with running.listen(headers=running.cookie(STAFF)) as staff:
        staff.send(type="get_bookings")
        read.wait(5)
        pipeline.put(second)
        tell(pipeline)
        running.catch_up_with(pipeline)
        go_on.set()
        assert len(staff.next_of("bookings_data")["data"]) == 1
        assert staff.next_of("booking_created")["position"].endswith("-2")


def test_what_the_snapshot_shows_is_not_told_again(
    pipeline: Pipeline, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot may be ahead of what the hub has read: those events are not for this client."""
    numbered = threading.Event()

    async def ahead(connection: Any, limit: int) -> Any:
        await asyncio.to_thread(numbered.wait, 5)
        return await snapshot(connection, limit)

    monkeypatch.setattr(client_connection, "snapshot", ahead)
    with running.listen(headers=running.cookie(STAFF)) as staff:
        staff.send(type="get_bookings")
        pipeline.put(*places(1))
        pipeline.worker().visit_until_done()
        number_events(pipeline.connection)
        numbered.set()
        assert len(staff.next_of("bookings_data")["data"]) == 1
        assert staff.hears_nothing()


def test_a_silent_client_hears_where_it_is(pipeline: Pipeline, redis_url: str) -> None:
    populate(pipeline)
    with (
        running_notifier(pipeline.url, redis_url, heartbeat_s=0.2, first_message_s=0.05) as running,
        running.listen(headers=running.cookie(STAFF)) as staff,
    ):
        assert staff.next_of("heartbeat")["position"] == str(running.notifier.hub.head)
