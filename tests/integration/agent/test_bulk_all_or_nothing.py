"""Batches that are booked whole or not at all, over HTTP and against everybody else."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api.contracts.agent.bulk.bulk_request import ROWS_MAX
from core.store.inbox.bulk_status import Mode
from tests.support.clients.bulks import PATH, accepted, code_of, finished, new_services, rows_for, rows_of
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack

MOST = ROWS_MAX[Mode.ALL_OR_NOTHING]


def send(client: Client, rows: list[dict[str, Any]]) -> str:
    return accepted(client.post(f"{PATH}?mode=all_or_nothing", json=rows))


def bookings(stack: Stack, services: list[str]) -> int:
    with stack.database() as connection:
        row = connection.execute("SELECT count(*) FROM booking WHERE service_name = ANY(%s)", (services,)).fetchone()
    assert row is not None
    return int(str(row[0]))


def test_a_batch_of_the_largest_size_over_many_lanes_is_booked_whole(stack: Stack, staff: Client) -> None:
    services = new_services(stack, 50)
    rows = rows_for(services, MOST)
    batch_id = send(staff, rows)
    assert finished(staff, batch_id) == {"accepted": 0, "succeeded": MOST, "rejected": 0, "failed": 0}
    found = rows_of(staff, batch_id)
    assert [row["row"] for row in found] == list(range(1, MOST + 1))
    made = [row["response"]["body"] for row in found]
    assert [one["data"]["booking"]["service_name"] for one in made] == [row["service_name"] for row in rows]
    assert len({one["booking_id"] for one in made}) == bookings(stack, services) == MOST
    command = staff.get(f"/api/commands/{batch_id}/").json()
    assert (command["type"], command["response"]["status"]) == ("place_all", 201)


def test_one_row_too_many_is_a_400(staff: Client) -> None:
    answer = staff.post(f"{PATH}?mode=all_or_nothing", json=[{}] * (MOST + 1))
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_rows")


def test_every_row_that_stood_in_the_way_is_named_and_none_is_booked(stack: Stack, staff: Client) -> None:
    services = new_services(stack, 6)
    rows = rows_for(services, 12)
    assert staff.post("/api/agent/booking/create/", json=rows[4]).status_code == 201
    rows[1] = {**rows[1], "phone": "nobody"}
    rows[7] = {**rows[7], "booking_time": "06:00"}
    rows[9] = {**rows[9], **{name: rows[0][name] for name in ("service_name", "booking_date", "booking_time")}}
    batch_id = send(staff, rows)
    assert finished(staff, batch_id) == {"accepted": 0, "succeeded": 0, "rejected": 12, "failed": 0}
    found = {row["row"]: row for row in rows_of(staff, batch_id)}
    named = {2: "invalid", 5: "slot_taken", 8: "outside_working_hours", 10: "slot_taken"}
    assert {row: code_of(found[row]) for row in found} == dict.fromkeys(range(1, 13), "batch_refused") | named
    assert found[5]["response"]["body"]["message"] == "This time slot is already reserved"
    assert "4 rows" in found[1]["response"]["body"]["message"]
    assert bookings(stack, services) == 1
    whole = staff.get(f"/api/commands/{batch_id}/").json()["response"]["body"]
    assert [problem["field"] for problem in whole["errors"]] == ["row 5", "row 8", "row 10"]
    page = staff.get(f"{PATH}{batch_id}/?status=rejected&limit=2&offset=3").json()
    assert ([row["row"] for row in page["rows"]], page["total_count"]) == ([4, 5], 12)


def test_a_batch_of_nothing_but_bad_rows_is_finished_at_once(staff: Client) -> None:
    batch_id = send(staff, [{}, {"phone": "nobody"}])
    assert staff.get(f"{PATH}{batch_id}/").json()["status"] == "finished"
    assert finished(staff, batch_id)["rejected"] == 2


def test_of_batches_and_people_that_want_the_same_times_each_time_has_one_winner(stack: Stack, staff: Client) -> None:
    """Batches begin with different rows, so they are at home in different lanes and meet in the claims alone."""
    services = new_services(stack, 8)
    rows = rows_for(services, 40)
    batches = [[*rows[at:], *rows[:at]] for at in (0, 11, 23, 37)]
    singles = rows[5:40:7]
    with ThreadPoolExecutor(9) as pool:
        ids = pool.map(lambda batch: send(staff, batch), batches)
        answers = pool.map(lambda row: staff.post("/api/agent/booking/create/", json=row).status_code, singles)
        counts = [finished(staff, id_) for id_ in ids]
        alone = Counter(answers)
    whole = [one["succeeded"] for one in counts]
    assert set(whole) <= {0, 40}
    assert all(one["failed"] == 0 for one in counts)
    assert alone[201] + alone[409] == len(singles)
    assert sum(whole) + alone[201] == bookings(stack, services)
    assert (sum(whole) == 40) != (alone[201] == len(singles))
