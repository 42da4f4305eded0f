"""Packages and bundles: bought once, used later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import ExpiredHolds, joined
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.command_handler import Handler
from core.domain.commands import Envelope
from core.domain.events import BookingPlaced, Event
from core.domain.ids import Ids
from core.domain.marketplace.commands import BookBundle, BookPackage, Part, Words
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.events import CreditsGranted
from core.domain.marketplace.purchases.individual_sessions import (
    find_place,
    location_needs,
    placed_details,
    session_intervals,
)
from core.domain.marketplace.purchases.purchases import (
    details_of,
    first_practitioner,
    new_purchase,
    own_practitioner,
    purchase_needs,
    require_service,
    resolve_buyer,
    with_price,
)
from core.domain.marketplace.purchases.seats import (
    find_seat,
    require_session,
    session_details,
    session_practitioner,
    under,
)
from core.domain.marketplace.values import Credit, MarketService
from core.domain.needs import Needs
from core.domain.payments.money import split
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking, Claim, ResourceTime


def book_package(state: State, envelope: Envelope, command: BookPackage, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """The parent and a child for each service included, all or nothing. A child without a time is a draft."""
    service = require_service(state, command.service_id, Kind.PACKAGE)
    user = resolve_buyer(state, envelope, command.user_id, now, ids)
    if tuple(part.service_id for part in command.parts) != service.items:
        raise Refused(Refusal.CHANGED_MEANWHILE)
    parent = _whole(state, envelope, user.id, service, command.words, now, ids)
    ways: list[ExpiredHolds] = []
    children: list[BookingPlaced] = []
    for part, share in zip(command.parts, _shares(state, service), strict=True):
        child_way, child = _child(state, envelope, parent, share, part, command, children, now, ids)
        ways.append(child_way)
        children.append(child)
    return (*joined(ways), *children, BookingPlaced(parent, ()))


def _whole(
    state: State, envelope: Envelope, user_id: int, service: MarketService, words: Words, now: datetime, ids: Ids
) -> Booking:
    """A package's or bundle's own booking, which has no time."""
    practitioner = own_practitioner(state, service)
    details = replace(details_of(service.kind, practitioner, words), is_scheduled=False)
    booking = new_purchase(envelope, user_id, service, practitioner, details, None, now, ids)
    return with_price(state, booking, service.price_minor, now)


def _shares(state: State, package: MarketService) -> list[int]:
    """Of the package's price, by what its services cost apart."""
    parts = (state.market.services.get(id_) for id_ in package.items)
    weights = [part.price_minor if part else 0 for part in parts]
    return split(package.price_minor, weights, package.currency)


def _child(
    state: State,
    envelope: Envelope,
    parent: Booking,
    share: int,
    part: Part,
    command: BookPackage,
    before: list[BookingPlaced],
    now: datetime,
    ids: Ids,
) -> tuple[ExpiredHolds, BookingPlaced]:
    service = require_service(state, part.service_id, Kind.INDIVIDUAL, Kind.WORKSHOP)
    if part.session_id is not None:
        return _seat(state, envelope, parent, share, part.session_id, service, command, before, now, ids)
    if part.starts_at is None or part.ends_at is None:
        practitioner = first_practitioner(state, service)
        details = details_of(service.kind, practitioner, command.words)
        details = replace(details, is_scheduled=False, parent_id=parent.id, share_minor=share)
        draft = new_purchase(envelope, parent.user_id, service, practitioner, details, None, now, ids)
        return (), BookingPlaced(replace(draft, status=Status.DRAFT, payment_status=PaymentStatus.NONE), ())
    if service.kind is not Kind.INDIVIDUAL:
        raise Refused(Refusal.SESSION_WANTED)
    place = find_place(state, service, part.practitioner_id, part.starts_at, part.ends_at, part.location_id, now)
    details = placed_details(details_of(service.kind, place.practitioner, command.words), place, part.location_id)
    details = replace(details, parent_id=parent.id, share_minor=share)
    span = part.starts_at, part.ends_at
    child = new_purchase(envelope, parent.user_id, service, place.practitioner, details, span, now, ids)
    child = under(parent, child)
    claims = claims_of(child)
    _clear_of(claims, before)
    return place.way, BookingPlaced(child, claims)


def _seat(
    state: State,
    envelope: Envelope,
    parent: Booking,
    share: int,
    session_id: int,
    service: MarketService,
    command: BookPackage,
    before: list[BookingPlaced],
    now: datetime,
    ids: Ids,
) -> tuple[ExpiredHolds, BookingPlaced]:
    session = require_session(state, session_id, service.id)
    way = find_seat(state, session, parent.user_id, now)
    others = (placed.booking.details for placed in before)
    if any(isinstance(other, MarketDetails) and other.session_id == session.id for other in others):
        raise Refused(Refusal.ALREADY_BOOKED)
    practitioner = session_practitioner(state, session)
    details = session_details(details_of(service.kind, practitioner, command.words), session)
    details = replace(details, parent_id=parent.id, share_minor=share)
    child = new_purchase(envelope, parent.user_id, service, practitioner, details, session.span, now, ids)
    return way, BookingPlaced(under(parent, child), ())


def _clear_of(claims: tuple[Claim, ...], before: list[BookingPlaced]) -> None:
    """Two parts of one package may be in each other's way."""
    taken = [claim for placed in before for claim in placed.claims]
    if any(
        one.resource_id == other.resource_id and one.overlaps(other.starts_at, other.ends_at)
        for one in claims
        for other in taken
    ):
        raise Refused(Refusal.SLOT_TAKEN)


def book_bundle(state: State, envelope: Envelope, command: BookBundle, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """Credits that pay as soon as the bundle itself is paid."""
    service = require_service(state, command.service_id, Kind.BUNDLE)
    user = resolve_buyer(state, envelope, command.user_id, now, ids)
    booking = _whole(state, envelope, user.id, service, command.words, now, ids)
    credit = Credit(
        booking_id=booking.id,
        user_id=user.id,
        service_ids=service.items,
        granted=service.credits or 0,
        balance=service.credits or 0,
        expires_at=now + timedelta(days=service.valid_days or 0),
        is_paid=booking.status is Status.CONFIRMED,
    )
    return (CreditsGranted(credit), BookingPlaced(booking, ()))


def _package_needs(needs: Needs, command: BookPackage) -> None:
    purchase_needs(needs, command.user_id, command.service_id)
    needs.new_bookings += len(command.parts)
    needs.market.seated.add(command.user_id)
    for part in command.parts:
        needs.market.services.add(part.service_id)
        location_needs(needs, part.location_id)
        if part.session_id is not None:
            needs.market.sessions.add(part.session_id)


def _package_intervals(state: State, command: BookPackage) -> Iterator[ResourceTime]:
    for part in command.parts:
        if part.starts_at is not None and part.ends_at is not None:
            yield from session_intervals(
                state, part.service_id, part.practitioner_id, part.starts_at, part.ends_at, part.location_id
            )


def _bundle_needs(needs: Needs, command: BookBundle) -> None:
    purchase_needs(needs, command.user_id, command.service_id)


HANDLERS = (
    Handler(
        BookPackage, book_package, _package_needs, _package_intervals, weight=lambda command: 1 + len(command.parts)
    ),
    Handler(BookBundle, book_bundle, _bundle_needs),
)
