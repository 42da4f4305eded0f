"""`/api/admin/bounced-addresses/`: addresses that no mail is sent to, as they bounced, and that one works again."""

from __future__ import annotations

import falcon.asgi
from msgspec import Struct

from api.http.audit import note_change
from api.http.errors import Problem
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.identity import account_changes
from core.identity.permissions import why_not_change
from core.store.connections.pool import Pool
from core.store.lists.pages import COUNT_EXACT_TO
from core.store.mails.bounces import BouncedAddress, list_bounced, works_again
from core.wire.answers import Done
from core.wire.vocabulary import Zulu, zulu


class BouncedAsked(Struct, frozen=True):
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class BouncedShown(Struct, frozen=True, kw_only=True):
    user_id: int
    first_name: str
    last_name: str
    address: str
    bounced_at: Zulu
    answer: str
    """The mail server's code, such as `550`, or the status of the report that came back, such as `5.1.1`."""
    silent_until: Zulu
    """Until then nothing is sent there, unless staff say that it works again."""


class BouncedList(Struct, frozen=True, kw_only=True):
    total_count: int
    total_exact: bool
    """Whether it is all of them: beyond 10,000 they are not counted."""
    limit: int
    offset: int
    addresses: list[BouncedShown]


class WorkingAddress(Struct, frozen=True):
    user_id: int
    address: str


class AddressWorks(Done, frozen=True, kw_only=True):
    message: str = "Mails are sent there again"
    data: WorkingAddress


class BouncedAddresses:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("List addresses that bounced, the latest first", query=BouncedAsked, answers={200: BouncedList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, BouncedAsked)
        async with self._pool.connection() as connection:
            rows, total = await list_bounced(connection, asked.limit, asked.offset)
        body = BouncedList(
            total_count=min(total, COUNT_EXACT_TO),
            total_exact=total <= COUNT_EXACT_TO,
            limit=asked.limit,
            offset=asked.offset,
            addresses=[_shown(row) for row in rows],
        )
        respond(resp, body)

    @operation(
        "Say that a person's address works again",
        description="What was not sent meanwhile is not sent later.",
        answers={200: AddressWorks},
        refuses=("address_not_bounced",),
    )
    async def on_delete_one(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, user_id: int) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            person = await account_changes.person(connection, user_id)
            if person is None:
                raise Problem(404, "not_found", "User not found")
            why_not = why_not_change(req.context.principal, person, frozenset())
            if why_not is not None:
                raise Problem(403, "forbidden", why_not)
            if not await works_again(connection, person.email):
                raise Problem(
                    409, "address_not_bounced", "This person's address has not bounced: mails go there already"
                )
            await note_change(req, connection, "user.address_works", user_id, {"bounced": True}, {"bounced": False})
        respond(resp, AddressWorks(data=WorkingAddress(user_id, person.email)))


def _shown(row: BouncedAddress) -> BouncedShown:
    return BouncedShown(
        user_id=row.user_id,
        first_name=row.first_name,
        last_name=row.last_name,
        address=row.address,
        bounced_at=zulu(row.bounced_at),
        answer=row.answer,
        silent_until=zulu(row.silent_until),
    )
