"""`GET` and `POST /api/booking/settings/` (docs/contracts/appointments.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import falcon.asgi
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from api.contracts.appointments.examples import SETTINGS_CHANGE
from api.contracts.changes import CANNOT_BE_CHANGED_HERE, check_unchanged, sent_fields
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import invalid
from api.http.fields import text
from api.http.forms import Form, Rules
from api.http.responses import respond
from api.openapi import Content, operation
from api.reads.public_reads import TAGGED, UNCHANGED, PublicReads
from core.store.catalogue import booking_settings
from core.store.catalogue.booking_settings import BookingSettings as Settings
from core.store.catalogue.changes import write
from core.store.connections.pool import Pool
from core.store.reads.shared_reads import Found, Query
from core.text_forms import WEEKDAYS
from core.wire.answers import Done
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode
from core.wire.vocabulary import Micros, micros


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
    """Only what is sent changes; `updated_at` may be sent back as it was."""

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


class SettingsRead(Struct, frozen=True):
    def queries(self) -> Sequence[Query]:
        return booking_settings.one_queries()

    def make(self, found: Found) -> bytes:
        settings = booking_settings.one_found(found)
        return encode(_body("Booking settings retrieved successfully", settings))


class BookingSettings:
    def __init__(self, pool: Pool, reads: PublicReads) -> None:
        self._pool = pool
        self._reads = reads

    @operation(
        "Read the hours and off days",
        answers={200: Content(SettingsAnswer, headers=TAGGED), 304: UNCHANGED},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        await self._reads.answer(req, resp, SettingsRead())

    @operation(
        "Change the hours and off days",
        description="Only the fields sent change. `OFF_DAYS` are weekday numbers, 0 Monday to 6 Sunday.",
        body=Content(SettingsChange, example=SETTINGS_CHANGE),
        answers={200: SettingsAnswer},
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, SettingsChange)
        async with write(self._pool) as connection:
            present = await booking_settings.one(connection, locked=True)
            settings = await booking_settings.change(connection, _changed(present, sent))
            await note_change(req, connection, "booking_settings.changed", "desk", present, settings)
        respond(resp, _body("Booking settings updated successfully", settings))


def _changed(present: Settings, sent: SettingsChange) -> Settings:
    """The settings after the change. Raises Problem 400 for a change that cannot be made."""
    check_unchanged(sent, {"updated_at": micros(present.updated_at)}, CANNOT_BE_CHANGED_HERE)
    changes = {_COLUMNS[name]: value for name, value in sent_fields(sent, but={"updated_at"}).items()}
    if "off_days" in changes:
        changes["off_days"] = OFF_DAYS(changes["off_days"])
    after = replace(present, **changes)
    if after.working_hours_start >= after.working_hours_end:
        raise invalid([NO_HOURS])
    return after


_COLUMNS = {
    "WORKING_HOURS_START": "working_hours_start",
    "WORKING_HOURS_END": "working_hours_end",
    "DEFAULT_RESERVATION_DURATION_MINUTES": "duration_minutes",
    "OFF_DAYS": "off_days",
    "is_active": "is_active",
}
"""By field of the body: the field of the settings."""


def _body(message: str, settings: Settings) -> SettingsAnswer:
    shown = SettingsShown(
        settings.working_hours_start,
        settings.working_hours_end,
        settings.duration_minutes,
        ",".join(map(str, settings.off_days)),
        settings.is_active,
        micros(settings.updated_at),
    )
    return SettingsAnswer(message=message, data=shown)
