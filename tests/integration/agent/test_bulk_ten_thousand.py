"""A bulk as large as one may be: exactly what must be refused is refused, and its sender hears how far it is."""

from __future__ import annotations

import json
from collections import Counter

from websockets.sync.client import connect

from api.contracts.agent.bulk.bulk_request import ROWS_MAX
from core.store.inbox.bulk_status import Mode
from tests.support.clients.bulks import (
    CSV,
    PATH,
    accepted,
    as_csv,
    finished,
    new_services,
    refused,
    rows_for,
    rows_of,
    with_refusals,
)
from tests.support.clients.http_client import admin
from tests.support.processes.stack import Stack

ROWS, BAD_ROWS, COLLISIONS = ROWS_MAX[Mode.EACH], 300, 500


def test_of_ten_thousand_csv_rows_exactly_the_bad_and_the_colliding_are_refused(stack: Stack) -> None:
    rows, expected = with_refusals(rows_for(new_services(stack, 250), ROWS), bad=BAD_ROWS, collisions=COLLISIONS)
    assert Counter(status for status, _ in expected.values()) == {400: BAD_ROWS, 409: COLLISIONS}
    with admin(stack.api_url) as staff:
        feed = connect(
            f"{stack.ws_url}/ws/commands/", additional_headers={"Authorization": staff.headers["Authorization"]}
        )
        answer = staff.post(PATH, content=as_csv(rows), headers=CSV)
        batch_id = accepted(answer)
        counts = finished(staff, batch_id, 60.0)
        assert counts == {"accepted": 0, "succeeded": 9_200, "rejected": 800, "failed": 0}
        assert refused(rows_of(staff, batch_id)) == expected
        with feed:
            heard = [json.loads(feed.recv(timeout=10))]
            while heard[-1]["data"]["counts"] != counts:
                heard.append(json.loads(feed.recv(timeout=10)))
    assert {(message["type"], message["data"]["batch_id"]) for message in heard} == {("batch_progress", batch_id)}
    assert all(sum(message["data"]["counts"].values()) == ROWS for message in heard)
    left = [message["data"]["counts"]["accepted"] for message in heard]
    assert left == sorted(left, reverse=True)
    assert len(set(left)) > 2
