"""Bulks whose rows are judged one by one: accepted whole or not at all, each row answered like a single call."""

from __future__ import annotations

import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.contracts.agent.bulk.bulk_request import ROWS_MAX
from core.identity.demo_accounts import AGENT_KEY
from core.store.inbox.bulk_status import Mode
from tests.support.clients.bulks import (
    CSV,
    PATH,
    accepted,
    as_csv,
    code_of,
    finished,
    new_services,
    rows_for,
    rows_of,
    send,
)
from tests.support.clients.callers import USER, access_for, bearer, new_address
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


@pytest.fixture
def services(stack: Stack) -> list[str]:
    return new_services(stack, 4)


def in_database(stack: Stack, batch_id: str) -> tuple[int, int]:
    """(commands waiting, outcomes) of a batch."""
    sql = "SELECT (SELECT count(*) FROM inbox WHERE bulk_id = %(id)s), (SELECT count(*) FROM outcome WHERE bulk_id = %(id)s)"
    with stack.database() as connection:
        row = connection.execute(sql, {"id": batch_id}).fetchone()
    assert row is not None
    return int(str(row[0])), int(str(row[1]))


def bulks(stack: Stack) -> int:
    with stack.database() as connection:
        row = connection.execute("SELECT count(*) FROM bulk").fetchone()
    assert row is not None
    return int(str(row[0]))


@pytest.mark.parametrize("form", ["application/json", "application/x-ndjson", "text/csv"])
def test_a_bulk_in_each_format_books_its_rows(staff: Client, services: list[str], form: str) -> None:
    rows = rows_for(services, 24, first_name="Zoë", notes='says "hi", twice')
    body = {
        "application/json": json.dumps(rows).encode(),
        "application/x-ndjson": "\n".join(map(json.dumps, rows)).encode(),
        "text/csv": as_csv(rows),
    }[form]
    answer = staff.post(PATH, content=body, headers={"Content-Type": form + "; charset=utf-8"})
    batch_id = accepted(answer)
    assert answer.json() == {"batch_id": batch_id, "status_url": f"{PATH}{batch_id}/", "accepted": 24}
    assert answer.headers["Location"] == answer.json()["status_url"]
    assert finished(staff, batch_id) == {"accepted": 0, "succeeded": 24, "rejected": 0, "failed": 0}
    booked = [row["response"]["body"]["data"]["booking"] for row in rows_of(staff, batch_id)]
    assert [(one["service_name"], one["booking_date"], one["booking_time"], one["notes"]) for one in booked] == [
        (row["service_name"], row["booking_date"], row["booking_time"] + ":00", row["notes"]) for row in rows
    ]


def test_each_row_gets_the_answer_that_a_single_call_would_have_got(staff: Client, services: list[str]) -> None:
    """Everything but ids and times: the same rows, sent one by one for another time."""
    good, other = rows_for(services, 2)
    bad: list[Any] = [
        {**good, "phone": "nobody"},
        {name: value for name, value in good.items() if name != "service_name"},
        {**good, "booking_date": "2025-20-20", "booking_time": "25:00"},
        {**good, "status": "maybe", "colour": "red"},
        {**good, "booking_date": "2101-01-09"},
        {**good, "booking_time": "06:00"},
        {**good, "first_name": "<script>"},
        {**good, "notes": "\x00"},
        {**good, "phone": 5},
        [good],
        "a row",
        5,
    ]
    single = [staff.post("/api/agent/booking/create/", json=row) for row in [*bad, good, good]]
    rows = rows_of(staff, _finished(staff, send(staff, [*bad, {**good, "booking_time": "11:00"}, good])))
    assert [row["response"]["status"] for row in rows] == [answer.status_code for answer in single]
    assert [row["response"]["status"] for row in rows] == [400] * 12 + [201, 409]
    for row, answer in zip(rows, single, strict=True):
        body = answer.json()
        if row["status"] == "rejected":
            assert row["response"]["body"] == body
        else:
            assert row["response"]["body"].keys() == body.keys()
    assert other["service_name"] != good["service_name"]


def _finished(client: Client, answer: httpx.Response) -> str:
    batch_id = accepted(answer)
    finished(client, batch_id)
    return batch_id


def test_rows_of_one_bulk_that_want_one_time_are_decided_in_their_order(staff: Client, services: list[str]) -> None:
    rows = [{**row, "phone": f"20255{n:05}"} for n, row in enumerate(rows_for(services, 1) * 5)]
    found = rows_of(staff, _finished(staff, send(staff, rows)))
    assert [code_of(row) for row in found] == ["succeeded", *["slot_taken"] * 4]


def test_a_row_that_does_not_fit_its_header_is_refused_alone(staff: Client, services: list[str]) -> None:
    first, *others = as_csv(rows_for(services, 2)).splitlines(keepends=True)
    answer = staff.post(PATH, content=b"".join([first, b"too,few\r\n", *others]), headers=CSV)
    found = rows_of(staff, _finished(staff, answer))
    assert [code_of(row) for row in found] == ["malformed_row", "succeeded", "succeeded"]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("application/json", b'[[], 5, {"phone": "2025551001"}]'),
        ("application/x-ndjson", b'[]\n5\n{"phone": "2025551001"}'),
        ("application/jsonl", b"[]\nno JSON\n{}"),
        ("text/csv", b"phone,service_name,booking_date,booking_time\n1\n2,,,\n3,Legal,soon,now\n"),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_a_bulk_of_refused_rows_alone_is_taken_and_finished_and_says_why(
    staff: Client, form: str, body: bytes, mode: Mode
) -> None:
    """As in any bulk: what is wrong with a row is found at the batch's address, in every form."""
    answer = staff.post(PATH, params={"mode": mode}, content=body, headers={"Content-Type": form})
    batch_id = accepted(answer)
    assert answer.json()["accepted"] == 0
    found = staff.get(f"{PATH}{batch_id}/").json()
    assert (found["status"], found["counts"]) == (
        "finished",
        {"accepted": 0, "succeeded": 0, "rejected": 3, "failed": 0},
    )
    assert all(row["response"]["status"] == 400 and row["response"]["body"]["message"] for row in found["rows"])


def test_rows_can_be_paged_and_asked_for_by_status(staff: Client, services: list[str]) -> None:
    rows = rows_for(services, 30)
    for number in (3, 17, 28):
        rows[number - 1]["phone"] = "?"
    batch_id = _finished(staff, send(staff, rows))
    assert [row["row"] for row in rows_of(staff, batch_id)] == list(range(1, 31))
    page = staff.get(f"{PATH}{batch_id}/?limit=4&offset=15").json()
    assert [(row["row"], row["status"]) for row in page["rows"]] == [
        (16, "succeeded"), (17, "rejected"), (18, "succeeded"), (19, "succeeded"),
    ]  # fmt: skip
    assert (page["total_count"], page["limit"], page["offset"]) == (30, 4, 15)
    rejected = staff.get(f"{PATH}{batch_id}/?status=rejected&limit=2&offset=1").json()
    assert [row["row"] for row in rejected["rows"]] == [17, 28]
    assert rejected["total_count"] == 3
    assert staff.get(f"{PATH}{batch_id}/?status=accepted").json()["rows"] == []
    for query in ("status=done", "limit=0", "limit=501", "page=1"):
        assert staff.get(f"{PATH}{batch_id}/?{query}").status_code == 400


def test_a_row_withdrawn_or_past_its_deadline_is_counted_as_rejected(staff: Client, services: list[str]) -> None:
    answer = send(staff, rows_for(services, 3), Holdfast_Expires_At="2020-01-01T00:00:00Z")
    found = rows_of(staff, _finished(staff, answer))
    assert [code_of(row) for row in found] == ["decided_too_late"] * 3


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"[]", {}),
        (b"[{}", {}),
        (b"[{}] x", {}),
        (b"", {"Content-Type": "application/x-ndjson"}),
        (b"phone\n1", CSV),
        (b'phone,service_name,booking_date,booking_time\n1,2,3,"4', CSV),
        (b"[" + b"{}," * ROWS_MAX[Mode.EACH] + b"{}]", {}),
    ],
)
def test_a_body_that_cannot_be_read_whole_leaves_nothing_behind(
    stack: Stack, staff: Client, body: bytes, headers: dict[str, str]
) -> None:
    before = bulks(stack)
    answer = staff.post(PATH, content=body, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == 400, answer.text
    assert answer.json()["success"] is False
    assert bulks(stack) == before


def test_a_client_that_vanishes_in_the_middle_of_its_body_leaves_nothing_behind(
    stack: Stack, staff: Client, services: list[str]
) -> None:
    """Chunked: nothing but the missing last chunk tells that there was more to come."""
    before = bulks(stack)
    body = as_csv(rows_for(services, 40))
    chunk = body[: body.rindex(b"\n", 0, len(body) // 2) + 1]
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {staff.headers['Authorization']}\r\n"
        "Content-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", stack.api_port)) as connection:
        connection.sendall(head.encode() + f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(10)
        while connection.recv(4096):
            pass
    assert send(staff, rows_for(services, 1)).status_code == 202
    assert bulks(stack) == before + 1


def test_a_database_that_drops_the_connection_leaves_nothing_behind_and_says_where_to_look(
    stack: Stack, staff: Client, services: list[str]
) -> None:
    waits = "datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO bulk %%'"
    before, rows = bulks(stack), rows_for(services, 3)
    with stack.database() as connection, ThreadPoolExecutor(1) as pool:
        with connection.transaction():
            connection.execute("LOCK TABLE bulk IN SHARE MODE")
            answer = pool.submit(send, staff, rows)
            wait_until(
                lambda: bool(_execute(stack, f"SELECT FROM pg_stat_activity WHERE {waits}")), "it is being written"
            )
            _execute(stack, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waits}")
        assert answer.result().status_code == 503
    assert staff.get(answer.result().headers["Location"]).status_code == 404
    assert bulks(stack) == before
    assert send(staff, rows).status_code == 202


def _execute(stack: Stack, sql: str) -> list[tuple[object, ...]]:
    with stack.database() as connection:
        return connection.execute(sql.replace("%%", "%").encode()).fetchall()


@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_format_that_is_not_served_is_a_415(staff: Client, form: str) -> None:
    answer = staff.post(PATH, content=b"[]", headers={"Content-Type": form})
    assert answer.status_code == 415
    assert "text/csv" in answer.json()["message"]


def test_the_same_idempotency_key_answers_with_the_first_batch(
    stack: Stack, staff: Client, services: list[str]
) -> None:
    key, rows = f"bulk-{uuid4()}", rows_for(services, 40)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(staff, rows, Idempotency_Key=key), range(4)))
    (batch_id,) = {accepted(answer) for answer in answers}
    assert {answer.json()["accepted"] for answer in answers} == {40}
    assert finished(staff, batch_id)["succeeded"] == 40
    assert in_database(stack, batch_id) == (0, 40)
    assert accepted(send(staff, rows, Idempotency_Key=key)) == batch_id
    another = send(staff, rows[:-1], Idempotency_Key=key)
    assert (another.status_code, another.json()["code"]) == (422, "idempotency_key_reused")
    other_mode = staff.post(f"{PATH}?mode=all_or_nothing", json=rows, headers={"Idempotency-Key": key})
    assert other_mode.status_code == 422
    single = staff.post("/api/agent/booking/create/", json=rows[0], headers={"Idempotency-Key": key})
    assert single.status_code == 422


def test_a_bulk_belongs_to_its_sender_and_to_staff(stack: Stack, staff: Client, services: list[str]) -> None:
    batch_id = accepted(send(staff, rows_for(services, 1)))
    user = bearer(access_for(stack, USER))
    with httpx.Client(base_url=stack.api_url) as client:
        assert client.get(f"{PATH}{batch_id}/").status_code == 401
        assert client.get(f"{PATH}{batch_id}/", headers=user).status_code == 403
        assert client.post(PATH, json=[], headers=user).status_code == 403
        assert client.post(PATH, json=[]).status_code == 401
    unknown = staff.get(f"{PATH}{uuid4()}/")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "bulk_not_found")
    assert staff.get(f"{PATH}not-an-id/").status_code == 404


def test_an_agents_key_sends_bulks_and_sees_its_own(stack: Stack, staff: Client, services: list[str]) -> None:
    headers = {"Authorization": f"Token {AGENT_KEY}", "X-Forwarded-For": new_address()}
    with Client(base_url=stack.api_url, headers=headers) as agent:
        batch_id = accepted(send(agent, rows_for(services, 2)))
        assert finished(agent, batch_id)["succeeded"] == 2
        assert agent.get(f"{PATH}{accepted(send(staff, rows_for(services, 1)))}/").status_code == 404
    assert staff.get(f"{PATH}{batch_id}/").status_code == 200


def test_agents_of_two_bulks_for_the_same_new_people_make_each_person_once(staff: Client, services: list[str]) -> None:
    phones = [f"20256{number:05}" for number in range(40)]
    rows = rows_for(services, 80)
    halves = [[{**row, "phone": phone} for row, phone in zip(rows[at::2], phones, strict=True)] for at in (0, 1)]
    halves[1].reverse()
    with ThreadPoolExecutor(2) as pool:
        ids = list(pool.map(lambda half: accepted(send(staff, half)), halves))
    found = [row for id_ in ids if finished(staff, id_) for row in rows_of(staff, id_)]
    assert Counter(row["status"] for row in found) == {"succeeded": 80}
    made = Counter(row["response"]["body"]["user_created"] for row in found)
    assert made == {True: 40, False: 40}
