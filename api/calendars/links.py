"""`/api/calendar-links/`: links by which calendars are subscribed to. Each shows its token once."""

from __future__ import annotations

from typing import Any

from falcon.asgi import Request, Response
from msgspec import Struct

from api.calendars.link_subject import LinkSubject, subject_of
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import Id, ShortText
from api.http.responses import respond
from api.openapi import Content, operation
from core.calendars.subscriptions import LINKS_PER_USER_MAX, LinkKind
from core.identity.principals import Principal, hash_token, new_token
from core.store.calendars import links
from core.store.calendars.links import LinkRecord, NewLink
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.wire.answers import Done
from core.wire.vocabulary import Micros, micros

SHOWN_ONCE = "this is the only time that its address is shown"


class LinkBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`subject_id` is that of the practitioner, room or category. Users and the desk have none."""

    kind: LinkKind
    subject_id: Id | None = None
    """Left out for `practitioner`: oneself."""
    names: bool = False
    """Show what is booked and by whom, instead of only that a time is booked."""
    label: ShortText = ""
    """The calendar's name; by default the subject's."""


class LinkShown(Struct, frozen=True, kw_only=True):
    id: int
    kind: LinkKind
    subject_id: int | None
    names: bool
    label: str
    created_at: Micros
    rotated_at: Micros | None


class NewLinkShown(LinkShown, frozen=True, kw_only=True):
    url: str
    """Shown this once. Whoever has it reads the calendar."""


class NewLinkAnswer(Done, frozen=True, kw_only=True):
    data: NewLinkShown


class LinkList(Done, frozen=True, kw_only=True):
    message: str = "Calendar links retrieved successfully"
    data: list[LinkShown]


class CalendarLinks:
    def __init__(self, pool: Pool, public_url: str) -> None:
        self._pool = pool
        self._public_url = public_url

    @operation("List one's own calendar links", answers={200: LinkList})
    async def on_get(self, req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            found = await links.listed(connection, req.context.principal.user_id)
        respond(resp, LinkList(data=[LinkShown(**_shown(record)) for record in found]))

    @operation(
        "Make a calendar link",
        description=(
            "A private address for a calendar to subscribe to: one's own bookings, a practitioner's sessions (their own, or "
            "any for staff), or a room, a category or the desk (staff). It ends with the role that made it."
        ),
        body=Content(LinkBody, example={"kind": "user", "names": True, "label": "My bookings"}),
        answers={201: NewLinkAnswer},
        refuses=("forbidden", "too_many_links"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, LinkBody)
        principal: Principal = req.context.principal
        token = new_token()
        async with self._pool.connection() as connection, connection.transaction():
            subject = await subject_of(connection, principal, body.kind, body.subject_id)
            id_ = await links.make(connection, _new(principal, body, subject), hash_token(token))
            if id_ is None:
                most = LINKS_PER_USER_MAX
                raise Problem(409, "too_many_links", f"You have {most} calendar links already; revoke one first")
            record = await _own(connection, principal, id_)
            if principal.is_audited:
                await note_change(req, connection, "calendar_link.created", id_, None, _audited(record))
        words = f"Calendar link created: {SHOWN_ONCE}"
        respond(resp, NewLinkAnswer(message=words, data=self._new_shown(record, token)), 201)

    @operation(
        "Give a calendar link another address",
        description="The address before it shows nothing from then on.",
        answers={200: NewLinkAnswer},
        refuses=("not_found",),
    )
    async def on_post_rotate(self, req: Request, resp: Response, link_id: int) -> None:
        principal: Principal = req.context.principal
        token = new_token()
        async with self._pool.connection() as connection, connection.transaction():
            before = await _own(connection, principal, link_id)
            await links.rotate(connection, link_id, hash_token(token))
            record = await _own(connection, principal, link_id)
            if principal.is_audited:
                was, now = {"rotated_at": before.rotated_at}, {"rotated_at": record.rotated_at}
                await note_change(req, connection, "calendar_link.rotated", link_id, was, now)
        words = f"Calendar link has another address: {SHOWN_ONCE}"
        respond(resp, NewLinkAnswer(message=words, data=self._new_shown(record, token)))

    @operation("Revoke a calendar link", answers={200: Done}, refuses=("not_found",))
    async def on_delete_one(self, req: Request, resp: Response, link_id: int) -> None:
        principal: Principal = req.context.principal
        async with self._pool.connection() as connection, connection.transaction():
            await _own(connection, principal, link_id)
            await links.end(connection, link_id)
            if principal.is_audited:
                await note_change(
                    req, connection, "calendar_link.revoked", link_id, {"is_active": True}, {"is_active": False}
                )
        respond(resp, Done(message="Calendar link revoked"))

    def _new_shown(self, record: LinkRecord, token: str) -> NewLinkShown:
        return NewLinkShown(**_shown(record), url=f"{self._public_url}/api/calendars/{token}.ics")


async def _own(connection: AsyncConnection, principal: Principal, link_id: int) -> LinkRecord:
    found = None if principal.user_id is None else await links.locked(connection, principal.user_id, link_id)
    if found is None:
        raise Problem(404, "not_found", "Calendar link not found")
    return found


def _new(principal: Principal, body: LinkBody, subject: LinkSubject) -> NewLink:
    assert principal.user_id is not None  # noqa: S101 - the route's rule lets in nobody without an account
    return NewLink(
        principal.user_id, subject.role, body.kind, subject.id, body.names, body.label.strip() or subject.name
    )


def _audited(record: LinkRecord) -> dict[str, Any]:
    return {"kind": record.kind, "subject_id": record.subject_id, "names": record.names}


def _shown(record: LinkRecord) -> dict[str, Any]:
    """The fields of `LinkShown`."""
    return {
        "id": record.id,
        "kind": LinkKind(record.kind),
        "subject_id": record.subject_id,
        "names": record.names,
        "label": record.label,
        "created_at": micros(record.created_at),
        "rotated_at": record.rotated_at and micros(record.rotated_at),
    }
