"""Endpoints over HTTP: made, listed, changed and deleted by staff; their secrets are shown once and kept sealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from core.sealed_secrets import SecretBox
from core.store.webhooks.endpoints import ENDPOINTS_MAX
from tests.support.clients.callers import STAFF, access_for, bearer, execute, new_address
from tests.support.processes.stack import Stack
from tests.support.webhooks import sent_delivery

WEBHOOKS = "/api/admin/webhooks/"
URL = "https://hooks.example.com/holdfast"
NOWHERE = "00000000-0000-4000-8000-000000000000"
ALL_TYPES = ["booking_created", "booking_updated", "booking_deleted"]


@pytest.fixture
def staff(stack: Stack) -> Iterator[httpx.Client]:
    headers = bearer(access_for(stack, STAFF)) | {"X-Forwarded-For": new_address()}
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=30.0) as client:
        yield client
    execute(stack, "DELETE FROM webhook_endpoint")


def make(staff: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = staff.post(WEBHOOKS, json={"url": URL, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_an_endpoint_is_told_of_everything_unless_types_are_named(staff: httpx.Client) -> None:
    made = make(staff)
    assert (made["url"], made["event_types"], made["description"], made["is_enabled"]) == (URL, ALL_TYPES, "", True)
    assert made["created_by"] == STAFF
    some = make(staff, event_types=["booking_deleted", "booking_created", "booking_deleted"], description="Till")
    assert (some["event_types"], some["description"]) == (["booking_created", "booking_deleted"], "Till")


def test_a_secret_is_shown_once_and_kept_sealed(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff)
    assert made["secret"].startswith("whsec_")
    for answer in (staff.get(WEBHOOKS), staff.get(f"{WEBHOOKS}{made['id']}/")):
        assert answer.status_code == 200
        assert made["secret"] not in answer.text
    ((row, sealed),) = execute(
        stack, "SELECT to_jsonb(e)::text, sealed_secret FROM webhook_endpoint e WHERE id = %s", made["id"]
    )
    assert made["secret"] not in row
    assert made["secret"].removeprefix("whsec_") not in row
    assert SecretBox(stack.settings.secret_key).open(sealed) == made["secret"]


def test_the_list_has_the_newest_first_and_narrows(staff: httpx.Client) -> None:
    first, second = make(staff), make(staff)
    staff.patch(f"{WEBHOOKS}{first['id']}/", json={"is_enabled": False})
    listed = staff.get(WEBHOOKS).json()
    assert ([one["id"] for one in listed["data"]], listed["total_count"]) == ([second["id"], first["id"]], 2)
    enabled = staff.get(WEBHOOKS, params={"is_enabled": "true"}).json()
    assert ([one["id"] for one in enabled["data"]], enabled["total_count"]) == ([second["id"]], 1)
    assert [one["id"] for one in staff.get(WEBHOOKS, params={"limit": 1, "offset": 1}).json()["data"]] == [first["id"]]


def test_only_what_is_sent_changes(staff: httpx.Client) -> None:
    made = make(staff, description="Till")
    path = f"{WEBHOOKS}{made['id']}/"
    changed = staff.patch(path, json={"event_types": ["booking_updated"]}).json()["data"]
    assert (changed["url"], changed["event_types"], changed["description"]) == (URL, ["booking_updated"], "Till")
    moved = staff.patch(path, json={"url": "https://HOOKS.example.com:443/x", "description": ""}).json()["data"]
    assert (moved["url"], moved["description"]) == ("https://hooks.example.com/x", "")


def test_an_endpoint_is_disabled_and_enabled_again(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff)
    path = f"{WEBHOOKS}{made['id']}/"
    disabled = staff.patch(path, json={"is_enabled": False}).json()["data"]
    assert (disabled["is_enabled"], disabled["disabled_why"]) == (False, "by staff")
    failing = """INSERT INTO delivery_receiver (sender, receiver, failures, failing_since, paused_until)
                 VALUES ('webhooks', %s, 9, now() - interval '4 days', now() + interval '1 hour')"""
    execute(stack, failing, str(made["id"]))
    assert staff.get(path).json()["data"]["failures"] == 9
    enabled = staff.patch(path, json={"is_enabled": True}).json()["data"]
    assert (enabled["is_enabled"], enabled["disabled_why"], enabled["failures"]) == (True, None, 0)
    assert enabled["failing_since"] is None


def test_a_rotated_secret_is_shown_once_and_the_one_before_stays_valid(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff)
    path = f"{WEBHOOKS}{made['id']}/"
    rotated = staff.post(f"{path}rotate-secret/").json()["data"]
    assert rotated["secret"] != made["secret"]
    shown = staff.get(path)
    assert rotated["secret"] not in shown.text
    assert shown.json()["data"]["previous_secret_until"] == rotated["previous_secret_until"]
    ((present, previous, hours),) = execute(
        stack,
        """SELECT sealed_secret, sealed_previous, round(extract(epoch FROM previous_until - now()) / 3600)
           FROM webhook_endpoint WHERE id = %s""",
        made["id"],
    )
    box = SecretBox(stack.settings.secret_key)
    assert (box.open(present), box.open(previous), hours) == (rotated["secret"], made["secret"], 24)


def test_a_deleted_endpoint_is_gone_and_the_last_one_stops_the_sender(stack: Stack, staff: httpx.Client) -> None:
    made, other = make(staff), make(staff)
    has_cursor = "SELECT count(*) FROM delivery_cursor WHERE sender = 'webhooks'"
    for one, cursors in ((made, 1), (other, 0)):
        assert staff.delete(f"{WEBHOOKS}{one['id']}/").json()["message"] == "Webhook deleted successfully"
        assert told(staff.get(f"{WEBHOOKS}{one['id']}/")) == (404, "webhook_not_found")
        assert execute(stack, has_cursor)[0][0] == cursors


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": "hooks.example.com"}, "url"),
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://user:word@hooks.example.com/"}, "url"),
        ({"url": "https://169.254.169.254/latest/"}, "url"),
        ({"url": "https://[fd00:ec2::254]/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://hooks.example.com:25/"}, "url"),
        ({"url": "https://printer.local/"}, "url"),
        ({"url": "https://hooks.example.com/#x"}, "url"),
        ({"url": URL + "x" * 2_048}, "url"),
        ({"url": URL, "event_types": []}, "event_types"),
        ({"url": URL, "event_types": ["canary"]}, "event_types"),
        ({"url": URL, "event_types": ["webhook_test"]}, "event_types"),
        ({"url": URL, "description": "x" * 501}, "description"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused_by_field(staff: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = staff.post(WEBHOOKS, json=body)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


def test_a_changed_url_is_held_to_the_same_rules(staff: httpx.Client) -> None:
    made = make(staff)
    answer = staff.patch(f"{WEBHOOKS}{made['id']}/", json={"url": "https://192.168.0.1/"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "url")


def test_there_are_so_many_endpoints(stack: Stack, staff: httpx.Client) -> None:
    more = """INSERT INTO webhook_endpoint (url, event_types, sealed_secret)
              SELECT 'https://hooks.example.com/', '{booking_created}', 'x' FROM generate_series(1, %s)"""
    execute(stack, more, ENDPOINTS_MAX)
    assert told(staff.post(WEBHOOKS, json={"url": URL})) == (409, "too_many_webhooks")


def test_the_delivery_log_is_listed_narrowed_and_read(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff)
    path = f"{WEBHOOKS}{made['id']}/deliveries/"
    sent, parked = sent_delivery(stack, made["id"]), sent_delivery(stack, made["id"], state="parked")
    listed = staff.get(path).json()
    assert [(one["id"], one["state"]) for one in listed["data"]] == [(parked, "parked"), (sent, "sent")]
    assert (listed["total_count"], listed["total_exact"]) == (2, True)
    narrowed: list[tuple[dict[str, str], list[str]]] = [
        ({"state": "sent"}, [sent]),
        ({"type": "booking_created"}, []),
        ({"booking_id": "7"}, []),
        ({"start_date": "2100-01-01"}, []),
        ({"end_date": "2100-01-01", "limit": "1"}, [parked]),
    ]
    for params, expected in narrowed:
        assert [one["id"] for one in staff.get(path, params=params).json()["data"]] == expected, params
    one = staff.get(f"{path}{sent}/").json()["data"]
    assert one["request"]["body"]["type"] == "webhook_test"
    assert one["request"]["headers"]["webhook-id"] == sent
    (attempt,) = one["attempts_made"]
    assert (attempt["number"], attempt["status"], attempt["duration_ms"]) == (1, 204, 12)
    assert told(staff.get(f"{path}{NOWHERE}/")) == (404, "delivery_not_found")


def test_what_was_given_up_on_is_sent_again_one_or_a_range(stack: Stack, staff: httpx.Client) -> None:
    made = make(staff)
    path = f"{WEBHOOKS}{made['id']}/"
    execute(stack, "UPDATE webhook_endpoint SET disabled_at = now(), disabled_why = 'x' WHERE id = %s", made["id"])
    sent, parked = sent_delivery(stack, made["id"]), sent_delivery(stack, made["id"], state="parked")
    later = {"start_date": "2100-01-01"}
    assert staff.post(f"{path}redeliver/", json=later).json()["redelivered"] == 0
    answer = staff.post(f"{path}redeliver/", json={"start_date": "2020-01-01"}).json()
    assert (answer["redelivered"], answer["more"]) == (1, False)
    assert staff.post(f"{path}redeliver/", json={"start_date": "2020-01-01", "sent_too": True}).json()["redelivered"]
    for one in (sent, parked):
        sent_again = "UPDATE delivery SET state = 'sent', due_at = NULL, retry_at = NULL, done_at = now() WHERE id = %s"
        execute(stack, sent_again, one)
    again = staff.post(f"{path}deliveries/{sent}/redeliver/").json()["data"]
    assert again["id"] == sent
    execute(stack, "UPDATE delivery SET state = 'waiting', due_at = now(), done_at = NULL WHERE id = %s", parked)
    under_way = """INSERT INTO delivery_run (lease, sender, leased_at, leased_until, ids, receivers, bookings)
                   SELECT id, sender, now(), now() + interval '1 hour', ARRAY[id], ARRAY[receiver], ARRAY[booking_id]
                   FROM delivery WHERE id = %s"""
    execute(stack, under_way, parked)
    assert told(staff.post(f"{path}deliveries/{parked}/redeliver/")) == (409, "being_sent")
    wrong = staff.post(f"{path}redeliver/", json={"start_date": "2030-01-02", "end_date": "2030-01-02"})
    assert wrong.json()["errors"][0]["field"] == "end_date"


def test_an_endpoint_that_never_was_is_a_404(staff: httpx.Client) -> None:
    one = f"{WEBHOOKS}999999/"
    for method, path, body in (
        ("GET", one, None),
        ("PATCH", one, {}),
        ("DELETE", one, None),
        ("POST", f"{one}rotate-secret/", None),
        ("POST", f"{one}test/", None),
        ("POST", f"{one}redeliver/", {"start_date": "2030-01-01"}),
        ("GET", f"{one}deliveries/", None),
        ("GET", f"{one}deliveries/{NOWHERE}/", None),
        ("POST", f"{one}deliveries/{NOWHERE}/redeliver/", None),
    ):
        assert told(staff.request(method, path, json=body)) == (404, "webhook_not_found"), path
    made = make(staff)
    again = f"{WEBHOOKS}{made['id']}/deliveries/{NOWHERE}/redeliver/"
    assert told(staff.post(again)) == (404, "delivery_not_found")
