"""Lane workers killed in the middle of a bulk: the final counts, and every row's end, are the same."""

from __future__ import annotations

from ops.processes import LANES
from tests.conftest import FreshStack
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
from tests.support.wait import wait_until

ROWS, BAD_ROWS, COLLISIONS = 5_000, 150, 250
SQL_ENDS = """
SELECT count(*), count(DISTINCT bulk_row), (SELECT count(*) FROM inbox WHERE bulk_id = %(id)s),
       (SELECT count(*) FROM booking b JOIN outcome o ON o.id = b.command_id WHERE o.bulk_id = %(id)s)
FROM outcome WHERE bulk_id = %(id)s
"""


def test_workers_killed_twice_in_the_middle_of_a_bulk_change_nothing_in_the_end(fresh_stack: FreshStack) -> None:
    stack = fresh_stack(lanes=2)
    rows, expected = with_refusals(rows_for(new_services(stack, 250), ROWS), bad=BAD_ROWS, collisions=COLLISIONS)
    with admin(stack.api_url) as staff:
        batch_id = accepted(staff.post(PATH, content=as_csv(rows), headers=CSV))
        for least in (750, 2_000):
            wait_until(lambda: _decided(staff.get(f"{PATH}{batch_id}/").json()) >= least, f"{least} rows are decided")  # noqa: B023
            for name in LANES.instances():
                stack.process(name).kill()
            assert _decided(staff.get(f"{PATH}{batch_id}/").json()) < ROWS, "the kill came too late to prove anything"
            for name in LANES.instances():
                stack.process(name).start(wait=False)
        counts = finished(staff, batch_id, 60.0)
        assert counts == {"accepted": 0, "succeeded": 4_600, "rejected": 400, "failed": 0}
        assert refused(rows_of(staff, batch_id)) == expected
    with stack.database() as connection:
        assert connection.execute(SQL_ENDS, {"id": batch_id}).fetchone() == (ROWS, ROWS, 0, 4_600)


def _decided(body: dict[str, dict[str, int]]) -> int:
    return sum(body["counts"].values()) - body["counts"]["accepted"]
