"""`holdfast people`: an export like the person's own, and a deletion like the desk's, both in the audit log."""

from __future__ import annotations

import io
import json
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.cli import main
from tests.support.clients.callers import ADMIN, PASSWORD, access_for, bearer, execute, new_address, only_superuser
from tests.support.clients.http_client import Client, agent_booking, anonymous
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


@pytest.fixture
def running(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name, value in stack.full_environment().items():
        monkeypatch.setenv(name, value)
    return stack


def answer(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """To a question."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{word}\n".encode())))


class Somebody:
    """With a booking to come and one that is over."""

    def __init__(self, stack: Stack, staff: Client) -> None:
        self.name = f"zelda{secrets.token_hex(6)}"
        self.phone = f"6{secrets.randbelow(10**9):09}"
        made = {"username": self.name, "phone": self.phone, "first_name": self.name, "password": PASSWORD}
        self.id = int(staff.post("/api/admin/users/create/", json=made).raise_for_status().json()["data"]["id"])
        who = {"phone": self.phone, "first_name": self.name}
        with anonymous(stack.api_url) as agent:
            over = agent.book(agent_booking(**who, status="completed", notes=f"{self.name} is allergic")).json()[
                "booking_id"
            ]
            self.to_come = agent.book(agent_booking(**who)).json()["booking_id"]
        staff.put(f"/api/admin/bookings/{over}/update/", json={"status": "completed"}).raise_for_status()


def entries(stack: Stack, action: str, somebody: Somebody) -> list[Any]:
    sql = "SELECT actor_kind, after, request_id, before FROM audit_entry WHERE action = %s AND subject = %s"
    return execute(stack, sql, action, f"user:{somebody.id}")


def test_an_export_is_what_the_person_gets(
    running: Stack, staff: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    somebody = Somebody(running, staff)
    headers = bearer(access_for(running, somebody.id)) | {"X-Forwarded-For": new_address()}
    own = httpx.get(f"{running.api_url}/api/user/export/", headers=headers).raise_for_status().json()["data"]
    assert main(["people", "export", f"user:{somebody.id}"]) == 0
    assert json.loads(capsys.readouterr().out) == own
    assert len(own["bookings"]) == 2
    kept = tmp_path / "zelda.json"
    assert main(["people", "export", somebody.phone, "--output", str(kept)]) == 0
    assert json.loads(kept.read_text()) == own
    assert kept.stat().st_mode & 0o777 == 0o600
    assert main(["people", "export", somebody.name, "--output", str(kept)]) == 1
    assert capsys.readouterr().err.endswith(f"{kept} exists. Name another file, or replace it with --overwrite.\n")
    assert entries(running, "user.exported", somebody) == [("command_line", None, None, None)] * 2


def test_an_erasure_says_what_becomes_of_it_and_asks(
    running: Stack, staff: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    somebody = Somebody(running, staff)
    access = access_for(running, somebody.id)
    for words, typed, code in (("--dry-run", "", 0), ("", "n", 1), ("", "", 1)):
        answer(monkeypatch, typed)
        assert main(["people", "erase", somebody.name, *words.split()]) == code
        said = capsys.readouterr()
        assert said.out.strip() == ""
        assert said.err.startswith(
            f"user {somebody.id} ({somebody.name}):\n"
            "  Bookings to come, without a time or not paid yet, which are cancelled: 1\n"
            "  Bookings that are over or begun, which stay without personal data: 1\n"
        )
    assert entries(running, "user.deleted", somebody) == []

    answer(monkeypatch, "y")
    assert main(["people", "erase", somebody.name]) == 0
    assert capsys.readouterr().out.lstrip().startswith(f"user {somebody.id} is anonymised: its logins are ended")
    with httpx.Client(base_url=running.api_url, headers=bearer(access)) as person:
        wait_until(lambda: person.get("/api/auth/user/").status_code == 401, "the login has ended")
    wait_until(
        lambda: staff.get(f"/api/admin/bookings/{somebody.to_come}/").json()["data"]["status"] == "cancelled",
        "what was to come is cancelled",
    )
    [(kind, after, request_id, before)] = entries(running, "user.deleted", somebody)
    assert (kind, before, after["anonymised"], after["bookings_being_cancelled"]) == ("command_line", None, True, 1)
    cancelled = execute(running, "SELECT subject FROM audit_entry WHERE request_id = %s", request_id)
    assert set(cancelled) == {(f"user:{somebody.id}",), (f"booking:{somebody.to_come}",)}
    assert main(["people", "erase", f"user:{somebody.id}", "--yes"]) == 1
    assert "is already erased" in capsys.readouterr().err


def test_a_user_with_nothing_is_deleted(running: Stack, staff: Client, capsys: pytest.CaptureFixture[str]) -> None:
    made = {"username": f"u{secrets.token_hex(6)}"}
    id_ = staff.post("/api/admin/users/create/", json=made).raise_for_status().json()["data"]["id"]
    assert main(["people", "erase", f"user:{id_}", "--yes", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == f"user {id_} ({made['username']}):\n  no bookings, credits or payments\n"
    told = json.loads(said.out)
    assert (told["id"], told["deleted"], told["anonymised"], told["bookings_kept"]) == (id_, True, False, 0)
    assert main(["people", "export", f"user:{id_}"]) == 1
    assert capsys.readouterr().err.startswith(f"holdfast: There is no account named user:{id_}.")


def test_the_last_superuser_stays(running: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    only_superuser(running)
    for words in (["--dry-run"], ["--yes"]):
        assert main(["people", "erase", f"user:{ADMIN}", *words]) == 1
        assert capsys.readouterr().err.startswith(f"holdfast: user {ADMIN} is the last superuser")
