"""A restored database gives positions a second time: clients that were ahead of it must reload, whenever they come.

The restores are real: a dump, a copy, and an older snapshot of the disk.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis

from core.store.feed import Position, number_events, renew_epoch
from core.wakeup.keys import NO_PREFIX
from ops.embedded.postgres import binary, clean_environment
from tests.conftest import UNSYNCED
from tests.support.engine.lanes import Pipeline, places
from tests.support.notifier import STAFF, at, populate, running_notifier
from tests.support.processes.servers import PostgresServer
from tests.support.wait import wait_until
from workers.relay_server import FeedMemory, relay

ADMIN = "/ws/admin/bookings/"
EARLY, LATE, AFTERWARDS = 5, 9, 15
"""Heads of the feed: when the backup is taken, when it is put back, and when the clients come again."""


def book(pipeline: Pipeline, until: int, memory: FeedMemory | None = None) -> Position:
    """Book until the feed has so many events, one numbering for each; where it is then.

    Without a memory the relay does not ask who remembers the feed.
    """
    pipeline.one_lane()
    head = position(pipeline)
    worker = pipeline.worker()
    for number in range(head.number, until):
        pipeline.put(places(number + 1)[number])
        worker.visit_until_done()
        if memory is None:
            assert relay(pipeline.connection, lambda _: None)
        else:
            memory.load_once(pipeline.connection)
            assert relay(pipeline.connection, memory.publish, memory.known)
    return position(pipeline)


def position(pipeline: Pipeline) -> Position:
    return Position(*pipeline.row("SELECT epoch, last_position FROM feed"))


def program(name: str, *arguments: str, text: bytes = b"") -> bytes:
    ran = subprocess.run(
        [binary(name), *arguments], input=text, env=clean_environment(), capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout


class World:
    """A database, its backup, and how that is restored."""

    def __init__(self, postgres: PostgresServer, url: str) -> None:
        self.postgres, self.url = postgres, url
        self.name = url.rsplit("/", 1)[1]
        self.admin = postgres.url("postgres")

    def do(self, *statements: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def replace_with(self, copy: str) -> None:
        self.do(f"DROP DATABASE {self.name} WITH (FORCE)", f"ALTER DATABASE {copy} RENAME TO {self.name}")


@pytest.fixture
def world(postgres: PostgresServer) -> Iterator[World]:
    url = postgres.new_database()
    yield World(postgres, url)
    postgres.drop_database(url)


def dump_into_a_new_database(world: World) -> Callable[[], None]:
    dump = program("pg_dump", world.url)

    def put_back() -> None:
        world.do(f"CREATE DATABASE restored_{world.name}")
        program("psql", "-q", "-v", "ON_ERROR_STOP=1", world.postgres.url(f"restored_{world.name}"), text=dump)
        world.replace_with(f"restored_{world.name}")

    return put_back


def dump_into_the_same_database(world: World) -> Callable[[], None]:
    dump = program("pg_dump", "--clean", "--if-exists", world.url)

    def put_back() -> None:
        # As the superuser: the extensions are not the application's.
        program("psql", "-q", "-v", "ON_ERROR_STOP=1", world.postgres.url(world.name), text=dump)

    return put_back


def copy_of_the_database(world: World) -> Callable[[], None]:
    world.do(f"CREATE DATABASE copy_{world.name} TEMPLATE {world.name}")
    return lambda: world.replace_with(f"copy_{world.name}")


@pytest.mark.parametrize("backup", [dump_into_a_new_database, dump_into_the_same_database, copy_of_the_database])
def test_a_client_ahead_of_a_restored_database_reloads_also_when_it_has_gone_past(
    world: World, redis_url: str, backup: Callable[[World], Callable[[], None]]
) -> None:
    """Only the database itself remembers: Redis is empty and the notifier is new."""
    with closing(Pipeline(world.url)) as pipeline:
        populate(pipeline)
        book(pipeline, EARLY)
    put_back = backup(world)
    with closing(Pipeline(world.url)) as pipeline:
        seen = book(pipeline, LATE)
    put_back()
    with closing(Pipeline(world.url)) as pipeline:
        assert position(pipeline).number == EARLY
        present = book(pipeline, AFTERWARDS)
        assert present.epoch != seen.epoch
        hears_reload(pipeline, redis_url, seen)


def hears_reload(pipeline: Pipeline, redis_url: str, seen: Position) -> None:
    with running_notifier(pipeline.url, redis_url, poll_s=0.02) as running:
        running.catch_up_with(pipeline)
        with running.listen(at(ADMIN, str(seen)), running.cookie(STAFF)) as staff:
            assert staff.next_of("reload")["position"] == str(running.notifier.hub.head)


def test_a_notifier_notices_a_restored_database_before_the_relay_does(world: World, redis_url: str) -> None:
    with closing(Pipeline(world.url)) as pipeline:
        populate(pipeline)
        seen = book(pipeline, EARLY)
    copy_of_the_database(world)()
    with closing(Pipeline(world.url)) as pipeline, running_notifier(world.url, redis_url) as running:
        assert running.notifier.hub.epoch == position(pipeline).epoch != seen.epoch


def test_the_same_database_keeps_its_epoch(pipeline: Pipeline, redis_url: str) -> None:
    """After the first numbering, whatever is connected, vacuumed or found in a Redis of somebody else's."""
    first = book(pipeline, 1)
    pipeline.connection.execute("VACUUM FULL feed")
    pipeline.connection.execute("VACUUM FULL event_batch")
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        memory = FeedMemory(client)
        memory.publish(Position("another", 1_000_000))
        for number in range(2, 6):
            assert book(pipeline, number, memory).epoch == first.epoch
    with running_notifier(pipeline.url, redis_url) as running:
        assert running.notifier.hub.epoch == first.epoch


@pytest.mark.parametrize("found", ["", "abc", "1e5", "nan", "1.5", "9" * 40])
def test_a_memory_that_holds_no_position_stops_no_feed(pipeline: Pipeline, redis_url: str, found: str) -> None:
    first = book(pipeline, 1)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.set(NO_PREFIX.feed_memory(first.epoch), found)
        head = book(pipeline, 2, FeedMemory(client))
        assert client.get(NO_PREFIX.feed_memory(head.epoch)) == str(head.number)


def test_a_database_whose_epoch_was_never_noted_gets_one_once(pipeline: Pipeline) -> None:
    """It may be a dump that an earlier release wrote."""
    pipeline.connection.execute("UPDATE feed SET epoch = 'earlier', origin = NULL")
    first = book(pipeline, 1)
    assert first.epoch != "earlier"
    assert book(pipeline, 3).epoch == first.epoch


def test_a_role_that_is_no_superuser_knows_where_the_database_lies(
    pipeline: Pipeline, postgres: PostgresServer
) -> None:
    with psycopg.connect(postgres.url(pipeline.url.rsplit("/", 1)[1])) as superuser:
        [(whole,)] = superuser.execute("SELECT feed_origin()").fetchall()
    assert pipeline.row("SELECT feed_origin()") == (whole,)
    assert "server timeline" not in whole, "both are known"


def test_an_operator_who_restores_can_ask_for_a_new_epoch(pipeline: Pipeline) -> None:
    before = book(pipeline, 3)
    renewed = renew_epoch(pipeline.connection)
    assert renewed == position(pipeline)
    assert (renewed.epoch != before.epoch, renewed.number) == (True, 3)
    assert book(pipeline, 4).epoch == renewed.epoch


class Disk:
    """A server of its own, whose disk is restored from an older snapshot."""

    def __init__(self, folder: Path, prepared_cluster: Path) -> None:
        self.server = PostgresServer(folder, UNSYNCED, prepared_cluster)
        self.server.start()
        self.url = self.server.new_database()
        self._saved = folder / "saved"

    def save(self) -> None:
        self._copy(self.server.cluster.data, self._saved)

    def put_back(self) -> None:
        self._copy(self._saved, self.server.cluster.data)

    def _copy(self, source: Path, target: Path) -> None:
        self.server.terminate()
        subprocess.run(["rm", "-rf", str(target)], check=True)
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)
        self.server.start()


@pytest.fixture
def nobody() -> Iterator[FeedMemory]:
    """The memory of a relay that cannot reach Redis: only its own."""
    with redis.Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True) as client:
        yield FeedMemory(client)


@pytest.fixture
def disk(tmp_path: Path, prepared_cluster: Path) -> Iterator[Disk]:
    tmp_path.chmod(0o755)  # PostgreSQL may run under another account
    one = Disk(tmp_path / "disk", prepared_cluster)
    yield one
    one.server.close()


def test_a_disk_that_was_put_back_is_noticed_by_what_redis_remembers(
    disk: Disk, redis_url: str, valkey_client: redis.Redis
) -> None:
    with closing(Pipeline(disk.url)) as pipeline:
        populate(pipeline)
        early = book(pipeline, EARLY, FeedMemory(valkey_client))
    disk.save()
    with closing(Pipeline(disk.url)) as pipeline:
        seen = book(pipeline, LATE, FeedMemory(valkey_client))
        assert seen.epoch == early.epoch, "a server that was started again is the same"
    disk.put_back()
    with closing(Pipeline(disk.url)) as pipeline:
        assert position(pipeline) == early
        assert book(pipeline, AFTERWARDS, FeedMemory(valkey_client)).epoch != seen.epoch
        hears_reload(pipeline, redis_url, seen)


def test_a_disk_that_was_put_back_is_taken_for_one_where_nobody_remembers(
    disk: Disk, redis_url: str, valkey_client: redis.Redis, nobody: FeedMemory
) -> None:
    """Redis is empty, then away; the notifier and the relay are new."""
    with closing(Pipeline(disk.url)) as pipeline:
        populate(pipeline)
        book(pipeline, EARLY, FeedMemory(valkey_client))
    disk.save()
    with closing(Pipeline(disk.url)) as pipeline:
        seen = book(pipeline, LATE, FeedMemory(valkey_client))
    for memory in (FeedMemory(valkey_client), nobody):
        disk.put_back()
        valkey_client.flushall()
        with closing(Pipeline(disk.url)) as pipeline:
            present = book(pipeline, EARLY + 1, memory)
            assert present.epoch != seen.epoch
            assert book(pipeline, AFTERWARDS, memory).epoch == present.epoch, "once"
            hears_reload(pipeline, redis_url, seen)


def test_a_disk_that_was_put_back_is_noticed_by_a_notifier_that_was_there(
    disk: Disk, redis_url: str, valkey_client: redis.Redis
) -> None:
    """Redis is empty, and the relay may number before the notifier looks."""
    with closing(Pipeline(disk.url)) as pipeline:
        populate(pipeline)
        book(pipeline, EARLY)
    disk.save()
    with running_notifier(disk.url, redis_url, poll_s=0.02) as running:
        with closing(Pipeline(disk.url)) as pipeline:
            seen = book(pipeline, LATE)
            running.catch_up_with(pipeline)
        disk.put_back()
        valkey_client.flushall()
        with closing(Pipeline(disk.url)) as pipeline:
            book(pipeline, AFTERWARDS)
            wait_until(lambda: running.notifier.hub.epoch != seen.epoch, "the notifier has noticed")
            wait_until(lambda: running.notifier.hub.delivered >= AFTERWARDS, "it goes on")
            assert running.notifier.hub.epoch == position(pipeline).epoch
            with running.listen(at(ADMIN, str(seen)), running.cookie(STAFF)) as staff:
                assert staff.next_of("reload")["position"] == str(running.notifier.hub.head)


@pytest.mark.parametrize("lost", [1, 4])
def test_a_notifier_knows_its_last_event_whatever_came_into_its_place(
    pipeline: Pipeline, redis_url: str, lost: int
) -> None:
    """The database is restored and numbered beyond what the notifier sent, before it looks again."""
    populate(pipeline)
    seen = book(pipeline, LATE)
    with running_notifier(pipeline.url, redis_url, poll_s=0.02) as running:
        running.catch_up_with(pipeline)
        with pipeline.connection.transaction():
            restore_as_if(pipeline, LATE - lost)
            pipeline.connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast notifier feed' AND datname = current_database()"
            )
            assert number_events_in(pipeline, seen) == Position(seen.epoch, LATE + 3)
        wait_until(lambda: running.notifier.hub.epoch != seen.epoch, "the notifier has noticed")


def restore_as_if(pipeline: Pipeline, head: int) -> None:
    pipeline.connection.execute("DELETE FROM event_batch WHERE first_position > %s", (head,))
    pipeline.connection.execute("UPDATE feed SET last_position = %s", (head,))


def number_events_in(pipeline: Pipeline, seen: Position) -> Position:
    (head,) = pipeline.row("SELECT last_position FROM feed")
    for number in range(head + 1, LATE + 4):
        pipeline.connection.execute(
            "WITH b AS (INSERT INTO event_batch (events, first_position, created_at) VALUES (1, %s, now()) RETURNING id)"
            " INSERT INTO event (batch_id, n, type, version, command_id, is_final, actor, contract, request_id)"
            " SELECT id, 0, 'canary', 1, gen_random_uuid(), true, 'engine', 'engine', 'r' FROM b",
            (number,),
        )
    pipeline.connection.execute("UPDATE feed SET last_position = %s", (LATE + 3,))
    return position(pipeline)


def test_a_relay_that_lives_on_notices_a_table_that_was_put_back_under_it(
    pipeline: Pipeline, nobody: FeedMemory
) -> None:
    seen = book(pipeline, LATE, nobody)
    restore_as_if(pipeline, EARLY)
    pipeline.put(places(LATE + 1)[LATE])
    pipeline.worker().visit_until_done()
    head = number_events(pipeline.connection, nobody.known)
    assert head is not None
    assert (head.epoch != seen.epoch, head.number) == (True, EARLY + 1)
