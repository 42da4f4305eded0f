"""A hold that cannot be expired, or a booking that cannot be moved on, holds up no other."""

from __future__ import annotations

from contextlib import suppress

import psycopg
import pytest

from core.engine.due_bookings import send_due
from tests.support.engine.lanes import Pipeline, places
from tests.support.wait import wait_until

STUCK = "cannot be changed"
DUE = """
WITH person AS (INSERT INTO user_account (username, username_key) VALUES ('ann', 'ann') RETURNING id)
INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date, local_time,
                     duration_minutes, status, payment_status, command_id, created_at, updated_at, hold_expires_at, notes)
SELECT gen_random_uuid(), 'rooms', person.id, 'Room', 1, at, at + interval '5 minutes', '2025-01-01', at::time, 5,
       '{status}', 'pending', gen_random_uuid(), '2024-12-01', '2024-12-01',
       CASE WHEN '{status}' = 'held' THEN '2024-12-01'::timestamptz + n * interval '1 minute' END,
       CASE WHEN n = 0 THEN '{stuck}' ELSE '' END
FROM person, generate_series(0, 9) AS n, LATERAL (SELECT '2025-01-01 10:00+00'::timestamptz + n * interval '5 minutes') AS t (at)
"""
REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON booking FOR EACH ROW WHEN (NEW.notes = '{stuck}') EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize("code", ["P0001", "23514"], ids=["refused by the schema", "the command's own"])
@pytest.mark.parametrize("status", ["held", "confirmed"])
def test_one_booking_that_the_clock_cannot_move_holds_up_no_other(pipeline: Pipeline, status: str, code: str) -> None:
    """People book in the same lane one by one meanwhile, so nothing else proves that the database works."""
    pipeline.one_lane()
    pipeline.connection.execute(DUE.format(status=status, stuck=STUCK).encode())
    pipeline.connection.execute(REFUSING.format(code=code, stuck=STUCK).encode())
    worker, people = pipeline.worker(), places(400)
    asked = []

    def others_are_done() -> bool:
        send_due(pipeline.connection)
        asked.extend(pipeline.put(people.pop()))
        for _ in range(3):
            with suppress(psycopg.Error):
                worker.visit()
        return pipeline.rows("SELECT notes FROM booking WHERE contract = 'rooms' AND status = %s", status) == [(STUCK,)]

    wait_until(others_are_done, "the other nine are where the clock has brought them")
    wait_until(
        lambda: (
            others_are_done()
            and pipeline.rows("SELECT FROM inbox WHERE put_offs > 0 AND put_off_until > now()") == [()]
        ),
        "the one is put off",
    )
    assert "failed" not in [status for status, _, _ in pipeline.outcomes().values()]
    assert send_due(pipeline.connection).lanes == set(), "it is named once"

    pipeline.connection.execute("DROP TRIGGER refuse ON booking")
    pipeline.connection.execute("UPDATE inbox SET put_off_until = now() WHERE put_offs > 0")
    worker.visit_until_done()
    assert pipeline.rows("SELECT FROM booking WHERE contract = 'rooms' AND status = %s", status) == []
    assert pipeline.undecided() == []
    assert {status for status, _, _ in pipeline.outcomes().values()} == {"succeeded"}
