"""A command followed in all ways: waited for, accepted, polled, withdrawn, and repeated under its key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from tests.support.clients.http_client import Client, agent_booking, anonymous, free_slot
from tests.support.processes.stack import Stack


def test_an_accepted_command_ends_in_the_body_that_a_waiting_client_gets(client: Client) -> None:
    answer = client.book(Prefer="respond-async")
    assert answer.status_code == 202
    id_ = answer.json()["id"]
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.headers["Location"] == f"/api/commands/{id_}/"
    assert answer.json() == {"id": id_, "status": "accepted", "status_url": f"/api/commands/{id_}/"}

    outcome = client.outcome(id_)
    waited = client.book().json()
    response = outcome.pop("response")
    assert response["status"] == 201
    assert response["body"].keys() == waited.keys()
    assert response["body"]["data"]["booking"].keys() == waited["data"]["booking"].keys()
    assert outcome["status"] == "succeeded"
    assert outcome["type"] == "place"
    assert outcome["finished_at"] >= outcome["accepted_at"]


def test_a_long_poll_is_answered_when_the_command_is_finished(client: Client) -> None:
    id_ = client.accept()
    answer = client.get(f"/api/commands/{id_}/", headers={"Prefer": "wait=10"})
    assert answer.json()["status"] == "succeeded"
    assert "Retry-After" not in answer.headers


def test_the_same_idempotency_key_gives_the_first_outcome_and_another_body_is_422(client: Client) -> None:
    key, body = uuid4().hex, agent_booking()
    first = client.book(body, Idempotency_Key=key)
    again = client.book(body, Idempotency_Key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    other = client.book(agent_booking(), Idempotency_Key=key)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


def test_the_same_idempotency_key_at_once_books_once(client: Client) -> None:
    key, body = uuid4().hex, agent_booking()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.book(body, Idempotency_Key=key), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1


def test_an_anonymous_idempotency_key_must_be_hard_to_guess(client: Client) -> None:
    answer = client.book(Idempotency_Key="short")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_idempotency_key"


def test_a_command_of_somebody_else_does_not_exist(client: Client, staff: Client) -> None:
    body = {"service_name": "Test Service", **free_slot()}
    id_ = staff.post("/api/booking/create/", json=body, headers={"Prefer": "respond-async"}).json()["id"]
    assert client.get(f"/api/commands/{id_}/").status_code == 404
    assert staff.get(f"/api/commands/{id_}/").status_code == 200


def test_a_deadline_in_the_past_refuses_the_command(client: Client) -> None:
    answer = client.book(Holdfast_Expires_At="2020-01-01T00:00:00Z")
    assert answer.status_code == 409
    assert answer.json()["code"] == "decided_too_late"


def test_a_withdrawn_command_is_never_decided(breakable_stack: Stack) -> None:
    stack = breakable_stack
    with anonymous(stack.api_url) as client:
        for name in ("lanes-1", "lanes-2"):
            stack.process(name).kill()
        id_ = client.accept()
        withdrawn = client.delete(f"/api/commands/{id_}/")
        assert (withdrawn.status_code, withdrawn.json()["status"]) == (200, "rejected")
        assert withdrawn.json()["response"]["body"]["code"] == "withdrawn"
        for name in ("lanes-1", "lanes-2"):
            stack.process(name).start()
        assert client.outcome(client.accept())["status"] == "succeeded"
        assert client.outcome(id_)["status"] == "rejected"
        assert client.delete(f"/api/commands/{id_}/").status_code == 409
