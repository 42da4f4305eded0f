"""What can go wrong with a running stack, and how it is made good again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import redis

from core.settings import from_environment
from core.store.migrate import upgrade
from ops.processes import LANES
from tests.support.clients.http_client import admin
from tests.support.engine.lanes import holding, lock_waits
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

NO_BOOKING_IS_WRITTEN = "LOCK TABLE booking IN SHARE MODE"
"""Held, it stops a worker that has decided a batch just before it can commit."""
TAKEN_OVER_WITHIN_S = 15.0
PROMISES = 10
LANES_TRIED = (1, 2, 3, 8)


@dataclass(frozen=True)
class Scene:
    """Where a fault happens."""

    stack: Stack
    postgres: PostgresServer
    chance: random.Random

    def start(self, *names: str) -> None:
        """Those of them that do not run."""
        for name in names:
            server = self.stack.process(name)
            if server.child.exit_code() is not None:
                server.start(wait=False)

    def kill(self, *names: str) -> None:
        for name in names:
            if self.stack.process(name).child.exit_code() is None:
                self.stack.process(name).kill()

    def until_served(self) -> None:
        """Until somebody who waits gets a booking; who was killed on purpose may stay away."""
        with admin(self.stack.api_url) as client:
            wait_until(lambda: client.book().status_code == HTTPStatus.CREATED, "a booking goes all the way")

    def waiting(self) -> set[object]:
        """The commands that nobody has decided yet."""
        with self.stack.database() as connection:
            return {id_ for (id_,) in connection.execute("SELECT id FROM inbox WHERE type = 'place'").fetchall()}

    def lanes(self) -> int:
        with self.stack.database() as connection:
            row = connection.execute("SELECT lanes FROM installation").fetchone()
        assert row is not None
        return int(str(row[0]))

    def has_lanes(self, lanes: int) -> None:
        """As a deployment changes LANES: workers end, a migrate sets the number, workers start."""
        self.kill(*LANES.instances())
        upgrade(from_environment({**self.stack.full_environment(), "HOLDFAST_LANES": str(lanes)}))

    def when_decided_but_not_committed(self, act: Callable[[], None]) -> None:
        """Act while every lane worker that has something to do holds its lanes in an open transaction."""
        with holding(self.stack.database_url, NO_BOOKING_IS_WRITTEN), self.stack.database() as looking:
            wait_until(lambda: lock_waits(looking, "holdfast lane") > 0, "a batch is caught")
            act()


@dataclass(frozen=True)
class Fault:
    strike: Callable[[Scene], None]
    repair: Callable[[Scene], None]
    """Leaves the stack as it was found."""


def _nothing(_: Scene) -> None:
    pass


def _kill_one_lane_worker(scene: Scene) -> None:
    scene.kill(scene.chance.choice(LANES.instances()))


def _kill_all_lane_workers(scene: Scene) -> None:
    scene.kill(*LANES.instances())


def _start_lane_workers(scene: Scene) -> None:
    scene.start(*LANES.instances())


def _kill_before_commit(scene: Scene) -> None:
    scene.when_decided_but_not_committed(lambda: _kill_all_lane_workers(scene))


def _stop_before_commit(scene: Scene) -> None:
    """SIGSTOP leaves socket and transaction open, and the lanes locked: only the timeouts free them."""
    scene.kill("lanes-2")
    scene.when_decided_but_not_committed(scene.stack.process("lanes-1").freeze)
    stuck = scene.waiting()
    scene.start("lanes-2")
    wait_until(lambda: not stuck & scene.waiting(), "its lanes are another's", TAKEN_OVER_WITHIN_S)


def _continue_stopped(scene: Scene) -> None:
    scene.stack.process("lanes-1").thaw()


def _empty_redis(scene: Scene) -> None:
    with redis.Redis.from_url(scene.stack.redis_url) as connection:
        connection.flushall()


def _kill_redis(scene: Scene) -> None:
    scene.stack.valkey.kill()


def _start_redis(scene: Scene) -> None:
    """It keeps nothing on disk: it comes back empty."""
    scene.stack.valkey.start()


def _kill_the_api(scene: Scene) -> None:
    """With promises that nobody has kept yet."""
    _kill_all_lane_workers(scene)
    wait_until(lambda: len(scene.waiting()) >= PROMISES, "commands wait to be decided")
    scene.kill("api")


def _start_the_api(scene: Scene) -> None:
    _start_lane_workers(scene)
    scene.stack.process("api").start()


def _kill_what_sweeps(scene: Scene) -> None:
    scene.kill("sweeps", "beat")


def _start_what_sweeps(scene: Scene) -> None:
    scene.start("sweeps", "beat")


def _kill_postgres(scene: Scene) -> None:
    scene.postgres.kill()


def _start_postgres(scene: Scene) -> None:
    scene.postgres.start()


def _change_lanes(scene: Scene) -> None:
    scene.has_lanes(scene.chance.choice(LANES_TRIED))


def _leave_one_worker(scene: Scene) -> None:
    scene.kill("lanes-2")
    time.sleep(scene.chance.uniform(0, 1))  # anywhere in its colleague's way of taking over


QUIET = Fault(_nothing, _nothing)
FAULTS: Mapping[str, Fault] = {
    "one lane worker killed": Fault(_kill_one_lane_worker, _start_lane_workers),
    "all lane workers killed": Fault(_kill_all_lane_workers, _start_lane_workers),
    "lane workers killed before commit": Fault(_kill_before_commit, _start_lane_workers),
    "a lane worker stopped before commit": Fault(_stop_before_commit, _continue_stopped),
    "one worker for all lanes": Fault(_leave_one_worker, _start_lane_workers),
    "LANES changed between restarts": Fault(_change_lanes, _start_lane_workers),
    "Redis emptied": Fault(_empty_redis, _nothing),
    "Redis killed": Fault(_kill_redis, _start_redis),
    "the API killed after 202s": Fault(_kill_the_api, _start_the_api),
    "sweeps, relay and beat killed": Fault(_kill_what_sweeps, _start_what_sweeps),
}
"""Any stack survives these."""
HARDER: Mapping[str, Fault] = {**FAULTS, "PostgreSQL killed": Fault(_kill_postgres, _start_postgres)}
"""For a stack that shares its PostgreSQL with nobody."""
