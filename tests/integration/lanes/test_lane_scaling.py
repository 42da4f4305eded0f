"""The query that lane workers are scaled by in Kubernetes: how long the oldest command waits that they could decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import yaml

from core.domain.versions import SCHEMA_VERSION
from core.store.connections.database import Connection
from core.store.pulse import LANE_LAG_MAX_S, read_pulse
from tests.support.engine.lanes import Pipeline, new
from tests.support.pages import ROOT
from tests.support.processes.servers import PostgresServer
from tests.support.values import place

SCALED = ROOT / "ops" / "kubernetes" / "components" / "lane-scaling" / "scaled-lanes.yaml"
ROLE = "holdfast_scaler"
OLD_S = 60
MORE_WORKERS_HELP_NONE = {
    "it waits for Stripe": "awaits = gen_random_uuid()",
    "the database refuses it for now": "put_offs = 1",
    "it goes in steps, one after another": "total = 10, done = 3",
    "only a newer release can decode it": f"version = {SCHEMA_VERSION + 1}",
}


@pytest.fixture
def scaler(pipeline: Pipeline, postgres: PostgresServer) -> Iterator[Connection]:
    """With the rights that docs/operations.md gives to KEDA's role, and no others."""
    page = (ROOT / "docs" / "operations.md").read_text()
    (create, grant) = re.findall(rf"^(CREATE ROLE {ROLE} .+|GRANT .+ TO {ROLE});$", page, re.MULTILINE)
    role = f"{ROLE}_{uuid4().hex[:8]}"  # roles belong to the server, which tests share
    parts = urlsplit(postgres.url(urlsplit(pipeline.url).path.strip("/")))
    with psycopg.connect(urlunsplit(parts), autocommit=True) as admin:
        for statement in (create.replace("'...'", "'secret'"), grant):
            admin.execute(statement.replace(ROLE, role).encode())
        at = parts.netloc.rpartition("@")[2]
        with psycopg.connect(urlunsplit(parts._replace(netloc=f"{role}:secret@{at}")), autocommit=True) as opened:
            yield opened
        admin.execute(f"DROP OWNED BY {role}".encode())
        admin.execute(f"DROP ROLE {role}".encode())


def query() -> str:
    _, scaled = yaml.safe_load_all(SCALED.read_text())
    (trigger,) = scaled["spec"]["triggers"]
    text: str = trigger["metadata"]["query"]
    return text


def waits(scaler: Connection) -> float:
    (age,) = scaler.execute(query().encode()).fetchone() or (None,)
    assert isinstance(age, float), "KEDA reads one number"
    return age


def test_it_is_the_age_of_the_oldest_undecided_command(pipeline: Pipeline, scaler: Connection) -> None:
    assert waits(scaler) == 0, "nothing waits"
    old, young = pipeline.put(new(place()), new(place()))
    pipeline.connection.execute(
        "UPDATE inbox SET accepted_at = accepted_at - %s * interval '1 s' WHERE id = %s", (OLD_S, old)
    )
    assert OLD_S <= waits(scaler) < OLD_S + 30
    assert waits(scaler) == pytest.approx(read_pulse(pipeline.connection).lane_lag_s, abs=5), "as /readyz says"
    pipeline.connection.execute("DELETE FROM inbox WHERE id = %s", (old,))
    assert pipeline.undecided() == [young]
    assert waits(scaler) < 30
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        scaler.execute("SELECT body FROM inbox")


def test_what_more_workers_could_not_decide_starts_none(pipeline: Pipeline, scaler: Connection) -> None:
    sent = pipeline.put(*[new(place()) for _ in MORE_WORKERS_HELP_NONE])
    pipeline.connection.execute(
        "UPDATE inbox SET accepted_at = accepted_at - %s * interval '1 s', version = %s", (OLD_S, SCHEMA_VERSION)
    )
    for id_, change in zip(sent, MORE_WORKERS_HELP_NONE.values(), strict=True):
        assert waits(scaler) > LANE_LAG_MAX_S, "this release can decode it"
        pipeline.connection.execute(f"UPDATE inbox SET {change} WHERE id = %s".encode(), (id_,))
    assert waits(scaler) == 0
