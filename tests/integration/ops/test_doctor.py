"""Each check of the doctor, against a real server that has the fault."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import redis
from msgspec.structs import replace as changed

from core.doctor import postgresql, redis_server
from core.doctor.examination import CHECKS
from core.doctor.findings import Examination, Severity, examined
from core.doctor.outside import ENDPOINT, WITHIN_S, Webhooks, examine_outside
from core.doctor.postgresql import Database, examine_database
from core.doctor.redis_server import RedisFacts, RedisServer, examine_redis
from core.payments.stripe import STRIPE_VERSION
from core.payments.stripe_webhooks import NEEDED_EVENTS, WebhookEndpoint
from core.settings import Settings, Stripe
from core.store.maintenance.server_facts import DatabaseFacts
from ops.ports import free_ports
from tests.conftest import NewValkey
from tests.support.pages import ROOT
from tests.support.processes.make_run import command
from tests.support.processes.servers import PostgresServer, settings_for, stack_environment

NOWHERE = "redis://127.0.0.1:1/0"
NO_DATABASE = "postgresql://nobody:nothing@127.0.0.1:1/none"
BY_SQL = {
    "read-only": "ALTER DATABASE {name} SET default_transaction_read_only = on",
    "extensions": "DROP EXTENSION pg_trgm CASCADE",
    "rights": "REVOKE INSERT ON booking FROM holdfast_app",
    "synchronous-commit": "ALTER DATABASE {name} SET synchronous_commit = off",
    "database-log": "ALTER ROLE holdfast_app IN DATABASE {name} SET log_error_verbosity = verbose",
    "time-zone-rules": "UPDATE installation SET tzdata = '2020.1'",
    "time-zone": "UPDATE installation SET time_zone = 'Asia/Tokyo'",
    "zones-listed": "INSERT INTO resource (kind, name, zone) VALUES ('room', 'odd', 'localtime')",
    "schema": "UPDATE alembic_version SET version_num = '0001'",
}
"""What a superuser does to a good database, by the check that finds it."""


def found(examination: Examination) -> set[str]:
    return {one.check for one in examination.findings}


def asked(url: str, redis_url: str = NOWHERE) -> Settings:
    return replace(settings_for(url, redis_url), time_zone="UTC", time_zone_is_set=True)


@pytest.mark.parametrize("check", list(BY_SQL))
def test_a_fault_of_the_database_is_found_and_nothing_else(
    postgres: PostgresServer, database_url: str, check: str
) -> None:
    usual = found(examine_database(asked(database_url)))
    assert usual <= {"fsync", "full-page-writes"}, "as the tests' server is"
    name = database_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute(BY_SQL[check].format(name=name).encode())
    assert found(examine_database(asked(database_url))) - usual == {check}


def test_a_database_whose_restore_did_not_finish_refuses(database_url: str) -> None:
    from core.store.maintenance.restore import mark  # noqa: PLC0415 - what a restore does first

    with psycopg.connect(database_url, autocommit=True) as connection:
        mark(connection)
    refusal = examine_database(asked(database_url)).refusal
    assert refusal is not None
    assert refusal.check == "restore"


def test_fsync_is_off_as_the_tests_have_it(database_url: str) -> None:
    assert "fsync" in found(examine_database(asked(database_url)))


def test_full_pages_that_are_not_written_are_told(postgres: PostgresServer, database_url: str) -> None:
    facts = facts_of(database_url)
    assert ("full-page-writes" in found(examine_database(asked(database_url)))) == (facts.full_page_writes == "off")
    assert verdicts(changed(facts, full_page_writes="off")) >= {"full-page-writes"}


def facts_of(url: str) -> DatabaseFacts:
    from core.store.maintenance.server_facts import read_server_facts  # noqa: PLC0415 - beside its one use

    return read_server_facts(url, postgresql.OLDEST_POSTGRESQL, time.time)


def verdicts(facts: DatabaseFacts) -> set[str]:
    return found(examined(postgresql.CHECKS, Database(facts, asked(NO_DATABASE))))


def test_a_superuser_is_told_to_own_less(postgres: PostgresServer, database_url: str) -> None:
    url = postgres.url(database_url.rsplit("/", 1)[1])
    assert "superuser" in found(examine_database(asked(url)))


def test_the_demo_refuses_outside_the_demo(postgres: PostgresServer) -> None:
    url = postgres.new_database(demo=True)
    refusal = examine_database(replace(asked(url), demo=False)).refusal
    postgres.drop_database(url)
    assert refusal is not None
    assert refusal.check == "demo-data"


def test_an_encoding_that_cannot_hold_every_name_is_told(postgres: PostgresServer) -> None:
    url = postgres.url("latin")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        words = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'"
        connection.execute(words)
    told = found(examine_database(asked(url)))
    postgres.drop_database(url)
    assert "encoding" in told


@pytest.mark.parametrize(
    ("by_s", "check"), [(60.0, "clock"), (-60.0, "clock"), (3.0, "clock-drift")], ids=["ahead", "behind", "a little"]
)
def test_a_clock_that_differs_from_the_databases_is_told(
    database_url: str, monkeypatch: pytest.MonkeyPatch, by_s: float, check: str
) -> None:
    monkeypatch.setattr(postgresql, "time", SimpleNamespace(time=lambda: time.time() + by_s))
    assert check in found(examine_database(asked(database_url)))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda url: url.replace("@", "x@"), "it refuses the role or its password"),
        (lambda url: f"{url}x", "it has no such database"),
        (lambda _: NO_DATABASE, "nobody listens at its address"),
        (lambda url: f"{url}?sslmode=require", "its certificate is not trusted, or it speaks no TLS"),
    ],
    ids=["password", "name", "port", "tls"],
)
def test_a_database_that_cannot_be_used_says_why_and_no_start_is_refused(
    database_url: str, spoil: Callable[[str], str], words: str
) -> None:
    examination = examine_database(asked(spoil(database_url)))
    (one,) = examination.findings
    assert (one.check, examination.refusal) == ("postgresql", None)
    assert words in one.problem


def test_transport_is_judged_by_where_it_leads(database_url: str) -> None:
    facts = facts_of(database_url)
    assert verdicts(changed(facts, host="8.8.8.8")) >= {"database-encryption"}
    assert verdicts(changed(facts, is_encrypted=True, sslmode="require")) >= {"database-certificate"}
    good = changed(facts, host="8.8.8.8", is_encrypted=True, sslmode="verify-full")
    assert verdicts(good) & {"database-encryption", "database-certificate"} == set()
    plain, lax = RedisServer(RedisFacts(host="8.8.8.8"), NOWHERE), RedisServer(RedisFacts(), f"{TLS}ssl_cert_reqs=none")
    assert found(examined(redis_server.TRANSPORT, plain)) == {"redis-encryption"}
    assert found(examined(redis_server.TRANSPORT, lax)) == {"redis-certificate"}


TLS = "rediss://127.0.0.1:1/0?"


def test_faults_of_redis_are_found(new_valkey: NewValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    url = new_valkey().url
    settings = asked(NO_DATABASE, url)
    assert examine_redis(settings).findings == ()
    with redis.Redis.from_url(url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert found(examine_redis(settings)) == {"redis-eviction"}
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        assert found(examine_redis(settings)) == {"redis-eviction", "redis-replica"}
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.config_set("maxmemory-policy", "noeviction")
        client.execute_command("ACL", "SETUSER", "few", "on", ">few", "~*", "&*", "+@all", "-info")
    few = examine_redis(
        asked(NO_DATABASE, url.replace("redis://:", "redis://few:").replace(url[9 : url.index("@")], "few"))
    )
    assert (few.findings, set(few.skipped)) == ((), {one.name for one in redis_server.INFORMED})
    monkeypatch.setattr(redis_server, "OLDEST_REDIS", (99, 0))
    assert found(examine_redis(settings)) == {"redis-version"}
    (wrong,) = examine_redis(asked(NO_DATABASE, url.replace("redis://:", "redis://:x"))).findings
    assert (wrong.check, "refuses the user or its password" in wrong.problem) == ("redis", True)


def stripe_at(port: int) -> Stripe:
    base = f"http://127.0.0.1:{port}"
    return Stripe("sk_test_nobody", "whsec_nobody", "", base, ("card",), 10)


def test_what_lies_outside_only_warns_and_within_two_seconds() -> None:
    (port,) = free_ports(1)
    settings = replace(
        asked(NO_DATABASE),
        demo=False,
        stripe=stripe_at(port),
        smtp_url=f"smtp://user:password@127.0.0.1:{port}",
        bounce_mailbox=f"imap://127.0.0.1:{port}",
        public_url=f"http://127.0.0.2:{port}",
    )
    began = time.monotonic()
    examination = examine_outside(settings)
    assert time.monotonic() - began < WITHIN_S + 1
    assert found(examination) == {"smtp", "bounce-mailbox", "stripe", "stripe-reaches-us"}
    assert {one.severity for one in examination.findings} == {Severity.WARNING}


OURS = "https://book.example.com/api/stripe-webhook/"
GOOD = WebhookEndpoint(OURS, is_enabled=True, events=NEEDED_EVENTS, api_version=STRIPE_VERSION)


@pytest.mark.parametrize(
    ("endpoints", "checks"),
    [
        ((GOOD,), set()),
        ((), {"stripe-webhook"}),
        ((changed(GOOD, is_enabled=False),), {"stripe-webhook"}),
        ((changed(GOOD, url="https://elsewhere.example.com/"),), {"stripe-webhook"}),
        ((changed(GOOD, events=frozenset({"*"})),), set()),
        ((changed(GOOD, events=NEEDED_EVENTS - {"refund.failed"}),), {"stripe-events"}),
        ((changed(GOOD, api_version="2020-08-27"),), {"stripe-version"}),
        ((changed(GOOD, api_version=None),), {"stripe-version"}),
    ],
)
def test_stripes_webhook_must_be_ours_complete_and_of_our_version(
    endpoints: tuple[WebhookEndpoint, ...], checks: set[str]
) -> None:
    assert found(examined(ENDPOINT, Webhooks(OURS, endpoints))) == checks


def test_the_command_prints_every_check_and_fails_for_errors_alone(database_url: str, redis_url: str) -> None:
    environment = {**stack_environment(database_url, redis_url), "PATH": "/usr/bin:/bin"}

    def doctor(*words: str) -> subprocess.CompletedProcess[str]:
        line = command("doctor", *words)
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)

    plain, machine = doctor(), doctor("--json")
    assert (plain.returncode, machine.returncode) == (1, 1), "fsync is off"
    assert [one.name for one in CHECKS if one.name not in plain.stdout] == []
    body: dict[str, Any] = json.loads(machine.stdout)
    assert {one["check"] for one in body["findings"]} <= {"fsync", "full-page-writes"}
    assert body["is_well"] is False


def test_the_page_lists_every_check_as_it_is() -> None:
    page = (Path(ROOT) / "docs" / "operations.md").read_text()
    missing = [one.name for one in CHECKS if f"| `{one.name}` | {one.severity} | {one.sentence} |" not in page]
    assert missing == []
