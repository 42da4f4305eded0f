"""`/api/v1/drf/services/`: what can be bought, of five kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import falcon.asgi
import psycopg
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.contracts.marketplace import examples
from api.contracts.marketplace.fields import LongText, Minutes, forbidden, given, not_found
from api.contracts.marketplace.locations import owner_for
from api.contracts.marketplace.pagination import COUNT_LIMIT, PageBody, Paged, page_fields, write
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import CURRENCY, CurrencyCode, Id, PriceMinor, ServiceName, price_problems
from api.http.forms import Rule, Rules, missing, rule_problems
from api.http.parameters import read_query
from api.openapi import Content, operation
from core.domain.marketplace.details import Kind
from core.domain.names import folded
from core.identity.principals import Principal
from core.store.marketplace.rows import SERVICE_COLUMNS, service_of
from core.wire.contracts.marketplace import KIND_ASKED, KIND_WORDS, BookingType
from core.wire.errors import FieldProblem

Pool = AsyncConnectionPool[Any]
KindWord = Literal["individual", "group", "workshop", "course", "package", "bundle"]
Ids = Annotated[list[Id], Meta(max_length=100)]

FROM = "service s LEFT JOIN practitioner o ON o.id = s.owner_id"
COLUMNS = f"{SERVICE_COLUMNS}, s.description, s.owner_id, o.user_id"
_OWN = 3
"""How many columns come after the service's own."""
_WANTED = """(s.is_active OR %(hidden)s) AND (%(kind)s::text IS NULL OR s.kind = %(kind)s)
  AND (%(practitioner)s::bigint IS NULL OR s.id IN (
       SELECT service_id FROM service_practitioner WHERE practitioner_id = %(practitioner)s))"""
SQL_LIST = f"SELECT {COLUMNS} FROM {FROM} WHERE {_WANTED} ORDER BY s.id LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = f"SELECT count(*) FROM (SELECT FROM service s WHERE {_WANTED} LIMIT {COUNT_LIMIT}) AS found"
SQL_ONE = f"SELECT {COLUMNS} FROM {FROM} WHERE s.id = %s"
SQL_INSERT = """
INSERT INTO service (name, name_key, description, resource_id, duration_minutes, price_cents, currency, kind, is_named,
                     owner_id, slot_step_minutes, credits, valid_days)
SELECT %(name)s, %(name_key)s, %(description)s, r.id, %(duration_minutes)s, %(price_cents)s, %(currency)s, %(kind)s, false,
       %(owner_id)s, %(slot_step_minutes)s, %(credits)s, %(valid_days)s
FROM resource r WHERE r.kind = 'desk' RETURNING id
"""
SQL_UPDATE = """
UPDATE service SET name = %(name)s, name_key = CASE WHEN name = %(name)s THEN name_key ELSE %(name_key)s END,
       description = %(description)s,
       duration_minutes = %(duration_minutes)s, price_cents = %(price_cents)s, slot_step_minutes = %(slot_step_minutes)s,
       credits = %(credits)s, valid_days = %(valid_days)s, is_active = %(is_active)s
WHERE id = %(id)s
"""
SQL_DROP_PRACTITIONERS = "DELETE FROM service_practitioner WHERE service_id = %s"
SQL_ADD_PRACTITIONERS = """
INSERT INTO service_practitioner (service_id, practitioner_id)
SELECT %s, id FROM practitioner WHERE id = ANY(%s) RETURNING practitioner_id
"""
SQL_DROP_ITEMS = "DELETE FROM service_item WHERE service_id = %s"
SQL_ADD_ITEMS = """
INSERT INTO service_item (service_id, position, item_id)
SELECT %s, n, w.id FROM unnest(%s::bigint[]) WITH ORDINALITY AS w (id, n) JOIN service s ON s.id = w.id
WHERE s.kind = ANY(%s) RETURNING item_id
"""

CAN_BE_ITEMS: dict[Kind, tuple[Kind, ...]] = {
    Kind.PACKAGE: (Kind.INDIVIDUAL, Kind.WORKSHOP),
    Kind.BUNDLE: (Kind.INDIVIDUAL, Kind.WORKSHOP),
}
"""What packages include and credits pay for; services of other kinds have no items."""


class ServiceChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a PATCH. Only what is sent changes; what is bought keeps its price."""

    name: ServiceName | UnsetType = UNSET
    description: LongText | UnsetType = UNSET
    duration_minutes: Minutes | UnsetType = UNSET
    slot_step_minutes: Minutes | UnsetType | None = UNSET
    price_cents: PriceMinor | UnsetType = UNSET
    credits: Annotated[int, Meta(ge=1, le=10_000)] | UnsetType = UNSET
    valid_days: Annotated[int, Meta(ge=1, le=3660)] | UnsetType = UNSET
    practitioner_ids: Ids | UnsetType = UNSET
    """Who gives it. A practitioner names only themselves, which is the default."""
    service_ids: Ids | UnsetType = UNSET
    """What a package includes, in order; what a bundle's credits pay for."""
    is_active: bool | UnsetType = UNSET


def _of_types(types: list[str], needs: list[str], *, items: int, may_be_left_out: bool = False) -> Mapping[str, Any]:
    """What a new service of these types needs and may have; `items` 1 is at least one, 0 is none."""
    bound = {"minItems": 1} if items else {"maxItems": 0}
    of_bundles = [] if "credits" in needs else [{"required": ["credits"]}, {"required": ["valid_days"]}]
    return {
        "properties": {"booking_type": {"enum": types}, "service_ids": bound},
        "required": needs if may_be_left_out else ["booking_type", *needs],
    } | ({"not": {"anyOf": of_bundles}} if of_bundles else {})


def _of_bundles(name: str) -> Rule:
    def rule(body: NewMarketService) -> Iterator[FieldProblem]:
        is_given = getattr(body, name) not in (UNSET, None)
        if KIND_ASKED[body.booking_type] is Kind.BUNDLE and not is_given:
            yield FieldProblem(name, missing(name))
        if KIND_ASKED[body.booking_type] is not Kind.BUNDLE and is_given:
            yield FieldProblem(name, f"Only a bundle has {name}")

    return rule


def _duration(body: NewMarketService) -> Iterator[FieldProblem]:
    if KIND_ASKED[body.booking_type] is Kind.INDIVIDUAL and body.duration_minutes in (UNSET, None):
        yield FieldProblem("duration_minutes", missing("duration_minutes"))


def _items(body: NewMarketService) -> Iterator[FieldProblem]:
    may_have, has = KIND_ASKED[body.booking_type] in CAN_BE_ITEMS, body.service_ids not in (UNSET, [])
    if has and not may_have:
        yield FieldProblem("service_ids", "Only packages and bundles include services")
    if may_have and not has:
        yield FieldProblem("service_ids", missing("service_ids"))


def _price(body: NewMarketService) -> Iterator[FieldProblem]:
    if not isinstance(body.price_cents, UnsetType) and CURRENCY.read(body.currency):
        is_whole = KIND_ASKED[body.booking_type] in {Kind.COURSE, Kind.PACKAGE, Kind.BUNDLE}
        yield from price_problems("price_cents", body.price_cents, body.currency, is_whole=is_whole)


class NewMarketService(ServiceChange, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: ServiceName
    booking_type: KindWord = "individual"
    currency: CurrencyCode = "usd"

    json_schema: ClassVar[Mapping[str, Any]] = {
        "anyOf": [
            _of_types(["individual"], ["duration_minutes"], items=0, may_be_left_out=True),
            _of_types(["group", "workshop", "course"], [], items=0),
            _of_types(["package"], ["service_ids"], items=1),
            _of_types(["bundle"], ["service_ids", "credits", "valid_days"], items=1),
        ]
    }
    """The rules in JSON Schema's words."""
    rules: ClassVar[Rules] = (_of_bundles("credits"), _of_bundles("valid_days"), _duration, _items, _price)
    """They hold of what a change makes of a service, too."""


class ServiceBody(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    description: str
    booking_type: BookingType
    duration_minutes: int | None
    slot_step_minutes: int | None
    price_cents: int
    currency: str
    credits: int | None
    valid_days: int | None
    practitioner_ids: list[int]
    service_ids: list[int]
    owner_id: int | None
    """The practitioner who keeps it; None is the house."""
    is_active: bool


class ServicePage(PageBody, frozen=True, kw_only=True):
    results: list[ServiceBody]


class ServiceFilters(Paged, frozen=True, kw_only=True):
    booking_type: KindWord | None = None
    practitioner_id: Id | None = None


class Services:
    def __init__(self, pool: Pool, public_url: str) -> None:
        self._pool = pool
        self._public_url = public_url

    @operation("List services", query=ServiceFilters, answers={200: ServicePage})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, ServiceFilters)
        wanted = {
            "hidden": req.context.principal.is_staff,
            "kind": KIND_ASKED[asked.booking_type].value if asked.booking_type else None,
            "practitioner": asked.practitioner_id,
            "limit": asked.page_size,
            "offset": asked.offset,
        }
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_LIST, wanted)).fetchall()
            count = (await (await connection.execute(SQL_COUNT, wanted)).fetchone() or (0,))[0]
        body = page_fields(req, self._public_url, asked, count, [_body(row) for row in rows])
        write(resp, ServicePage(**body))

    @operation(
        "Offer a service", body=Content(NewMarketService, example=examples.NEW_SERVICE), answers={201: ServiceBody}
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewMarketService)
        kind = KIND_ASKED[sent.booking_type]
        values = {**DEFAULTS, **given(sent), "kind": kind.value, "name_key": folded(sent.name)}
        async with self._pool.connection() as connection, connection.transaction():
            values["owner_id"] = owner_id = await owner_for(connection, req.context.principal)
            (id_,) = await _row(connection, SQL_INSERT, values)
            own = [owner_id] if owner_id is not None and sent.practitioner_ids is UNSET else None
            await _links(connection, id_, kind, sent, req.context.principal, owner_id, own)
            row = await _row(connection, SQL_ONE, (id_,))
        write(resp, _body(row), 201)


class OneService:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Show a service", answers={200: ServiceBody}, refuses=("not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_ONE, (service_id,))).fetchone()
        if row is None:
            raise not_found()
        write(resp, _body(row))

    @operation(
        "Change a service",
        body=Content(ServiceChange, example=examples.SERVICE_CHANGE),
        answers={200: ServiceBody},
        refuses=("not_found", "service_exists"),
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        sent = await read_json(req, ServiceChange)
        principal: Principal = req.context.principal
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(f"{SQL_ONE} FOR UPDATE OF s", (service_id,))).fetchone()
            if row is None:
                raise not_found()
            if not principal.is_staff and (row[-1] is None or row[-1] != principal.user_id):
                raise forbidden()
            service = service_of(row[:-_OWN])
            values = {**asdict(_body(row)), **given(sent)}
            values["name_key"] = folded(values["name"])
            problems = rule_problems(NewMarketService, values)
            if values["price_cents"] == service.price_minor:  # a price that an older release accepted may stay
                problems = [one for one in problems if one.field != "price_cents"]
            if problems:
                raise invalid(problems)
            await _write(connection, values)
            await _links(connection, service_id, service.kind, sent, principal, row[-2], None)
            row = await _row(connection, SQL_ONE, (service_id,))
        write(resp, _body(row))


async def _write(connection: AsyncConnection[Any], values: dict[str, Any]) -> None:
    """Only a service that is booked by name too has its name for itself."""
    try:
        await connection.execute(SQL_UPDATE, values)
    except psycopg.errors.UniqueViolation:
        words = "Another service has this name"
        raise Problem(409, "service_exists", words, [FieldProblem("name", words)]) from None


DEFAULTS: dict[str, Any] = {
    "description": "",
    "duration_minutes": None,
    "slot_step_minutes": None,
    "price_cents": 0,
    "credits": None,
    "valid_days": None,
}


def _body(row: tuple[Any, ...]) -> ServiceBody:
    found = service_of(row[:-_OWN])
    description, owner_id, _ = row[-_OWN:]
    return ServiceBody(
        id=found.id,
        name=found.name,
        description=description,
        booking_type=KIND_WORDS[found.kind],
        duration_minutes=found.duration_minutes,
        slot_step_minutes=found.slot_step_minutes,
        price_cents=found.price_minor,
        currency=found.currency,
        credits=found.credits,
        valid_days=found.valid_days,
        practitioner_ids=list(found.practitioner_ids),
        service_ids=list(found.items),
        owner_id=owner_id,
        is_active=found.is_active,
    )


async def _links(
    connection: AsyncConnection[Any],
    service_id: int,
    kind: Kind,
    sent: ServiceChange,
    principal: Principal,
    owner_id: int | None,
    practitioners: list[int] | None,
) -> None:
    """Who gives it, and what it includes, where that was sent."""
    if not isinstance(sent.practitioner_ids, UnsetType):
        wanted = sorted(set(sent.practitioner_ids))
        if not principal.is_staff and wanted not in ([owner_id], []):
            raise forbidden()
        await connection.execute(SQL_DROP_PRACTITIONERS, (service_id,))
        found = await (await connection.execute(SQL_ADD_PRACTITIONERS, (service_id, wanted))).fetchall()
        if len(found) != len(wanted):
            raise invalid([FieldProblem("practitioner_ids", "There is no such practitioner")])
    elif practitioners:
        await connection.execute(SQL_ADD_PRACTITIONERS, (service_id, practitioners))
    if not isinstance(sent.service_ids, UnsetType) and kind in CAN_BE_ITEMS:
        allowed = [one.value for one in CAN_BE_ITEMS[kind]]
        if service_id in sent.service_ids:
            raise invalid([FieldProblem("service_ids", "A service cannot include itself")])
        await connection.execute(SQL_DROP_ITEMS, (service_id,))
        added = await (await connection.execute(SQL_ADD_ITEMS, (service_id, sent.service_ids, allowed))).fetchall()
        if len(added) != len(sent.service_ids):
            words = f"Each must be a service of type {' or '.join(KIND_WORDS[one] for one in CAN_BE_ITEMS[kind])}"
            raise invalid([FieldProblem("service_ids", words)])


async def _row(connection: AsyncConnection[Any], sql: str, values: Any) -> tuple[Any, ...]:
    row = await (await connection.execute(sql.encode(), values)).fetchone()
    assert row is not None  # noqa: S101 - each of these answers one row
    found: tuple[Any, ...] = row
    return found
