"""What every purchase has in common: who buys what, with which credit, and the booking it becomes."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from core.domain.bookings.holds import check_hold_limit, held
from core.domain.bookings.people import resolve_person
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import Envelope, PersonById
from core.domain.ids import Ids
from core.domain.marketplace.commands import Words
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.values import Credit, Location, MarketService, Practitioner
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import local
from core.domain.state import State
from core.domain.values import Booking, User

_MINUTE = timedelta(minutes=1)


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
    first = next((one for one in found if one and one.is_active), None)
    if first is None:
        raise Refused(Refusal.PRACTITIONER_NOT_FOUND)
    return first


def require_location(state: State, location_id: int) -> Location:
    location = state.market.locations.get(location_id)
    if location is None or not location.is_active:
        raise Refused(Refusal.LOCATION_NOT_FOUND)
    return location


def matching_credit(state: State, user_id: int, service_id: int, now: datetime) -> Credit | None:
    """The soonest to expire of those that pay for a service (contracts page, "What is claimed")."""
    fitting = [credit for credit in state.market.credits.of(user_id) if credit.pays_for(service_id, now)]
    return min(fitting, key=lambda credit: (credit.expires_at, credit.booking_id), default=None)


def new_booking(
    envelope: Envelope,
    user_id: int,
    service: MarketService,
    practitioner: Practitioner,
    details: MarketDetails,
    interval: tuple[datetime, datetime] | None,
    now: datetime,
    ids: Ids,
) -> Booking:
    """A booking without a price yet. Without an interval its times say only when it was made, and end then,
    so that the clock never moves it (core.domain.bookings.clock).
    """
    starts_at, ends_at = interval or (now - timedelta(minutes=service.minutes), now)
    begins = local(starts_at, practitioner.zone)
    return Booking(
        id=ids.booking(),
        public_uuid=ids.uuid(),
        contract="marketplace",
        user_id=user_id,
        service_id=service.id,
        service_name=service.name,
        resource_id=practitioner.resource_id,
        starts_at=starts_at,
        ends_at=ends_at,
        local_date=begins.date(),
        local_time=begins.time().replace(microsecond=0),
        duration_minutes=(ends_at - starts_at) // _MINUTE,
        status=Status.CONFIRMED,
        payment_status=PaymentStatus.NONE,
        notes="",
        version=1,
        created_at=now,
        updated_at=now,
        command_id=envelope.id,
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
    """Held until it is paid, or confirmed where it costs nothing. Raises `Refused` for one hold too many."""
    found = held(replace(booking, price_minor=price_minor), now, state.policy)
    if found.status is Status.HELD:
        check_hold_limit(state, booking.user_id, now)
    return found
