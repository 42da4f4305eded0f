"""Secrets of endpoints over a rotation of HOLDFAST_SECRET_KEY."""

from __future__ import annotations

import asyncio

from api.secrets_sealed_anew import SecretsSealedAnew
from core.sealed_secrets import SecretBox
from core.store.connections.database import API_LIMITS, Connection
from core.store.connections.pool import Pool
from core.store.webhooks.endpoints import reseal

OLD, NEW = "o" * 32, "n" * 32


def make(connection: Connection, sealed: str, previous: str | None = None) -> None:
    connection.execute(
        """INSERT INTO webhook_endpoint (url, event_types, sealed_secret, sealed_previous, previous_until)
           VALUES ('https://hooks.example.com/', '{booking_created}', %s, %s,
                   CASE WHEN %s::text IS NOT NULL THEN now() + interval '1 hour' END)""",
        (sealed, previous, previous),
    )


async def start_an_api_process(database_url: str, box: SecretBox) -> None:
    """Its lifespan, as far as secrets of endpoints go."""
    pool = Pool(
        database_url, API_LIMITS, "holdfast tests", min_size=1, max_size=1, timeout_s=10.0, kwargs={"autocommit": True}
    )
    await pool.open()
    hooks = SecretsSealedAnew(pool, box, reseal, "secrets of webhooks")
    await hooks.process_startup({}, {})
    assert hooks.sealing is not None
    await hooks.sealing
    await hooks.process_shutdown({}, {})
    await pool.close()


def test_a_start_with_the_previous_key_seals_all_anew(connection: Connection, database_url: str) -> None:
    old, other = SecretBox(OLD), SecretBox("x" * 32)
    make(connection, old.seal("whsec_first"), old.seal("whsec_before"))
    make(connection, SecretBox(NEW).seal("whsec_second"))
    make(connection, other.seal("whsec_third"))
    asyncio.run(start_an_api_process(database_url, SecretBox(NEW, OLD)))
    found = connection.execute("SELECT sealed_secret, sealed_previous FROM webhook_endpoint ORDER BY id").fetchall()
    alone = SecretBox(NEW)
    assert (alone.open(found[0][0]), alone.open(found[0][1])) == ("whsec_first", "whsec_before")
    assert alone.open(found[1][0]) == "whsec_second"
    assert other.open(found[2][0]) == "whsec_third"
