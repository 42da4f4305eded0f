"""Connections of clients, to the database and to Valkey cut, delayed and half-closed, and Stripe's webhooks doubled, lost and told backwards."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter

from tests.faults.proxy import Proxy
from tests.faults.stage import Stage
from tests.faults.strikes.fault import Fault
from tests.faults.strikes.processes import Struck

CUTS = 5
DELAY_S = "0.4"


Which = Callable[[Stage], Proxy]
CLIENTS: Which = attrgetter("proxy")
DATABASE: Which = attrgetter("database_proxy")
VALKEY: Which = attrgetter("valkey_proxy")


def _cut(which: Which, words: str) -> Struck:
    """Again and again, as a request is under way only for a moment."""

    def struck(stage: Stage, chance: random.Random) -> Iterator[None]:
        for _ in range(CUTS):
            which(stage).tell(words)
            time.sleep(chance.uniform(0.05, 0.3))  # the distance of two cuts
        yield

    return struck


def _delayed(which: Which) -> Struck:
    def struck(stage: Stage, _: random.Random) -> Iterator[None]:
        which(stage).tell(f"delay {DELAY_S}")
        yield
        which(stage).tell("calm")

    return struck


def _webhooks_doubled(stage: Stage, _: random.Random) -> Iterator[None]:
    stage.stripe.webhooks("double")
    yield
    stage.stripe.webhooks("deliver")


def _webhooks_backwards(stage: Stage, _: random.Random) -> Iterator[None]:
    stage.stripe.webhooks("hold")
    yield
    stage.stripe.webhooks("deliver")
    stage.stripe.release(backwards=True, times=2)


def _fault(name: str, struck: Struck, kind: str, **more: object) -> Fault:
    return Fault(name, kind, contextmanager(struck), **more)  # type: ignore[arg-type]


NETWORK_FAULTS = (
    _fault("connections cut", _cut(CLIENTS, "cut"), "connections", is_in_short=True),
    _fault("connections half-closed", _cut(CLIENTS, "half"), "connections"),
    _fault("connections delayed", _delayed(CLIENTS), "connections", lasts_s=(2.0, 4.0)),
    _fault("the database's connections cut", _cut(DATABASE, "cut"), "the database's connections"),
    _fault("the database's connections half-closed", _cut(DATABASE, "half"), "the database's connections"),
    _fault("the database's connections delayed", _delayed(DATABASE), "the database's connections", lasts_s=(2.0, 4.0)),
    _fault("Valkey's connections cut", _cut(VALKEY, "cut"), "Valkey's connections"),
    _fault("Valkey's connections half-closed", _cut(VALKEY, "half"), "Valkey's connections"),
    _fault("Valkey's connections delayed", _delayed(VALKEY), "Valkey's connections", lasts_s=(2.0, 4.0)),
    _fault("webhooks of Stripe doubled", _webhooks_doubled, "Stripe's webhooks", lasts_s=(3.0, 6.0)),
    _fault("webhooks of Stripe told backwards", _webhooks_backwards, "Stripe's webhooks", lasts_s=(3.0, 6.0)),
)
