"""The whole scene: a database as the previous release leaves it, its processes, Stripe's stand-in, and traffic."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from tests.support.payments.payer import StripeServer, stripe_server
from tests.support.processes.servers import PostgresServer, ValkeyServer, stack_environment
from tests.upgrade.fleet import COUNTS, Fleet
from tests.upgrade.releases import Release
from tests.upgrade.traffic import Traffic

SETTINGS: Mapping[str, str] = {
    "HOLDFAST_MAX_HOLDS_PER_USER": "0",
    "HOLDFAST_PAYMENT_LOOK_SECONDS": "1",
    "HOLDFAST_ANONYMOUS_WRITES_PER_MINUTE": "1000000",
}


class Scene(Struct, frozen=True):
    fleet: Fleet
    stripe: StripeServer
    traffic: Traffic
    """Runs until `traffic.stop()`."""


@contextmanager
def scene(
    postgres: PostgresServer,
    folder: Path,
    old: Release,
    seed: int,
    prepare: Callable[[Fleet], None] = lambda _: None,
    counts: Mapping[str, int] = COUNTS,
) -> Iterator[Scene]:
    """Everything of the previous release, with the demo data; `prepare` is called before anybody books. Raises what went
    wrong with the ends of all logs.
    """
    with ExitStack() as closing:
        stripe = closing.enter_context(stripe_server(folder / "stripe"))
        valkey = ValkeyServer(folder / "valkey")
        valkey.start()
        fleet = Fleet(folder / "fleet", _database(postgres, old), valkey, {**stripe.environment(), **SETTINGS}, counts)
        closing.callback(postgres.drop_database, fleet.database_url)
        closing.callback(fleet.close)
        try:
            fleet.start(old)
            traffic = Traffic(fleet, stripe, seed)
            prepare(fleet)
            with traffic:
                yield Scene(fleet, stripe, traffic)
        except (AssertionError, TimeoutError) as problem:
            raise AssertionError(f"{problem}\n{fleet.logs()}") from problem


def _database(postgres: PostgresServer, old: Release) -> str:
    """As the previous release's own `migrate` makes it."""
    name = f"t_{secrets.token_hex(6)}"
    postgres.cluster.create_database(name)
    url = postgres.url(name)
    old.migrate(stack_environment(url, "redis://127.0.0.1:1/0"))
    return url
