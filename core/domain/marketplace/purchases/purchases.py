"""What every purchase has in common: who buys what, with which credit, and the booking it becomes."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from core.domain.bookings.holds import held
from core.domain.bookings.new_booking import new_booking
from core.domain.bookings.people import resolve_person
from core.domain.commands import Envelope, PersonById
from core.domain.ids import Ids
from core.domain.marketplace.commands import Words
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.values import Credit, Location, MarketService, Practitioner
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused, require
from core.domain.resources.local_time import Span, local
from core.domain.state import State
from core.domain.values import Booking, User


def resolve_buyer(state: State, envelope: Envelope, user_id: int, now: datetime, ids: Ids) -> User:
    return resolve_person(state, PersonById(user_id), envelope.actor, now, ids)[0]


def require_service(state: State, service_id: int, *kinds: Kind) -> MarketService:
    service = state.market.services.get(service_id)
    if service is None or not service.is_active or service.kind not in kinds:
        raise Refused(Refusal.SERVICE_NOT_FOUND)
    return service


def first_practitioner(state: State, service: MarketService) -> Practitioner:
    """Whose appointment a purchase without a practitioner of its own is: the first who gives it."""
    found = (state.market.practitioners.get(id_) for id_ in service.practitioner_ids)
    first = next((practitioner for practitioner in found if practitioner and practitioner.is_active), None)
    return require(first, Refusal.PRACTITIONER_NOT_FOUND)


def own_practitioner(state: State, service: MarketService) -> Practitioner:
    """Whose appointment a package or bundle is: the first who gives it, or its first part that anybody gives."""
    if service.practitioner_ids:
        return first_practitioner(state, service)
    parts = (state.market.services.get(id_) for id_ in service.items)
    first = next((part for part in parts if part is not None and part.practitioner_ids), None)
    return first_practitioner(state, require(first, Refusal.PRACTITIONER_NOT_FOUND))


def require_location(state: State, location_id: int) -> Location:
    location = state.market.locations.get(location_id)
    if location is None or not location.is_active:
        raise Refused(Refusal.LOCATION_NOT_FOUND)
    return location


def matching_credit(state: State, user_id: int, service_id: int, now: datetime) -> Credit | None:
    """The soonest to expire of those that pay for a service (docs/contracts/marketplace.md)."""
    fitting = [credit for credit in state.market.credits.of(user_id) if credit.pays_for(service_id, now)]
    return min(fitting, key=lambda credit: (credit.expires_at, credit.booking_id), default=None)


def new_purchase(
    envelope: Envelope,
    user_id: int,
    service: MarketService,
    practitioner: Practitioner,
    details: MarketDetails,
    span: Span | None,
    now: datetime,
    ids: Ids,
) -> Booking:
    """A booking without a price yet. Without a span its times say only when it was made, and end then, so that the
    clock never changes it (`core.domain.bookings.clock`).
    """
    span = span or (now - timedelta(minutes=service.minutes), now)
    begins = local(span[0], practitioner.zone)
    return new_booking(
        envelope,
        now,
        ids,
        contract="marketplace",
        user_id=user_id,
        service_id=service.id,
        service_name=service.name,
        resource_id=practitioner.resource_id,
        span=span,
        local_date=begins.date(),
        local_time=begins.time().replace(microsecond=0),
        currency=service.currency,
        details=details,
    )


def details_of(kind: Kind, practitioner: Practitioner, words: Words) -> MarketDetails:
    return MarketDetails(
        kind=kind,
        practitioner_id=practitioner.id,
        practitioner_user_id=practitioner.user_id,
        timezone=words.timezone,
        title=words.title,
        description=words.description,
        client_notes=words.client_notes,
    )


def with_price(state: State, booking: Booking, price_minor: int, now: datetime) -> Booking:
    """Held until it is paid, or confirmed if it costs nothing. Raises `Refused` as `held` does."""
    return held(state, replace(booking, price_minor=price_minor), now)


def paid_by_credit(
    state: State, details: MarketDetails, user_id: int, service: MarketService, now: datetime
) -> MarketDetails:
    """The details with the credit that pays for the booking, if the buyer has one."""
    credit = matching_credit(state, user_id, service.id, now)
    if credit is None:
        return details
    return replace(details, credit_id=credit.booking_id, discount_minor=service.price_minor)


def purchase_needs(needs: Needs, user_id: int, service_id: int) -> None:
    """What every purchase needs: the service, the buyer with their holds, and the id of a booking."""
    needs.market.services.add(service_id)
    needs.users.add(user_id)
    needs.holders.add(user_id)
    needs.new_bookings += 1
