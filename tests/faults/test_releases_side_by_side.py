"""Processes of the previous release and of this one on one database, replaced one after another under traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from msgspec import Struct

from tests.conftest import FIGURE
from tests.support.clients.callers import execute
from tests.support.clients.http_client import agent_booking
from tests.support.processes.servers import PostgresServer
from tests.upgrade.books import Books, balance
from tests.upgrade.caller import Plain
from tests.upgrade.fleet import ONE_EACH
from tests.upgrade.releases import NEW, previous
from tests.upgrade.replacement_orders import MIGRATE, Upgrade, silences
from tests.upgrade.scene import Scene, scene

THERE, BACK = ("workers", "migrate", "api", "notifier"), ("api", "workers", "notifier")
"""The order that asks most of both: workers that know more than the database, then old processes upon new rows.
`make upgrade` goes through all of them, and has two of whatever there may be several of."""
Record = Callable[[str, object], None]

AHEAD = 300
"""More than a lane reads at once."""
SQL_NEWER = """
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, request_id, actor, body)
SELECT gen_random_uuid(), lane, lane, 0, 'of_another_time', 99, 'appointments', 'newer', '{"kind": "of_another_time"}',
       '{"type": "of_another_time"}'
FROM installation, generate_series(0, lanes - 1) AS lane, generate_series(1, %s)
"""
SQL_LEFT = "SELECT count(*), max(attempts)::integer FROM inbox WHERE version = 99"


class Played(Struct, frozen=True):
    """The way there and back, at its end: the previous release's processes run on the new database."""

    scene: Scene
    upgrade: Upgrade
    books: Books
    decided: Mapping[str, int]
    """Commands, by release."""


@pytest.fixture(scope="module")
def played(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("upgrade")
    old = previous(folder)
    with scene(postgres, folder / "scene", old, seed=14, counts=ONE_EACH) as playing:
        upgrade = Upgrade(playing.fleet, playing.traffic)
        upgrade.forward(THERE, NEW)
        upgrade.back(BACK, old)
        playing.traffic.stop()
        books = balance(playing.fleet, playing.stripe, playing.traffic)
        yield Played(playing, upgrade, books, playing.fleet.said("command decided"))


def test_nothing_accepted_is_lost_and_nothing_is_booked_or_charged_twice(
    played: Played, record_property: Record
) -> None:
    record_property(FIGURE, f"the previous release, this one, and back: {played.books}")
    assert played.books.problems == {}
    assert played.scene.traffic.journal.problems == []


def test_both_releases_decide_and_a_key_means_the_same_to_both(played: Played) -> None:
    assert min(played.decided.values()) > 0
    assert played.scene.traffic.journal.repeated > 0


def test_migrate_refuses_nobody(played: Played) -> None:
    (migrating,) = (step for step in played.upgrade.steps if step.what == MIGRATE)
    assert migrating.refused == 0


def test_nothing_is_silent_for_longer_than_a_process_takes_to_start(played: Played, record_property: Record) -> None:
    longest = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in silences(played.upgrade.steps).items())
    start_s = max(played.scene.fleet.all_starts_s)
    record_property(FIGURE, f"silent meanwhile, at most: {longest}; a process starts in up to {start_s:.2f} s")
    assert played.upgrade.too_long() == []


def test_an_old_worker_leaves_alone_what_carries_a_newer_version_and_goes_on(played: Played) -> None:
    """Also when more of it stands at the head of each lane than a lane reads at once."""
    fleet = played.scene.fleet
    execute(fleet, SQL_NEWER, AHEAD)
    with Plain(base_url=fleet.api_urls()[0], timeout=35.0) as client:
        for _ in range(8):
            answer = client.post("/api/agent/booking/create/", json=agent_booking(), headers={"Prefer": "wait=20"})
            assert answer.status_code == 201, answer.text
    ((left, attempts),) = execute(fleet, SQL_LEFT)
    ((lanes,),) = execute(fleet, "SELECT lanes FROM installation")
    assert (left, attempts) == (lanes * AHEAD, 0)
