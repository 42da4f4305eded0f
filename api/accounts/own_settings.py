"""`GET` and `PATCH /api/user/settings/`: the language of one's mails, and whether one is reminded."""

from __future__ import annotations

from typing import Literal, TypeVar, cast

from falcon.asgi import Request, Response
from msgspec import UNSET, Struct, UnsetType

from api.accounts.limits import SETTINGS_CHANGES
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import not_authenticated
from api.http.responses import respond
from api.limits.throttle import Throttle
from api.openapi import Content, operation
from core.identity import own_settings
from core.identity.own_settings import OwnSettings
from core.store.connections.pool import Pool
from core.wire.answers import Done

MailLanguage = Literal["ar", "de", "en"]
T = TypeVar("T")


class OwnSettingsShown(Struct, frozen=True, kw_only=True):
    language: MailLanguage | None
    """Of mails and of the pages that their links open; null is the house's own."""
    reminders: bool
    """Whether mails remind of one's own bookings."""
    practitioner_reminders: bool
    """Whether mails remind a practitioner of the bookings that clients have with them."""


class OwnSettingsChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is sent changes."""

    language: MailLanguage | UnsetType | None = UNSET
    reminders: bool | UnsetType = UNSET
    practitioner_reminders: bool | UnsetType = UNSET

    def onto(self, before: OwnSettings) -> OwnSettings:
        return OwnSettings(
            _either(self.language, before.language),
            _either(self.reminders, before.reminders),
            _either(self.practitioner_reminders, before.practitioner_reminders),
        )


class OwnSettingsAnswer(Done, frozen=True, kw_only=True):
    data: OwnSettingsShown


class UserSettings:
    def __init__(self, pool: Pool, throttle: Throttle) -> None:
        self._pool = pool
        self._throttle = throttle

    @operation("Read one's own settings", answers={200: OwnSettingsAnswer})
    async def on_get(self, req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            found = await own_settings.read(connection, req.context.principal.user_id)
        respond(resp, _answer("Settings retrieved successfully", found))

    @operation(
        "Change one's own settings",
        body=Content(OwnSettingsChange, example={"language": "de", "reminders": False}),
        answers={200: OwnSettingsAnswer},
        refuses=("too_many_requests",),
    )
    async def on_patch(self, req: Request, resp: Response) -> None:
        change, user_id = await read_json(req, OwnSettingsChange), req.context.principal.user_id
        await self._throttle.spend(SETTINGS_CHANGES, f"user:{user_id}")
        async with self._pool.connection() as connection, connection.transaction():
            before = await own_settings.lock(connection, user_id)
            after = None if before is None else change.onto(before)
            if after is not None:
                await own_settings.write(connection, user_id, after)
                if req.context.principal.is_audited:
                    await note_change(req, connection, "user.settings_changed", user_id, before, after)
        respond(resp, _answer("Settings updated successfully", after))


def _answer(message: str, found: OwnSettings | None) -> OwnSettingsAnswer:
    if found is None:
        raise not_authenticated()
    shown = OwnSettingsShown(
        language=cast("MailLanguage | None", found.language),
        reminders=found.reminders,
        practitioner_reminders=found.practitioner_reminders,
    )
    return OwnSettingsAnswer(message=message, data=shown)


def _either(sent: T | UnsetType, kept: T) -> T:
    return kept if isinstance(sent, UnsetType) else sent
