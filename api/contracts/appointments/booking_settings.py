"""`GET` and `POST /api/booking/settings/` (appointments.md, 17 and 18)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import falcon.asgi
from msgspec import UNSET, Meta, Struct, UnsetType
from psycopg_pool import AsyncConnectionPool

from api.contracts.appointments.examples import SETTINGS_CHANGE
from api.http.bodies import read_json
from api.http.errors import invalid
from api.http.fields import text
from api.http.forms import Form, Rules
from api.openapi import Content, operation
from core.text_forms import WEEKDAYS
from core.wire.answers import Done
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode
from core.wire.vocabulary import Micros, micros

SQL_READ = """
SELECT working_hours_start, working_hours_end, duration_minutes, off_days, is_active, updated_at
FROM booking_settings
"""
SQL_LOCK = SQL_READ + " FOR UPDATE"
SQL_WRITE = """
UPDATE booking_settings SET working_hours_start = %s, working_hours_end = %s, duration_minutes = %s,
       off_days = %s::smallint[], is_active = %s, updated_at = clock_timestamp()
RETURNING working_hours_start, working_hours_end, duration_minutes, off_days, is_active, updated_at
"""


def _weekdays(sent: str) -> list[int] | None:
    """`"5,6"` as weekdays, 0 Monday to 6 Sunday; empty for none."""
    if not WEEKDAYS.fits(sent):
        return None
    return sorted({int(word) for word in sent.split(",")}) if sent else []


OFF_DAYS = Form(_weekdays, WEEKDAYS.words)
OffDays = Annotated[
    str,
    text(WEEKDAYS, most=20, examples=["5,6"]),
    OFF_DAYS,
]


def _some_hours(body: SettingsChange) -> Iterator[FieldProblem]:
    start, end = body.WORKING_HOURS_START, body.WORKING_HOURS_END
    if not isinstance(start, UnsetType) and not isinstance(end, UnsetType) and start >= end:
        yield NO_HOURS


NO_HOURS = FieldProblem("WORKING_HOURS_END", "WORKING_HOURS_END must be later than WORKING_HOURS_START")


class SettingsChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The body, with the document's names. Only what is sent changes; `updated_at` may be sent back as it was."""

    WORKING_HOURS_START: Annotated[int, Meta(ge=0, le=23)] | UnsetType = UNSET
    WORKING_HOURS_END: Annotated[int, Meta(ge=1, le=24)] | UnsetType = UNSET
    DEFAULT_RESERVATION_DURATION_MINUTES: Annotated[int, Meta(ge=1, le=1440)] | UnsetType = UNSET
    OFF_DAYS: OffDays | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    updated_at: Any = UNSET

    rules: ClassVar[Rules] = (_some_hours,)


class SettingsShown(Struct, frozen=True):
    WORKING_HOURS_START: int
    WORKING_HOURS_END: int
    DEFAULT_RESERVATION_DURATION_MINUTES: int
    OFF_DAYS: Annotated[str, Meta(examples=["5,6"])]
    is_active: bool
    updated_at: Micros


class SettingsAnswer(Done, frozen=True, kw_only=True):
    data: SettingsShown


class BookingSettings:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @operation("Read the hours and off days", answers={200: SettingsAnswer})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_READ)).fetchone()
        if row is None:
            raise LookupError("There are no booking settings: run the migrate command first.")
        resp.data = encode(_body("Booking settings retrieved successfully", row))
        resp.content_type = falcon.MEDIA_JSON

    @operation(
        "Change the hours and off days",
        description="Only the fields sent change. `OFF_DAYS` are weekday numbers, 0 Monday to 6 Sunday.",
        body=Content(SettingsChange, example=SETTINGS_CHANGE),
        answers={200: SettingsAnswer},
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        change = await read_json(req, SettingsChange)
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(SQL_LOCK)).fetchone()
            if row is None:
                raise LookupError("There are no booking settings: run the migrate command first.")
            if _or(change.updated_at, micros(row[5])) != micros(row[5]):
                raise invalid([FieldProblem("updated_at", "updated_at cannot be changed here")])
            start = _or(change.WORKING_HOURS_START, row[0])
            end = _or(change.WORKING_HOURS_END, row[1])
            if start >= end:
                raise invalid([NO_HOURS])
            values = (
                start,
                end,
                _or(change.DEFAULT_RESERVATION_DURATION_MINUTES, row[2]),
                row[3] if change.OFF_DAYS is UNSET else OFF_DAYS(change.OFF_DAYS),
                _or(change.is_active, row[4]),
            )
            row = await (await connection.execute(SQL_WRITE, values)).fetchone()
        assert row is not None  # noqa: S101 - the row was locked above
        resp.data = encode(_body("Booking settings updated successfully", row))
        resp.content_type = falcon.MEDIA_JSON


def _or(sent: Any, present: Any) -> Any:
    return present if sent is UNSET else sent


def _body(message: str, row: tuple[Any, ...]) -> SettingsAnswer:
    start, end, minutes, off_days, is_active, updated_at = row
    shown = SettingsShown(start, end, minutes, ",".join(map(str, off_days)), is_active, micros(updated_at))
    return SettingsAnswer(message=message, data=shown)
