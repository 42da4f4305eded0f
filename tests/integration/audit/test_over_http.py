"""The audit log and replays, as clients of the API see them."""

from __future__ import annotations

import secrets

import pytest

from tests.support.clients.callers import ADMIN, STAFF, access_for, bearer, execute
from tests.support.clients.http_client import Client, free_day
from tests.support.processes.stack import Stack


def test_a_command_and_its_replay_name_each_other(stack: Stack, client: Client) -> None:
    old, new = client.accept(), client.accept()
    client.outcome(old)
    client.outcome(new)
    execute(stack, "INSERT INTO command_replay (command_id, replayed_as) VALUES (%s, %s)", old, new)
    told = client.get(f"/api/commands/{old}/").json()
    assert (told["replayed_as"], "replay_of" in told) == (new, False)
    told = client.get(f"/api/commands/{new}/").json()
    assert (told["replay_of"], "replayed_as" in told) == (old, False)


def test_superusers_read_the_log_and_narrow_it(staff: Client) -> None:
    category = staff.post("/api/admin/categories/", json={"name": "Audited"}, headers={"X-Forwarded-For": "10.76.0.1"})
    assert category.status_code == 201, category.text
    subject = f"category:{category.json()['id']}"
    found = staff.get("/api/admin/audit/", params={"subject": subject}).raise_for_status().json()
    assert (found["total_count"], found["total_exact"], found["limit"], found["offset"]) == (1, True, 50, 0)
    (entry,) = found["entries"]
    told = {name: entry[name] for name in ("actor_kind", "actor", "action", "subject", "also", "before", "address")}
    assert told == {
        "actor_kind": "superuser",
        "actor": "user:4",
        "action": "category.created",
        "subject": subject,
        "also": [],
        "before": None,
        "address": "10.76.0.1",
    }
    assert entry["after"]["name"] == "Audited"
    assert entry["request_id"] == category.headers["X-Request-ID"]
    for narrowed, count in {
        "action=category": 1,
        "action=category.created": 1,
        "action=category.changed": 0,
        "actor=user:4": 1,
        "actor=user:5": 0,
        "actor_kind=superuser": 1,
        "actor_kind=staff": 0,
        "actor_kind=agent": 0,
        "start_date=2001-01-01": 1,
        "end_date=2001-01-01": 0,
        "start_date=2001-01-01T00:00:00Z": 1,
        "limit=1&offset=1": 1,
    }.items():
        answer = staff.get(f"/api/admin/audit/?subject={subject}&{narrowed}").raise_for_status().json()
        assert answer["total_count"] == count, narrowed
    staff.put(f"/api/admin/categories/{category.json()['id']}/", json={"name": "Audited"}).raise_for_status()
    again = staff.get("/api/admin/audit/", params={"subject": subject}).json()
    assert again["total_count"] == 1, "nothing changed"


@pytest.mark.parametrize(("user_id", "kind"), [(STAFF, "staff"), (ADMIN, "superuser")], ids=["staff", "superuser"])
@pytest.mark.parametrize("path", ["categories", "closures"], ids=["by the responder", "by a command"])
def test_superusers_are_told_apart_from_other_staff(
    stack: Stack, staff: Client, user_id: int, kind: str, path: str
) -> None:
    """The engine knows both as staff: who is a superuser is looked up when the entry is written."""
    bodies = {
        "categories": {"name": f"Apart {secrets.token_hex(4)}"},
        "closures": {"start_date": free_day(), "reason": "Apart"},
    }
    who = bearer(access_for(stack, user_id))
    made = staff.post(f"/api/admin/{path}/", json=bodies[path], headers=who).raise_for_status().json()
    id_, subject = (made["id"], "category") if path == "categories" else (made["data"]["id"], "closure")
    asked = {"subject": f"{subject}:{id_}", "actor": f"user:{user_id}"}
    counts = {
        one: staff.get("/api/admin/audit/", params={**asked, "actor_kind": one}).json()["total_count"]
        for one in ("staff", "superuser")
    }
    assert counts == {"staff": 0, "superuser": 0, kind: 1}
