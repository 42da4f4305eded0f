"""`holdfast maintenance`: nobody writes for a while, and all else goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import httpx
import pytest

from api.route_rules import IN_MAINTENANCE, TABLE, goes_on_in_maintenance
from core.store.connections.database import Connection
from ops.cli import main
from ops.operator_identity import operator
from tests.support.clients.http_client import ADMIN, Client
from tests.support.conformance.description import path_with_unknown_ids
from tests.support.processes.make_run import command
from tests.support.processes.servers import stack_environment
from tests.support.processes.stack import LOOKS, Stack
from tests.support.wait import wait_until

UNSAFE = ("post", "put", "patch", "delete")
SQL_ENTRIES = """
SELECT action, actor, address, before, after FROM audit_entry WHERE subject = 'installation:1'
ORDER BY id
"""
WORDS = "Back at 14:00 UTC"


def holdfast(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**stack.full_environment(), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command(*words), env=environment, capture_output=True, text=True, check=False)


def is_heard(stack: Stack, *, on: bool) -> bool:
    """By every API process: each look has a connection of its own, as one stays with its process."""
    url = f"{stack.api_url}/api/agent/booking/create/"
    return all((httpx.post(url, json={}).status_code == 503) == on for _ in range(LOOKS))


@pytest.fixture
def under_maintenance(stack: Stack, client: Client) -> Iterator[str]:
    """The address of a command that was accepted before."""
    accepted = client.book(Prefer="respond-async")
    done = holdfast(stack, "maintenance", "on", "--message", WORDS, "--retry-after", "7")
    assert (done.returncode, done.stderr.count("holdfast maintenance off")) == (0, 1), done.stderr
    try:
        wait_until(lambda: is_heard(stack, on=True), "every API process refuses")
        yield accepted.headers["Location"]
    finally:
        assert holdfast(stack, "maintenance", "off").returncode == 0
        wait_until(lambda: is_heard(stack, on=False), "every API process takes writes again")


def test_every_write_is_refused_but_those_that_go_on(stack: Stack, client: Client, under_maintenance: str) -> None:
    paths = client.get("/api/schema").raise_for_status().json()["paths"]
    wrong, refused = [], 0
    for path, operations in paths.items():
        for method in (one for one in UNSAFE if one in operations):
            answer = client.request(method.upper(), path_with_unknown_ids(path, operations[method]))
            is_refused = answer.status_code == 503 and answer.json()["code"] == "maintenance"
            if is_refused:
                assert (answer.headers["Retry-After"], answer.json()["message"]) == ("7", WORDS)
                refused += 1
            if is_refused == goes_on_in_maintenance(path, method.upper()):
                wrong.append((method, path, answer.status_code))
    assert wrong == []
    assert refused > 40


def test_what_else_there_is_goes_on(stack: Stack, client: Client, under_maintenance: str) -> None:
    assert client.post("/api/login/", json=ADMIN).status_code == 200
    assert client.get("/api/services/").status_code == 200
    assert client.get(under_maintenance, headers={"Prefer": "wait=5"}).json()["status"] in {"succeeded", "rejected"}
    ready = httpx.get(f"{stack.api_url}/readyz")
    body = ready.json()
    assert ready.status_code == 200
    assert "maintenance" in body["degraded"]
    assert body["reasons"]["maintenance"]
    assert body["maintenance_since"]


def test_its_beginning_its_words_and_its_end_are_in_the_audit_log(
    database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in stack_environment(database_url, "redis://127.0.0.1:1/0").items():
        monkeypatch.setenv(name, value)
    for words in (("on", "--message", WORDS, "--retry-after", "7"), ("on",), ("on",), ("off",)):
        assert main(["maintenance", *words]) == 0
    capsys.readouterr()
    assert main(["maintenance", "off"]) == 1
    assert capsys.readouterr().err == "holdfast: Maintenance is not on: there is nothing to end.\n"
    entries = connection.execute(SQL_ENTRIES).fetchall()
    assert [(action, actor, address) for action, actor, address, *_ in entries] == [
        (f"installation.maintenance_{what}", operator().name, operator().address)
        for what in ("began", "began", "ended")
    ], "the second time it began alike"
    first, again, ended = [(before, after) for *_, before, after in entries]
    assert (first[0], first[1]["message"], first[1]["retry_after_s"]) == (None, WORDS, 7)
    assert again == ({"message": WORDS, "retry_after_s": 7}, {"message": None, "retry_after_s": 60})
    assert (ended[0]["since"], ended[1]) == (first[1]["since"], None)


def test_what_goes_on_is_a_route() -> None:
    assert {
        (path, one) for path, methods in IN_MAINTENANCE.items() for one in methods if one not in TABLE[path]
    } == set()
