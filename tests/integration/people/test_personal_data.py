"""The one list of personal data, held to the schema; and the steps that empty what it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest

from core.domain.commands import Actor, ActorKind
from core.domain.marketplace.details import Cancellation, MarketDetails
from core.domain.values import RoomDetails, SlotDetails
from core.identity.personal_data import erasure
from core.identity.personal_data.export import PAGES
from core.identity.personal_data.inventory import LISTED, NOT_PERSONAL, NOT_PERSONAL_IN_DETAILS, Fate
from core.store.connections.database import Connection
from tests.conftest import FIGURE
from tests.support.wait import wait_until

SQL_COLUMNS = """
SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  AND (t.typname IN ('text', 'varchar', 'bpchar', 'name', 'json', 'jsonb', 'inet', 'cidr', 'citext', 'xml')
       OR t.typname IN ('_text', '_varchar', '_json', '_jsonb', '_inet', '_cidr'))
ORDER BY 1, 2
"""
SQL_PEOPLE = "INSERT INTO user_account (username, username_key, phone, phone_key) VALUES (%s, %s, '', %s) RETURNING id"
SQL_BOOK = """
INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                     local_time, duration_minutes, status, payment_status, notes, command_id, created_at, updated_at)
SELECT gen_random_uuid(), 'appointments', %(user)s, 'x', 1, at, at + interval '1 hour', at::date, '09:00', 60,
       'confirmed', 'none', 'secret', gen_random_uuid(), now(), now()
FROM generate_series(now() + %(from)s::interval, now() + %(to)s::interval, interval '1 day') AS at
"""
SQL_ERASE = """
INSERT INTO erasure (user_id, names, phones, until, actor, request_id)
VALUES (%(user)s, ARRAY['user:' || %(user)s], %(phones)s, %(until)s, %(actor)s::json, 'r')
"""
SQL_OUTCOME = """
INSERT INTO outcome (id, seq, type, contract, request_id, accepted_at, decided_at, status, http_status, response, actor,
                     body, about)
VALUES (%s, 0, 'place', 'agent', 'r', now() + %s::interval, now(), 'rejected', 409, '{"first_name": "Zelda"}', '{}',
        '{"notes": "Zelda"}', ARRAY[%s])
"""
STAFF = msgspec.json.encode(Actor(ActorKind.STAFF, 2)).decode()


def test_every_column_of_text_is_listed_or_named_as_holding_no_personal_data(
    connection: Connection, record_property: Any
) -> None:
    found = {(str(table), str(column)) for table, column in connection.execute(SQL_COLUMNS).fetchall()}
    listed = {(rows.table, field.column) for rows in LISTED for field in rows.fields}
    harmless = {(table, column) for table, columns in NOT_PERSONAL.items() for column in columns.split()}
    assert found - listed - harmless == set(), (
        "say in core/identity/personal_data/inventory.py what becomes of it, or that it is none"
    )
    assert harmless - found == set(), "there is no such column"
    assert listed & harmless == set()
    everything = {(table, column) for table, column in connection.execute(SQL_EVERY_COLUMN).fetchall()}
    assert listed - everything == set(), "there is no such column"
    record_property(FIGURE, f"{len(found)} columns of text and JSON: {len(found & listed)} listed as personal data")


SQL_EVERY_COLUMN = "SELECT table_name::text, column_name::text FROM information_schema.columns"


def texts(kind: type[msgspec.Struct], within: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of a booking's details that are free text."""
    for field in msgspec.structs.fields(kind):
        if field.type is str:
            yield (*within, field.encode_name)


def test_every_text_of_a_bookings_details_is_listed(record_property: Any) -> None:
    found = {path for kind in (RoomDetails, SlotDetails, MarketDetails) for path in texts(kind)}
    found |= set(texts(Cancellation, ("cancellation",)))
    listed = {field.path for rows in LISTED for field in rows.fields if field.path}
    assert {path for path in found if path[-1] not in NOT_PERSONAL_IN_DETAILS} == listed
    record_property(FIGURE, f"{len(listed)} paths of JSON columns are listed as personal data")


def test_what_is_kept_has_a_reason() -> None:
    kept = [field for rows in LISTED for field in rows.fields if field.fate is Fate.KEPT]
    assert all(field.why for field in kept)


def test_what_the_list_makes_is_sql(connection: Connection) -> None:
    for name, statement in [*PAGES.items(), *erasure.STEPS.items()]:
        try:
            connection.execute(statement.encode(), {"id": 1, "after": -1})
        except psycopg.Error as problem:
            pytest.fail(f"{name}: {problem}")


def person(connection: Connection, name: str, phone: str | None = None) -> int:
    row = connection.execute(SQL_PEOPLE, (name, name, phone)).fetchone()
    assert row is not None
    return int(row[0])


def erase(connection: Connection, user: int, *phones: str) -> None:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    connection.execute(
        SQL_ERASE, {"user": user, "phones": [*phones], "until": [row[0] for _ in phones], "actor": STAFF}
    )


def wait_until_calm(connection: Connection) -> None:
    """Deletions wait for transactions from before them, also for those of the server's other databases."""
    under_way = "SELECT count(*) FROM erasure WHERE asked_in >= pg_snapshot_xmin(pg_current_snapshot())"
    wait_until(lambda: count(connection, under_way) == 0, "transactions from before the deletion have ended")


def take_steps(connection: Connection) -> None:
    """All that can be taken now."""
    while erasure.run(connection, 60.0).steps:
        pass


def count(connection: Connection, statement: str, *values: Any) -> int:
    row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return int(row[0])


def test_five_thousand_bookings_are_emptied_in_steps_with_kills_between_them(
    connection: Connection, record_property: Any
) -> None:
    """Each step is a transaction that notes how far it came; all that are to come are cancelled, each once."""
    user = person(connection, "zelda")
    connection.execute(SQL_BOOK, {"user": user, "from": "-3999 days", "to": "-1 day"})
    connection.execute(SQL_BOOK, {"user": user, "from": "1 day", "to": "1001 days"})
    assert count(connection, "SELECT count(*) FROM booking WHERE notes = 'secret'") == 5_000
    erase(connection, user)
    wait_until_calm(connection)
    steps = 0
    while (done := erasure.run(connection, 0.0)).steps:  # one step, then somebody else goes on
        left = count(connection, "SELECT count(*) FROM booking WHERE notes = 'secret'")
        steps += done.steps
        assert left >= 5_000 - steps * erasure.STEP_ROWS, "no step does more than its share"
        if count(connection, "SELECT count(*) FROM inbox"):
            connection.execute("UPDATE inbox SET accepted_at = clock_timestamp() + interval '1 minute'")
    assert count(connection, "SELECT count(*) FROM booking WHERE notes <> ''") == 0
    asked = "SELECT count(DISTINCT body ->> 'booking_id') FROM inbox WHERE type = 'cancel'"
    assert (count(connection, asked), count(connection, "SELECT count(*) FROM inbox")) == (1_001, 1_001)
    assert count(connection, "SELECT count(*) FROM erasure WHERE step = 'cancel again'") == 1, "they are waited for"
    connection.execute("UPDATE booking SET status = 'cancelled' WHERE starts_at > clock_timestamp()")
    connection.execute("DELETE FROM inbox")
    while (done := erasure.run(connection, 0.0)).steps:
        steps += done.steps
    assert count(connection, "SELECT count(*) FROM erasure") == 0
    assert count(connection, "SELECT count(*) FROM inbox") == 0, "none is cancelled twice"
    record_property(FIGURE, f"5,000 bookings were emptied and 1,001 cancelled in {steps} steps")


def test_a_step_that_fails_changes_nothing_and_is_taken_again(connection: Connection) -> None:
    user = person(connection, "zelda")
    connection.execute(SQL_BOOK, {"user": user, "from": "-3 days", "to": "-1 day"})
    erase(connection, user)
    wait_until_calm(connection)
    with connection.transaction(force_rollback=True):
        assert erasure.run(connection, 0.0).steps == 1
    assert count(connection, "SELECT count(*) FROM booking WHERE notes = 'secret'") == 3
    take_steps(connection)
    assert count(connection, "SELECT count(*) FROM booking WHERE notes = 'secret'") == 0


def test_commands_that_name_an_earlier_number_are_its_owners_only_until_it_changed(connection: Connection) -> None:
    user = person(connection, "zelda", "1555")
    connection.execute("UPDATE user_account SET phone_key = '1556' WHERE id = %s", (user,))
    (earlier,) = connection.execute("SELECT phone_key FROM earlier_phone WHERE user_id = %s", (user,)).fetchall()
    assert earlier == ("1555",)
    theirs, of_the_next = uuid4(), uuid4()
    connection.execute(SQL_OUTCOME, (theirs, "-1 hour", "phone:1555"))
    connection.execute(SQL_OUTCOME, (of_the_next, "1 hour", "phone:1555"))
    erase(connection, user, "phone:1555")
    wait_until_calm(connection)
    take_steps(connection)
    zelda = connection.execute("SELECT id FROM outcome WHERE concat(body, response) LIKE '%Zelda%'").fetchall()
    assert zelda == [(of_the_next,)]


@pytest.mark.parametrize(("accepted_ago", "asked_ago"), [("0", "0"), ("3 hours", "2 hours")], ids=["a moment", "hours"])
def test_the_deletion_waits_for_commands_that_were_under_way(
    connection: Connection, accepted_ago: str, asked_ago: str
) -> None:
    user = person(connection, "zelda")
    connection.execute(SQL_UNDER_WAY)
    connection.execute("UPDATE inbox SET accepted_at = accepted_at - %s::interval", (accepted_ago,))
    erase(connection, user)
    wait_until_calm(connection)
    connection.execute("UPDATE erasure SET asked_at = asked_at - %s::interval", (asked_ago,))
    take_steps(connection)
    assert count(connection, "SELECT count(*) FROM erasure WHERE step = 'settle'") == 1
    connection.execute(SQL_OUTCOME, (uuid4(), "-3 hours", f"user:{user}"))
    connection.execute("DELETE FROM inbox")
    take_steps(connection)
    assert count(connection, "SELECT count(*) FROM erasure") == 0
    assert count(connection, "SELECT count(*) FROM outcome WHERE concat(body, response) LIKE '%%Zelda%%'") == 0


SQL_UNDER_WAY = """
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, request_id, actor, body)
VALUES (gen_random_uuid(), 0, 0, 0, 'cancel', 1, 'agent', 'r', '{}', '{}')
"""


def test_what_commands_under_way_wrote_into_bookings_is_emptied_too(connection: Connection) -> None:
    """A lane decides them when the bookings have been emptied already."""
    user = person(connection, "zelda")
    connection.execute(SQL_BOOK, {"user": user, "from": "-3 days", "to": "-1 day"})
    connection.execute(SQL_UNDER_WAY)
    erase(connection, user)
    wait_until_calm(connection)
    take_steps(connection)
    assert count(connection, "SELECT count(*) FROM booking WHERE notes <> ''") == 0
    connection.execute(
        """UPDATE booking SET notes = 'secret', details = '{"cancellation": {"by": "client", "reason": "secret"}}'"""
    )
    connection.execute("DELETE FROM inbox")
    take_steps(connection)
    assert count(connection, "SELECT count(*) FROM erasure") == 0
    assert count(connection, "SELECT count(*) FROM booking WHERE concat(notes, details) LIKE '%%secret%%'") == 0


def test_why_a_deletion_cancelled_a_booking_is_kept(connection: Connection) -> None:
    user = person(connection, "zelda")
    connection.execute(SQL_BOOK, {"user": user, "from": "-1 day", "to": "-1 day"})
    reason = '{"cancellation": {"by": "client", "reason": "the account was deleted"}}'
    connection.execute("UPDATE booking SET details = %s", (reason,))
    erase(connection, user)
    wait_until_calm(connection)
    take_steps(connection)
    kept = "SELECT count(*) FROM booking WHERE details #>> '{cancellation,reason}' = 'the account was deleted'"
    assert count(connection, kept) == 1


def test_bookings_are_cancelled_when_transactions_from_before_have_ended(connection: Connection) -> None:
    """A lane that has read the account, and waits for the deletion, books for it after all."""
    user = person(connection, "zelda")
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as lane:
        lane.execute("SELECT pg_current_xact_id()")
        erase(connection, user)
        take_steps(connection)
        lane.execute(SQL_BOOK, {"user": user, "from": "1 day", "to": "1 day"})
    wait_until_calm(connection)
    take_steps(connection)
    assert count(connection, "SELECT count(*) FROM inbox WHERE type = 'cancel'") == 1
