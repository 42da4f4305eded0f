"""Very many holds laid down in the table, spread over rooms and days as bookings are; their end comes when told.

One in `PAYING_EVERY` has an intent that nobody paid.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg

ROOMS = 200
SLOTS_A_DAY = 20
HOLDERS = 20_000
PAYING_EVERY = 5

SQL_PREPARE = (
    f"""
    INSERT INTO resource (id, kind, name, zone)
    SELECT 5000 + n, 'room', 'Bench room ' || n, 'UTC' FROM generate_series(0, {ROOMS - 1}) AS n
    """,
    f"""
    INSERT INTO room (id, resource_id, name, capacity, price_minor, slot_minutes, opens_minute, closes_minute)
    SELECT 5000 + n, 5000 + n, 'Bench room ' || n, 10, 5000, 30, 480, 480 + 30 * {SLOTS_A_DAY}
    FROM generate_series(0, {ROOMS - 1}) AS n
    """,
    f"""
    INSERT INTO user_account (id, username, username_key)
    SELECT n, 'holder' || n, 'holder' || n FROM generate_series(100001, {100_000 + HOLDERS}) AS n
    """,
)
COLUMNS = """id, public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date, local_time,
    duration_minutes, status, payment_status, command_id, created_at, updated_at, price_minor, hold_expires_at, details"""
SQL_COPY_HOLDS = f"COPY booking ({COLUMNS}) FROM STDIN"
SQL_COPY_CLAIMS = "COPY claim (resource_id, booking_id, during) FROM STDIN"
SQL_PAYMENTS = """
INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, created_at, updated_at, due_at, sent)
SELECT gen_random_uuid(), id, 1, price_minor, 'usd', 'open', 'pi_bench' || (id - %(first)s), now(), now(), '2100-01-01', true
FROM booking WHERE id >= %(first)s AND (id - %(first)s) %% %(every)s = 0
"""
SQL_BEGIN = """
UPDATE booking SET hold_expires_at = clock_timestamp() + make_interval(secs => %s + (id - %s) * %s)
WHERE id BETWEEN %s AND %s
"""


def insert_lapsing_holds(database_url: str, holds: int) -> int:
    """Their end is far away; the id of the first."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in SQL_PREPARE:
            connection.execute(statement.encode())
        row = connection.execute("SELECT max(id) + 1 FROM booking").fetchone()
        assert row is not None
        first = int(row[0])
        with connection.cursor().copy(SQL_COPY_HOLDS) as copy:
            for line in _holds(first, holds):
                copy.write(line)
        with connection.cursor().copy(SQL_COPY_CLAIMS) as copy:
            for line in _claims(first, holds):
                copy.write(line)
        connection.execute(SQL_PAYMENTS, {"first": first, "every": PAYING_EVERY})
        connection.execute("SELECT setval('booking_id_seq', %s)", (first + holds,))
    return first


def intents_of(holds: int) -> list[str]:
    return [f"pi_bench{n}" for n in range(0, holds, PAYING_EVERY)]


def _place(n: int) -> tuple[int, str, str, str]:
    """Room, date, start and end of the n-th hold."""
    day, slot = divmod(n // ROOMS, SLOTS_A_DAY)
    starts, ends = 480 + 30 * slot, 510 + 30 * slot
    date = f"{2031 + day // 336}-{1 + day // 28 % 12:02}-{1 + day % 28:02}"
    return 5000 + n % ROOMS, date, f"{starts // 60:02}:{starts % 60:02}:00", f"{ends // 60:02}:{ends % 60:02}:00"


def _holds(first: int, holds: int) -> Iterator[str]:
    for n in range(holds):
        room, day, starts, ends = _place(n)
        uuid = f"00000000-0000-4000-8000-{n:012}"
        details = json.dumps({"type": "room", "room_id": room, "ends": ends, "guest_count": 1, "number_of_slots": 1})
        fields = (
            first + n, uuid, "rooms", 100_001 + n % HOLDERS, f"Bench room {room - 5000}", room, f"{day} {starts}+00",
            f"{day} {ends}+00", day, starts, 30, "held", "pending", uuid, "2026-01-01 00:00+00",
            "2026-01-01 00:00+00", 5000, "2100-01-01 00:00+00", details,
        )  # fmt: skip
        yield "\t".join(map(str, fields)) + "\n"


def _claims(first: int, holds: int) -> Iterator[str]:
    for n in range(holds):
        room, day, starts, ends = _place(n)
        yield f'{room}\t{first + n}\t["{day} {starts}+00","{day} {ends}+00")\n'
