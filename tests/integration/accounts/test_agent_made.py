"""People whom agents make known: without a password, or with one that can do nothing but be changed."""

from __future__ import annotations

import httpx

from ops.processes import API, LANES
from tests.conftest import FreshStack
from tests.support.clients.callers import answers, bearer, browser
from tests.support.clients.http_client import agent_booking, anonymous
from tests.support.engine.lanes import Pipeline, places
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

GIVEN, CHOSEN = "password", "my own long password"
CHANGE = "/api/auth/password/change/"


def log_in(client: httpx.Client, phone: str, password: str) -> httpx.Response:
    return client.post("/api/login/", json={"username": phone, "password": password})


def booked(fresh: Stack, phone: str) -> None:
    wait_until(lambda: answers(fresh), "the API answers")
    with anonymous(fresh.api_url) as agent:
        made = agent.outcome(agent.accept(agent_booking(phone=phone)))
    assert made["response"]["body"]["user_created"] is True


def test_an_initial_password_logs_in_and_can_do_nothing_but_be_changed(fresh_stack: FreshStack) -> None:
    environment = {"HOLDFAST_AGENT_INITIAL_PASSWORD": GIVEN}
    fresh = fresh_stack(wait=False, processes=(API, LANES), environment=environment)
    booked(fresh, "2025550111")
    with browser(fresh) as client:
        access = log_in(client, "2025550111", GIVEN).json()["access"]
        refused = client.post("/api/ws-ticket/", headers=bearer(access))
        assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
        again = {"current_password": GIVEN, "password": GIVEN}
        assert client.post(CHANGE, json=again, headers=bearer(access)).status_code == 400
        other = {"current_password": GIVEN, "password": CHOSEN}
        changed = client.post(CHANGE, json=other, headers=bearer(access)).json()["access"]
        assert client.post("/api/ws-ticket/", headers=bearer(changed)).status_code == 200
        assert log_in(client, "2025550111", GIVEN).status_code == 401


def test_without_the_setting_they_have_no_password(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    pipeline.put(*places(1))
    pipeline.worker().visit_until_done()
    assert pipeline.rows("SELECT password_hash, must_change_password FROM user_account") == [(None, False)]
