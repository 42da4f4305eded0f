"""One run: a stage, clients, strikes from a seed, time to settle, and the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.faults.checks.events import Heard
from tests.faults.checks.facts import read_facts
from tests.faults.checks.finding import Finding
from tests.faults.history.records import Asked, read_history
from tests.faults.recovery import Struck
from tests.faults.schedule import schedule
from tests.faults.stage import Stage, orders_of
from tests.faults.strikes.fault import Fault
from tests.faults.things import DEAD, booked, cast, superuser
from tests.faults.verdict import Evidence, verdict
from tests.support.clients.callers import execute
from tests.support.wait import wait_until

SERVES_WITHIN_S = 180.0
HEARD_WITHIN_S = 60.0
WARM_S = 2.0
SQL_OPEN = """
SELECT (SELECT count(*) FROM inbox WHERE type <> 'canary')
     + (SELECT count(*) FROM event_batch WHERE first_position IS NULL)
     + (SELECT count(*) FROM booking WHERE status = 'held')
     + (SELECT count(*) FROM payment WHERE state NOT IN ('canceled', 'failed', 'succeeded', 'refunded'))
     + (SELECT count(*) FROM delivery_cursor c, feed f WHERE c.sender = 'webhooks' AND c.position < f.last_position)
     + (SELECT count(*) FROM delivery d JOIN webhook_endpoint w ON w.id::text = d.receiver
        WHERE d.state = 'waiting' AND w.description <> %s)
"""
"""Holds lapse after seconds here: what follows from their end is waited for too."""
Say = Callable[[str], None]


class Plan(Struct, frozen=True):
    seed: int
    duration_s: float
    faults: Sequence[Fault]
    stories: Sequence[Sequence[str]]
    once: bool = False
    """Each fault once, however long it takes, and at least for the duration."""
    settles_within_s: float = 30.0
    """After the last client, until nothing may be left unfinished."""


class Told(Struct, frozen=True):
    """What a run ends with."""

    findings: list[Finding]
    struck: list[Struck]
    history: list[Asked]

    @property
    def problems(self) -> list[str]:
        return [problem for one in self.findings for problem in one.problems]


def play(stage: Stage, plan: Plan, say: Say) -> Told:
    by = cast(stage)
    ((after,),) = execute(stage.stack, "SELECT last_position FROM feed")
    orders = orders_of(stage, by, plan.seed, plan.stories)
    for one in reversed(orders):  # who listens comes first
        stage.start_client(one)
    time.sleep(WARM_S)  # the length of a calm beginning
    struck = strike_on(stage, plan, say)
    stage.stop_clients("acting")
    settled_s = _settle(stage, plan.settles_within_s)
    say(f"settled {settled_s:.1f} s after the last client")
    history = read_history(sorted(stage.histories.glob("acting-*.jsonl")))
    _wait_heard(stage)
    stage.stop_clients("listening")
    with stage.database() as connection:
        facts = read_facts(connection)
    heard = read_heard(stage.histories / "heard.jsonl")
    evidence = Evidence(history, facts, heard, int(after), struck, stage)
    return Told(verdict(evidence), struck, history)


def strike_on(stage: Stage, plan: Plan, say: Say) -> list[Struck]:
    """Until the time is over, or each fault has struck once."""
    by = superuser(stage)
    struck: list[Struck] = []
    until = time.monotonic() + plan.duration_s
    for strike in schedule(plan.seed, plan.faults) if plan.faults else ():
        if (len(struck) >= len(plan.faults)) if plan.once else (time.monotonic() >= until):
            break
        time.sleep(strike.calm_s)  # the calm between two strikes
        began, began_wall = time.monotonic(), datetime.now(UTC)
        with strike.fault.struck(stage, strike.chance):
            time.sleep(strike.lasts_s)  # the length of the outage
        repaired = time.monotonic()
        _wait_serving(stage, by, strike.fault.name)
        served = time.monotonic()
        one = Struck(strike.fault.name, strike.fault.kind, began, repaired, served, began_wall, datetime.now(UTC))
        struck.append(one)
        say(
            f"{len(struck):>3}  {one.name:<40} lasted {repaired - began:5.1f} s, served again after {one.recovered_s:5.2f} s"
        )
    time.sleep(max(0.0, until - time.monotonic()))  # clients go on for the whole time
    return struck


def _wait_serving(stage: Stage, by: str, name: str) -> None:
    """Until somebody who waits gets a booking; processes that ended by themselves are a failure."""

    def serves() -> bool:
        for server in stage.stack.servers:
            code = server.child.exit_code()
            assert code is None, f"{server.name} ended with {code} after {name}:\n{server.child.tail(30)}"
        return booked(stage, by, stage.stack.api_url)

    wait_until(serves, f"a booking goes all the way after {name}", SERVES_WITHIN_S)


def _settle(stage: Stage, within_s: float) -> float:
    """Until nothing is left to do, or it has had its time: then the verdict says what is left."""
    began = time.monotonic()
    while time.monotonic() - began < within_s and execute(stage.stack, SQL_OPEN, DEAD) != [(0,)]:
        time.sleep(0.3)
    return time.monotonic() - began


def _wait_heard(stage: Stage) -> None:
    """Until each listener is at the end of the admin feed or has had its time."""
    ((head,),) = execute(stage.stack, "SELECT last_position FROM feed")
    file, until = stage.histories / "heard.jsonl", time.monotonic() + HEARD_WITHIN_S
    ((last,),) = execute(
        stage.stack,
        "SELECT max(b.first_position + e.n) FROM event e JOIN event_batch b ON b.id = e.batch_id "
        "WHERE e.type IN ('booking_created', 'booking_updated', 'booking_deleted') AND b.first_position <= %s",
        head,
    )
    while time.monotonic() < until:
        ends: dict[str, int] = {}
        for one in read_heard(file):
            if one.feed == "admin":
                ends[one.listener] = one.number
        if ends and min(ends.values()) >= int(last or 0):
            time.sleep(1.0)  # the other feed has as long
            return
        time.sleep(0.5)


def read_heard(file: Path) -> list[Heard]:
    decode = msgspec.json.Decoder(Heard).decode
    return [decode(line) for line in file.read_bytes().splitlines() if line.endswith(b"}")]
