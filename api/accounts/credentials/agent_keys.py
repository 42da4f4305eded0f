"""`/api/admin/agent-keys/`: staff make, list, change and revoke the keys that agents sign in with."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

import structlog
from falcon.asgi import Request, Response
from msgspec import UNSET, Meta, Struct, UnsetType

from api.accounts.access.live_credentials import LiveCredentials
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import text
from api.http.forms import Form
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import Content, operation
from core import text_forms
from core.identity.credentials import agent_key_use, agent_keys
from core.identity.credentials.agent_key_use import DayOfUse, KeyRecord
from core.identity.credentials.agent_keys import Network, NewKey
from core.store.connections.pool import Pool
from core.wire.answers import Done, Listed
from core.wire.vocabulary import Day, Micros, micros

log = structlog.get_logger()

Name = Annotated[str, text(text_forms.NAME, least=1, most=100)]


def _network(sent: str) -> Network | None:
    try:
        return ipaddress.ip_network(sent) if text_forms.NETWORK.fits(sent) else None
    except ValueError:
        return None


NETWORK: Form[str, Network] = Form(_network, text_forms.NETWORK.words)
NetworkText = Annotated[str, Meta(max_length=50, extra_json_schema={"format": "ip-network"}), NETWORK]
Networks = Annotated[list[NetworkText], Meta(max_length=agent_keys.NETWORKS_MAX)]
WritesPerMinute = Annotated[int, Meta(ge=1, le=agent_keys.WRITES_PER_MINUTE_MAX)]


class KeyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """`networks` are addresses or CIDR blocks; an empty list lets the key come from anywhere."""

    name: Name
    networks: Networks = []
    writes_per_minute: WritesPerMinute = agent_keys.WRITES_PER_MINUTE_DEFAULT


class KeyChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is sent changes."""

    name: Name | UnsetType = UNSET
    networks: Networks | UnsetType = UNSET
    writes_per_minute: WritesPerMinute | UnsetType = UNSET

    def onto(self, record: KeyRecord) -> NewKey:
        return NewKey(
            record.name if self.name is UNSET else self.name,
            record.networks if isinstance(self.networks, UnsetType) else _networks(self.networks),
            record.writes_per_minute if self.writes_per_minute is UNSET else self.writes_per_minute,
        )


def _networks(sent: list[str]) -> list[Network]:
    return [NETWORK(one) for one in sent]


class KeysQuery(Struct, frozen=True):
    is_active: bool | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class KeyShown(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    hint: str
    networks: list[str]
    writes_per_minute: int
    is_active: bool
    created_by: int | None
    created_at: Micros
    revoked_by: int | None
    revoked_at: Micros | None
    requests: int
    refused: int
    last_used_at: Micros | None
    last_address: str


class NewKeyShown(KeyShown, frozen=True, kw_only=True):
    key: str
    """Shown this once."""


class DayShown(Struct, frozen=True):
    date: Day
    requests: int
    refused: int


class KeyWithDays(KeyShown, frozen=True, kw_only=True):
    days: list[DayShown]


class KeyAnswer(Done, frozen=True, kw_only=True):
    data: KeyShown


class NewKeyAnswer(Done, frozen=True, kw_only=True):
    message: str = "Agent key created: it is shown this once"
    data: NewKeyShown


class KeyWithDaysAnswer(Done, frozen=True, kw_only=True):
    message: str = "Agent key retrieved successfully"
    data: KeyWithDays


class KeyList(Listed[KeyShown], frozen=True, kw_only=True):
    message: str = "Agent keys retrieved successfully"


class AgentKeys:
    """The list, and the way in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("List agent keys", query=KeysQuery, answers={200: KeyList})
    async def on_get(self, req: Request, resp: Response) -> None:
        asked = read_query(req, KeysQuery)
        is_active, limit, offset = asked.is_active, asked.limit, asked.offset
        async with self._pool.connection() as connection:
            records = await agent_key_use.listed(connection, is_active=is_active, limit=limit, offset=offset)
            total = await agent_key_use.count(connection, is_active=is_active)
        shown = [KeyShown(**_shown(record)) for record in records]
        respond(resp, KeyList(data=shown, total_count=total, limit=limit, offset=offset))

    @operation(
        "Make an agent key",
        description="`networks` are addresses or CIDR blocks; an empty list lets the key come from anywhere.",
        body=Content(KeyBody, example={"name": "Call centre", "networks": ["192.0.2.0/24"]}),
        answers={201: NewKeyAnswer},
        refuses=("too_many_keys",),
    )
    async def on_post_create(self, req: Request, resp: Response) -> None:
        body = await read_json(req, KeyBody)
        new = NewKey(body.name, _networks(body.networks), body.writes_per_minute)
        async with self._pool.connection() as connection, connection.transaction():
            made = await agent_keys.make(connection, new, req.context.principal.user_id)
            if made is None:
                most = agent_keys.KEYS_MAX
                raise Problem(409, "too_many_keys", f"There are already {most} agent keys; revoke one first")
            record = await _record(connection, made[0])
            await note_change(req, connection, "agent_key.created", record.id, None, _audited(record))
        log.info("agent key made", made_key=record.id, by=record.created_by)
        respond(resp, NewKeyAnswer(data=NewKeyShown(**_shown(record), key=made[1])), 201)


class OneAgentKey:
    def __init__(self, pool: Pool, logins: LiveCredentials) -> None:
        self._pool = pool
        self._logins = logins

    @operation("Read an agent key and its use by day", answers={200: KeyWithDaysAnswer})
    async def on_get(self, _req: Request, resp: Response, key_id: int) -> None:
        async with self._pool.connection() as connection:
            record = await _record(connection, key_id)
            days = await agent_key_use.days(connection, key_id)
        respond(resp, KeyWithDaysAnswer(data=KeyWithDays(**_shown(record), days=[_day(day) for day in days])))

    @operation(
        "Change an agent key",
        description="Only what is sent changes.",
        body=Content(KeyChange, example={"writes_per_minute": 120}),
        answers={200: KeyAnswer},
        refuses=("already_revoked",),
    )
    async def on_put_update(self, req: Request, resp: Response, key_id: int) -> None:
        change = await read_json(req, KeyChange)
        async with self._pool.connection() as connection, connection.transaction():
            before = await _record(connection, key_id)
            new = change.onto(before)
            if not await agent_keys.change(connection, key_id, new):
                raise _revoked()
            record = await _record(connection, key_id)
            await note_change(req, connection, "agent_key.changed", key_id, _audited(before), _audited(record))
        self._logins.forget()
        log.info("agent key changed", changed_key=key_id, by=req.context.principal.user_id)
        respond(resp, KeyAnswer(message="Agent key updated successfully", data=KeyShown(**_shown(record))))

    @operation("Revoke an agent key", answers={200: Done}, refuses=("already_revoked",))
    async def on_delete_delete(self, req: Request, resp: Response, key_id: int) -> None:
        by = req.context.principal.user_id
        async with self._pool.connection() as connection, connection.transaction():
            await _record(connection, key_id)
            if not await agent_keys.revoke(connection, key_id, by):
                raise _revoked()
            was, now = {"is_active": True}, {"is_active": False}
            await note_change(req, connection, "agent_key.revoked", key_id, was, now)
        self._logins.forget()
        log.info("agent key revoked", revoked_key=key_id, by=by)
        respond(resp, Done(message="Agent key revoked"))


async def _record(connection: Any, key_id: int) -> KeyRecord:
    record = await agent_key_use.by_id(connection, key_id)
    if record is None:
        raise Problem(404, "not_found", "Agent key not found")
    return record


def _audited(record: KeyRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "networks": list(map(str, record.networks)),
        "writes_per_minute": record.writes_per_minute,
    }


def _revoked() -> Problem:
    return Problem(409, "already_revoked", "This agent key is already revoked")


def _shown(record: KeyRecord) -> dict[str, Any]:
    """The fields of `KeyShown`."""
    return {
        "id": record.id,
        "name": record.name,
        "hint": record.hint,
        "networks": [str(network) for network in record.networks],
        "writes_per_minute": record.writes_per_minute,
        "is_active": record.revoked_at is None,
        "created_by": record.created_by,
        "created_at": micros(record.created_at),
        "revoked_by": record.revoked_by,
        "revoked_at": record.revoked_at and micros(record.revoked_at),
        "requests": record.requests,
        "refused": record.refused,
        "last_used_at": record.last_used_at and micros(record.last_used_at),
        "last_address": record.last_address,
    }


def _day(day: DayOfUse) -> DayShown:
    return DayShown(day.date.isoformat(), day.requests, day.refused)
