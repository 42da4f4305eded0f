"""All checks over what a run left behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

from tests.faults.checks import bookings, commands, events
from tests.faults.checks.events import Heard
from tests.faults.checks.facts import Facts
from tests.faults.checks.finding import Finding
from tests.faults.checks.models import linearizable
from tests.faults.checks.money import money
from tests.faults.history.operations import operations
from tests.faults.history.records import Asked
from tests.faults.recovery import Struck
from tests.faults.schedule import FAULTS
from tests.faults.stage import Stage
from tests.faults.things import DEAD, LIVE

HOLDS_LATE_S = 15.0
COMES_TO = timedelta(seconds=5)
"""After a repair, until holds must end in time again."""


class Evidence(Struct, frozen=True):
    history: list[Asked]
    facts: Facts
    heard: list[Heard]
    after: int
    """The feed's position before the first client."""
    struck: Sequence[Struck]
    stage: Stage


def verdict(found: Evidence) -> list[Finding]:
    done, facts = operations(found.history), found.facts
    dead = frozenset({DEAD})
    reloads = sum(FAULTS[one.name].may_reload for one in found.struck)
    trouble = [(one.began_wall, one.served_wall + COMES_TO) for one in found.struck]
    return [
        commands.acknowledged(done, facts),
        commands.answers(found.history, facts),
        commands.repeated(done, facts),
        commands.bulks(found.history, facts),
        commands.server_errors(found.history),
        commands.refused_requests(found.history),
        commands.unknown(done, len(found.struck)),
        linearizable(done),
        bookings.overlaps(facts),
        bookings.time_slots(facts),
        bookings.seats(facts),
        bookings.persons(facts),
        bookings.credits_(facts),
        bookings.holds_end(facts, trouble, HOLDS_LATE_S),
        events.positions(facts),
        events.finals(facts),
        events.stories(facts),
        events.feeds(facts, found.heard, reloads),
        events.webhooks(facts, _webhooks_heard(found.stage), found.after, dead),
        events.leftovers(facts, dead),
        money(found.stage.stack, found.stage.stripe),
    ]


def _webhooks_heard(stage: Stage) -> dict[str, list[str]]:
    """The ids that each living endpoint was sent."""
    return {name: [_id_of(one["headers"]) for one in stage.receiver.heard(name.replace(" ", "-"))] for name in LIVE}


def _id_of(headers: dict[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == "webhook-id"), "")
