"""One installation in the most closed surroundings: PgBouncer and Redis by TLS and IPv6 addresses, an ACL user that
may touch nothing but what bears its prefix. Every process works, and nothing was refused to it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis
from kombu.exceptions import OperationalError as BrokerAway
from sqlalchemy.exc import DBAPIError

from core.doctor.redis_server import examine_redis
from core.store.migrate import upgrade
from core.wakeup.bells import connect
from core.wakeup.broker import celery_app
from core.wakeup.keys import LANES, PAYMENTS, SERVE_PAYMENTS, Keys
from ops import checks
from ops.ports import free_ports
from ops.processes import APPLICATION
from tests.support.clients.http_client import agent_booking
from tests.support.processes.poolers import WAYS
from tests.support.processes.servers import PostgresServer, Server, ValkeyServer, settings_for
from tests.support.processes.stack import Stack
from tests.support.processes.store_proxies import V6, Certificate, PgBouncer, TlsProxy, certificate
from tests.support.wait import wait_until

PREFIX = "one"
NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/none"
REDIS_CLUSTER = (
    "REDIS_URL names a node of a Redis Cluster, which spreads related keys over several nodes: "
    "give Holdfast a Redis or Valkey that is not in cluster mode."
)
CERTIFICATE = r"certificate verify failed|couldn't get a connection"
"""A pool says in its log why."""
PASSWORD = "a-password-of-the-tests"
NAMES = f"~{PREFIX}:* &{PREFIX}:* &{PREFIX}:/0.celery.pidbox &{PREFIX}:/0.celeryev/*"
"""Redis compares patterns that are subscribed to literally with the list."""
RIGHTS = "-@all +@read +@write +@pubsub +@scripting +@connection +@transaction -@dangerous +time +info"
"""Both as docs/operations.md gives them."""


@dataclass
class Doors:
    stack: Stack
    admin: Any
    made: Certificate
    tls: TlsProxy


@pytest.fixture(scope="module")
def closing() -> Iterator[list[Server | Stack]]:
    """Its members are closed in the end, whatever happens in the tests, the last one first."""
    servers: list[Server | Stack] = []
    yield servers
    for server in reversed(servers):
        server.close()


@pytest.fixture(scope="module")
def doors(
    postgres: PostgresServer, closing: list[Server | Stack], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    made = certificate(folder / "certificate")
    direct_url = postgres.new_database(demo=True)
    pooler = PgBouncer(
        folder / "pooler",
        direct_url,
        V6,
        client_tls_sslmode="require",
        client_tls_cert_file=str(made.file),
        client_tls_key_file=str(made.key),
    )
    valkey = ValkeyServer(folder / "valkey")
    tls = TlsProxy(folder / "tls", valkey.cluster.port, made, V6)
    for server in (pooler, valkey, tls):
        closing.append(server)
        server.start()
    admin: Any = redis.Redis.from_url(valkey.url, decode_responses=True)
    admin.execute_command("ACL", "SETUSER", "holdfast", "on", f">{PASSWORD}", *NAMES.split(), *RIGHTS.split())
    api_port, notifier_port, flower_port = free_ports(3)
    stack = Stack(
        folder / "stack",
        pooler.url(direct_url, f"sslmode=verify-full&sslrootcert={made.authority}"),
        valkey,
        APPLICATION,
        api_port=api_port,
        notifier_port=notifier_port,
        environment={
            "REDIS_URL": f"rediss://holdfast:{PASSWORD}@[{V6}]:{tls.port}/0?ssl_ca_certs={made.authority}",
            "HOLDFAST_REDIS_PREFIX": PREFIX,
            "HOLDFAST_API_BIND": f"[::]:{api_port}",
            "HOLDFAST_NOTIFIER_HOST": V6,
            "HOLDFAST_FLOWER_HOST": V6,
            "HOLDFAST_FLOWER_PORT": str(flower_port),
            "STRIPE_SECRET_KEY": "sk_test_nowhere",
            "STRIPE_WEBHOOK_SECRET": "whsec_nowhere",
            "STRIPE_API_BASE": "http://127.0.0.1:9",
        },
    )
    upgrade(stack.settings)
    closing.append(stack)
    stack.start()
    yield Doors(stack, admin, made, tls)
    stack.close()
    admin.close()
    pooler.close()
    postgres.drop_database(direct_url)


def test_a_booking_gets_all_the_way_through(doors: Doors) -> None:
    answer = httpx.post(f"{doors.stack.api_url}/api/agent/booking/create/", json=agent_booking())
    assert answer.status_code == 201
    assert "RateLimit" in answer.headers, "Redis counts"


def test_every_part_is_healthy_by_its_own_check(doors: Doors) -> None:
    for part in checks.PARTS:
        node = {"lanes": "lanes-1", "sweeps": "sweeps", "payments": "payments"}.get(part)
        wait_until(lambda part=part, node=node: _is_healthy(doors.stack, part, node), f"{part} is healthy")  # type: ignore[misc]


def _is_healthy(stack: Stack, part: str, node: str | None) -> bool:
    try:
        checks.check(part, stack.settings, node and f"{node}@{socket.gethostname()}")
    except checks.CheckError:
        return False
    return True


def test_all_that_is_in_redis_bears_the_prefix_and_nothing_was_refused(doors: Doors) -> None:
    """ACL LOG also holds what a process took for an outage and went on without."""
    keys = Keys(f"{PREFIX}:")
    url = doors.stack.settings.redis_url
    celery_app(url, keys.prefix).send_task(SERVE_PAYMENTS)
    for group in (LANES, PAYMENTS):
        wait_until(lambda group=group: bool(doors.admin.exists(keys.listening_mark(group))), f"{group} are served")  # type: ignore[misc]
    httpx.post(f"{doors.stack.api_url}/api/cleanup-expired-bookings").raise_for_status()
    httpx.post(f"{doors.stack.api_url}/api/auth/login/", json={"username": "nobody", "password": "nothing"})
    found = [*doors.admin.scan_iter("*"), *doors.admin.execute_command("PUBSUB", "CHANNELS")]
    assert found
    assert [name for name in found if not name.startswith(keys.prefix)] == []
    assert doors.admin.execute_command("ACL", "LOG") == []


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_the_database_checks_its_certificate(doors: Doors, way: object, tmp_path: Path) -> None:
    assert callable(way)
    other = certificate(tmp_path / "another")
    good = doors.stack.settings.database_url
    assert way(good)
    with pytest.raises((psycopg.OperationalError, DBAPIError), match=CERTIFICATE):
        way(good.replace(str(doors.made.authority), str(other.authority)))


def _redis_answers(url: str) -> bool:
    with connect(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError as problem:
            assert "certificate" in str(problem).lower()  # noqa: PT017 - any other reason is a fault of the test
            return False


def _broker_answers(url: str) -> bool:
    with celery_app(url).connection() as connection:
        try:
            connection.ensure_connection(max_retries=1)
        except BrokerAway as problem:
            assert "certificate" in str(problem).lower()  # noqa: PT017 - as above
            return False
        return True


@pytest.mark.parametrize("answers", [_redis_answers, _broker_answers])
def test_a_certificate_of_redis_is_checked_unless_its_address_says_not(doors: Doors, answers: object) -> None:
    assert callable(answers)
    plain = doors.stack.settings.redis_url.partition("?")[0]
    assert answers(f"{plain}?ssl_ca_certs={doors.made.authority}")
    assert not answers(plain), "the system's authorities do not know it"
    assert answers(f"{plain}?ssl_cert_reqs=none")


@pytest.mark.parametrize("answers", [_redis_answers, _broker_answers])
def test_a_certificate_for_another_host_is_refused(
    doors: Doors, closing: list[Server | Stack], tmp_path: Path, answers: object
) -> None:
    assert callable(answers)
    made = certificate(tmp_path / "certificate", "DNS:somewhere.example.com")
    tls = TlsProxy(tmp_path / "tls", doors.stack.valkey.cluster.port, made, V6)
    closing.append(tls)
    tls.start()
    plain = doors.stack.settings.redis_url.partition("?")[0].replace(str(doors.tls.port), str(tls.port))
    assert not answers(f"{plain}?ssl_ca_certs={made.authority}")
    assert answers(f"{plain}?ssl_ca_certs={made.authority}&ssl_check_hostname=false")


@pytest.mark.parametrize("serves", [False, True], ids=["still forming", "serving"])
def test_a_redis_cluster_is_refused_in_one_sentence(
    tmp_path: Path, closing: list[Server | Stack], *, serves: bool
) -> None:
    node = ValkeyServer(tmp_path / "node")
    (bus,) = free_ports(1)  # else it is the port + 10,000, which may be taken
    node.program = replace(
        node.program, argv=(*node.program.argv, "--cluster-enabled", "yes", "--cluster-port", str(bus))
    )
    closing.append(node)
    node.start()
    with redis.Redis.from_url(node.url) as client:
        if serves:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "the cluster serves")
    refusal = examine_redis(settings_for(NOWHERE, node.url)).refusal
    assert refusal is not None
    assert refusal.text == REDIS_CLUSTER


def test_a_redis_that_is_away_or_closed_does_not_keep_a_process_from_starting(redis_url: str) -> None:
    for url in ("redis://127.0.0.1:1/0", redis_url.replace("redis://:", "redis://:wrong"), redis_url):
        assert examine_redis(settings_for(NOWHERE, url)).refusal is None
