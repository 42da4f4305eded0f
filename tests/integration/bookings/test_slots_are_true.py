"""What a slot list offers can be booked at that moment, and nothing else can, through the real tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from core.domain.commands import CloseResource, Command
from core.domain.resources.free_slots import free_slots
from core.domain.resources.local_time import day_bounds
from core.domain.values import Policy
from core.engine.dry_run import prepare as prepare_dry_run
from core.store.free_slots import day_availability, day_queries
from tests.support.engine.lanes import Pipeline, new
from tests.support.shared_reads import Asked, shared_reads
from tests.support.values import by_phone, envelope, place

SERVICE, RESOURCE, MINUTES = "Massage", 50, 45
DAYS = [
    ("Europe/Berlin", date(2099, 3, 29)),  # an hour is missing
    ("Europe/Berlin", date(2099, 10, 25)),  # an hour comes twice
    ("America/New_York", date(2099, 11, 1)),
    ("Australia/Lord_Howe", date(2099, 4, 5)),  # half an hour comes twice
    ("UTC", date(2099, 6, 2)),
]
SQL_TAKE = """
WITH made AS (
    INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                         local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at,
                         hold_expires_at)
    SELECT gen_random_uuid(), 'rooms', 1, 'Elsewhere', %(resource)s, %(at)s, %(at)s::timestamptz + interval '20 minutes',
           %(day)s, '12:00', 20, %(status)s, 'pending', gen_random_uuid(), now(), now(), %(expires)s
    RETURNING id, starts_at, ends_at)
INSERT INTO claim (resource_id, booking_id, during) SELECT %(resource)s, id, tstzrange(starts_at, ends_at) FROM made
"""


@pytest.fixture
def shop(pipeline: Pipeline) -> Pipeline:
    pipeline.one_lane()
    pipeline.connection.execute(
        "UPDATE booking_settings SET off_days = '{}', working_hours_start = 0, working_hours_end = 24"
    )
    pipeline.connection.execute("INSERT INTO user_account (id, username, username_key) VALUES (1, 'u', 'u')")
    return pipeline


def take(shop: Pipeline, day: date, at: datetime, status: str, expires: datetime | None = None) -> None:
    """20 minutes by another contract, off the grid."""
    values = {"resource": RESOURCE, "at": at, "day": day, "status": status, "expires": expires}
    shop.connection.execute(SQL_TAKE, values)


def prepare(shop: Pipeline, zone: str, day: date) -> None:
    shop.connection.execute(
        "INSERT INTO resource (id, kind, name, zone) VALUES (%s, 'service', 'r', %s)", (RESOURCE, zone)
    )
    shop.connection.execute(
        "INSERT INTO service (name, name_key, resource_id, duration_minutes) VALUES (%s, %s, %s, %s)",
        (SERVICE, SERVICE.casefold(), RESOURCE, MINUTES),
    )
    begins, _ = day_bounds(day, zone)
    now = datetime.now(UTC)
    take(shop, day, begins + timedelta(hours=5, minutes=10), "confirmed")
    take(shop, day, begins + timedelta(hours=8), "held", now + timedelta(hours=1))
    take(shop, day, begins + timedelta(hours=11), "held", now - timedelta(hours=1))
    decide(shop, CloseResource(RESOURCE, day, day, time(15), time(16, 10)))


def decide(shop: Pipeline, *commands: Command) -> list[str]:
    ids = shop.put(*(new(one, contract="appointments") for one in commands))
    worker = shop.worker()
    worker.visit_until_done()
    return shop.codes(ids)


@pytest.mark.parametrize(("zone", "day"), DAYS, ids=str)
async def test_each_slot_offered_can_be_booked_and_no_other_grid_start(shop: Pipeline, zone: str, day: date) -> None:
    prepare(shop, zone, day)
    async with shared_reads(shop.url) as reads:
        offer = day_availability(await reads.ask(Asked((*day_queries(SERVICE, day),))), allow_past=False)
    assert offer.rules is not None
    offered = {slot.at for slot in free_slots(offer.rules, offer.resource, offer.minutes, day, offer.claims, offer.now)}
    grid = [time(minute // 60, minute % 60) for minute in range(0, 24 * 60, MINUTES)]
    asked = [envelope(place(day, at, service_name=SERVICE, person=by_phone("555001"))) for at in grid]
    policy = Policy(allow_past=False)
    alone = [prepare_dry_run(shop.url, [one], policy).decide(one).http_status for one in asked]
    assert {at for at, status in zip(grid, alone, strict=True) if status == 201} == offered
    assert time(11, 15) in offered or zone != "UTC", "a lapsed hold is in nobody's way"

    booked = decide(shop, *(one.command for one in asked))
    assert {at for at, code in zip(grid, booked, strict=True) if code == "succeeded"} <= offered
    assert set(booked) - {"local_time_skipped", "outside_working_hours"} == {"succeeded", "slot_taken"}
