"""From an empty PostgreSQL and an empty Redis to a paid booking, with the commands that README.md prints.

What a reader is told to fill in is filled in: the addresses and secrets of `ops/managed.env.example`. The PostgreSQL and
the Redis stand for managed ones: the role owns its database and has no other right. Stripe is the tests' stand-in.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from ops.embedded.environment import ROOT
from ops.ports import free_ports
from tests.conftest import NewValkey
from tests.support import documented
from tests.support.pages import blocks
from tests.support.payments.payer import WEBHOOK_SECRET, StripeServer
from tests.support.payments.stripe_standin.server import SECRET_KEY
from tests.support.processes.servers import PostgresServer
from tests.support.processes.shell import Shell, shell

INSTALL, ENVIRONMENT = "ops/install.sh", "cp ops/managed.env.example .env"
NOT_OF_THE_TESTS = {"fsync", "full-page-writes"}
"""What the doctor may find wrong: the tests' PostgreSQL spares the disk."""


@pytest.fixture
def managed_database(postgres: PostgresServer) -> Iterator[str]:
    """As a service gives it: an empty database, and a role that owns it and may do nothing else."""
    name, password = f"managed_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    role = sql.Identifier(name)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
        server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        yield f"postgresql://{name}:{password}@127.0.0.1:{postgres.cluster.port}/{name}"
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(role))
        server.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Shell]:
    folder = tmp_path / "holdfast"
    folder.mkdir()
    with shell(folder) as one:
        yield one


def filled_in(**values: str) -> str:
    """`ops/managed.env.example` with these values in the place of its own; no line is added or taken away."""
    lines = []
    for line in (ROOT / "ops" / "managed.env.example").read_text().splitlines():
        name, sign, _ = line.partition("=")
        is_setting = bool(sign) and not line.startswith("#")
        lines.append(f"{name}={values.pop(name)}" if is_setting and name in values else line)
    assert values == {}, "the example has no place for them"
    return "\n".join(lines)


def test_the_printed_commands_lead_from_empty_stores_to_a_paid_booking(
    managed_database: str, new_valkey: NewValkey, stripe: StripeServer, terminal: Shell, tmp_path: Path
) -> None:
    api, notifier, door = free_ports(3)
    address = f"http://127.0.0.1:{door}"
    stripe.send_webhooks_to(address)
    environment = filled_in(
        DATABASE_URL=managed_database,
        REDIS_URL=new_valkey().url,
        HOLDFAST_SECRET_KEY=secrets.token_urlsafe(32),
        HOLDFAST_PUBLIC_URL=address,
        STRIPE_SECRET_KEY=SECRET_KEY,
        STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        HOLDFAST_SITE=address,
        HOLDFAST_API_BIND=f"127.0.0.1:{api}",
        HOLDFAST_API=f"127.0.0.1:{api}",
        HOLDFAST_NOTIFIER_PORT=str(notifier),
        HOLDFAST_NOTIFIER=f"127.0.0.1:{notifier}",
    )
    assert "change-me" not in re.sub("^#.*$", "", environment, flags=re.MULTILINE)
    installing, starting = blocks(documented.MANAGED)
    install, copied = installing.splitlines()
    assert (ROOT / install.removeprefix(f"sh {INSTALL} ")).exists()
    assert copied.startswith(ENVIRONMENT)
    (terminal.folder / ".env").write_text(f"{environment}\nSTRIPE_API_BASE={stripe.url}\n")

    terminal.paste(starting)
    found = terminal.paste(f"{documented.LOOK} || true")
    assert "postgresql-version" in found
    assert set(re.findall(r"^(\S+)\s+(?:error|refusal)\s", found, re.MULTILINE)) <= NOT_OF_THE_TESTS
    assert "is a superuser" in terminal.paste(documented.SUPERUSER)
    terminal.paste(documented.OFFER)
    terminal.paste(documented.BOOK)
    assert '"confirmed"' in terminal.paste(documented.CONFIRMED)

    (charge,) = stripe.books()["charges"]
    assert (charge["amount"], charge["currency"]) == (10_000, "usd")
    with psycopg.connect(managed_database) as connection:
        assert connection.execute(
            "SELECT status, payment_status FROM booking b JOIN resource r ON r.id = b.resource_id WHERE r.name = 'Blue room'"
        ).fetchall() == [("confirmed", "succeeded")]
