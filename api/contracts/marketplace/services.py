"""`/api/v1/drf/services/`: what can be bought, of five kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import falcon.asgi
from msgspec import UNSET, Meta, Struct, UnsetType, convert
from msgspec.structs import asdict

from api.contracts.changes import Problems, as_problems, name_taken, sent_fields
from api.contracts.marketplace import examples
from api.contracts.marketplace.fields import LongText, Minutes
from api.contracts.marketplace.ownership import check_may_edit, not_found, owner_for
from api.contracts.marketplace.pagination import PageBody, Paged, page_fields
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import forbidden, invalid
from api.http.fields import CURRENCY, CurrencyCode, Id, PriceMinor, ServiceName, price_problems
from api.http.forms import Rule, Rules, missing, rule_problems
from api.http.parameters import read_query
from api.http.responses import respond
from api.openapi import Content, operation
from core.domain.marketplace.details import Kind
from core.identity.principals import Principal
from core.store.catalogue import marketplace_services
from core.store.catalogue.changes import NameTakenError, NotFoundError, UnknownReferenceError, write
from core.store.catalogue.marketplace_services import OwnedService, ServiceFields, UnsuitableItemError
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.wire.contracts.marketplace import KIND_ASKED, KIND_WORDS, BookingType
from core.wire.errors import FieldProblem

KindWord = Literal["individual", "group", "workshop", "course", "package", "bundle"]
Ids = Annotated[list[Id], Meta(max_length=100)]

PROBLEMS: Problems = {
    NotFoundError: not_found,
    NameTakenError: name_taken("service_exists", "Another service has this name"),
    UnknownReferenceError: lambda: invalid([FieldProblem("practitioner_ids", "There is no such practitioner")]),
}
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
        async with self._pool.connection() as connection:
            found, count = await marketplace_services.page(
                connection,
                hidden=req.context.principal.is_staff,
                kind=KIND_ASKED[asked.booking_type] if asked.booking_type else None,
                practitioner_id=asked.practitioner_id,
                limit=asked.page_size,
                offset=asked.offset,
            )
        body = page_fields(req, self._public_url, asked, count, [_body(service) for service in found])
        respond(resp, ServicePage(**body))

    @operation(
        "Offer a service", body=Content(NewMarketService, example=examples.NEW_SERVICE), answers={201: ServiceBody}
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewMarketService)
        kind = KIND_ASKED[sent.booking_type]
        fields = convert({**DEFAULTS, **sent_fields(sent)}, ServiceFields)
        principal: Principal = req.context.principal
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            owner_id = await owner_for(connection, principal)
            id_ = await marketplace_services.create(
                connection, fields, kind=kind, currency=sent.currency, owner_id=owner_id
            )
            if owner_id is not None and sent.practitioner_ids is UNSET:
                await marketplace_services.set_practitioners(connection, id_, [owner_id])
            await _set_links(connection, id_, kind, sent, principal, owner_id)
            made = await marketplace_services.one(connection, id_)
            await note_change(req, connection, "service.created", id_, None, _body(made), whose=made.owner_user_id)
        respond(resp, _body(made), 201)


class OneService:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Show a service", answers={200: ServiceBody}, refuses=("not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            service = await marketplace_services.one(connection, service_id)
        respond(resp, _body(service))

    @operation(
        "Change a service",
        body=Content(ServiceChange, example=examples.SERVICE_CHANGE),
        answers={200: ServiceBody},
        refuses=("not_found", "service_exists"),
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        sent = await read_json(req, ServiceChange)
        principal: Principal = req.context.principal
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            present = await marketplace_services.one(connection, service_id, locked=True)
            check_may_edit(principal, present.owner_user_id)
            values = {**asdict(_body(present)), **sent_fields(sent)}
            problems = rule_problems(NewMarketService, values)
            if values["price_cents"] == present.service.price_minor:  # a price that an older release accepted may stay
                problems = [one for one in problems if one.field != "price_cents"]
            if problems:
                raise invalid(problems)
            fields, is_active = convert(values, ServiceFields), values["is_active"]
            await marketplace_services.change(connection, service_id, fields, is_active=is_active)
            await _set_links(connection, service_id, present.service.kind, sent, principal, present.owner_id)
            after = await marketplace_services.one(connection, service_id)
            was, now = _body(present), _body(after)
            await note_change(req, connection, "service.changed", service_id, was, now, whose=after.owner_user_id)
        respond(resp, _body(after))


DEFAULTS: dict[str, Any] = {
    "description": "",
    "duration_minutes": None,
    "slot_step_minutes": None,
    "price_cents": 0,
    "credits": None,
    "valid_days": None,
}


def _body(owned: OwnedService) -> ServiceBody:
    found = owned.service
    return ServiceBody(
        id=found.id,
        name=found.name,
        description=owned.description,
        booking_type=KIND_WORDS[found.kind],
        duration_minutes=found.duration_minutes,
        slot_step_minutes=found.slot_step_minutes,
        price_cents=found.price_minor,
        currency=found.currency,
        credits=found.credits,
        valid_days=found.valid_days,
        practitioner_ids=list(found.practitioner_ids),
        service_ids=list(found.items),
        owner_id=owned.owner_id,
        is_active=found.is_active,
    )


async def _set_links(
    connection: AsyncConnection,
    service_id: int,
    kind: Kind,
    sent: ServiceChange,
    principal: Principal,
    owner_id: int | None,
) -> None:
    """Set who gives a service and what it includes, where that was sent. Raises Problem 400 or 403."""
    if not isinstance(sent.practitioner_ids, UnsetType):
        if not principal.is_staff and set(sent.practitioner_ids) - {owner_id}:
            raise forbidden()
        await marketplace_services.set_practitioners(connection, service_id, sent.practitioner_ids)
    if not isinstance(sent.service_ids, UnsetType) and kind in CAN_BE_ITEMS:
        kinds = CAN_BE_ITEMS[kind]
        if service_id in sent.service_ids:
            raise invalid([FieldProblem("service_ids", "A service cannot include itself")])
        try:
            await marketplace_services.set_items(connection, service_id, sent.service_ids, kinds)
        except UnsuitableItemError:
            words = f"Each must be a service of type {' or '.join(KIND_WORDS[one] for one in kinds)}"
            raise invalid([FieldProblem("service_ids", words)]) from None
