"""What a mail about a booking says and to whom it goes, from the booking as it is by then: pure."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.marketplace.details import MarketDetails
from core.domain.values import Booking
from core.mails.kinds import ABOUT, ABOUT_MONEY, MailKind, Role
from core.mails.letters import Letter, plain
from core.store.deliveries.values import Delivery
from core.store.mails.facts import MailFacts, PaymentFacts

UNUSABLE = frozenset({"late_payment", "already_booked", "paid_twice", "amount_mismatch"})
"""Why money goes back that paid for nothing (`core.domain.payments.received`)."""


class Recipient(Struct, frozen=True):
    user_id: int
    address: str
    is_given: bool = False
    """Somebody else gave the address: its reader has not asked for mails."""
    language: str = ""
    """"" where the person chose none."""


def not_true_any_more(delivery: Delivery, facts: MailFacts, now: datetime) -> str | None:
    """Why a mail says nothing that is true by now, if so."""
    kind, booking = MailKind(delivery.type), facts.booking
    if kind in ABOUT_MONEY:
        return None
    is_deleted = facts.is_deleted and kind is not MailKind.CANCELLATION
    if is_deleted or not (facts.is_deleted or booking.status in ABOUT[kind]):
        return "the booking has gone on since; the next mail says so"
    if booking.ends_at <= now and has_time(booking):
        return "its time is over"
    if kind in {MailKind.OFFER, MailKind.HOLD_ENDS}:
        return _not_held_any_more(delivery, booking, now)
    return _not_to_be_reminded(delivery, facts, now) if kind is MailKind.REMINDER else None


def _not_held_any_more(delivery: Delivery, booking: Booking, now: datetime) -> str | None:
    if booking.hold_expires_at is None or booking.hold_expires_at <= now:
        return "the hold has ended"
    if booking.payment_status is PaymentStatus.PROCESSING:
        return "its payment is under way"
    told = delivery.data.get("held_until")
    if told is not None and datetime.fromisoformat(told) != booking.hold_expires_at:
        return "the hold is longer by now"
    return None


def _not_to_be_reminded(delivery: Delivery, facts: MailFacts, now: datetime) -> str | None:
    if datetime.fromisoformat(delivery.data["starts_at"]) != facts.booking.starts_at:
        return "the booking was moved; the reminder follows its new time"
    if facts.booking.starts_at <= now:
        return "it comes too late: the booking has begun"
    is_client = Role(delivery.data["role"]) is Role.CLIENT
    if not (facts.client_reminders if is_client else facts.practitioner_reminders):
        return "its reader wants no reminders"
    return None


def has_time(booking: Booking) -> bool:
    return not isinstance(booking.details, MarketDetails) or booking.details.is_scheduled


def recipient_of(role: Role, facts: MailFacts) -> Recipient | None:
    if role is Role.PRACTITIONER:
        address = facts.practitioner_email
        spoken = facts.practitioner_language
        return Recipient(facts.practitioner_user_id, address, language=spoken) if address else None
    client, spoken = facts.client, facts.client_language
    if facts.login_email:
        return Recipient(client.id, facts.login_email, language=spoken)
    return Recipient(client.id, facts.given_email, is_given=True, language=spoken) if facts.given_email else None


def letter_of(delivery: Delivery, facts: MailFacts, payment: PaymentFacts | None, business: str, link: str) -> Letter:
    booking, role, scheduled = facts.booking, Role(delivery.data["role"]), has_time(facts.booking)
    client = f"{facts.client.first_name} {facts.client.last_name}"
    return Letter(
        kind=MailKind(delivery.type),
        role=role,
        business=business,
        reference=str(booking.id),
        starts_at=booking.starts_at if scheduled else None,
        ends_at=booking.ends_at if scheduled else None,
        zone=facts.zone,
        what=plain(facts.what),
        who=plain(facts.practitioner_name if role is Role.CLIENT else client),
        where=plain(facts.where),
        price_minor=booking.price_minor,
        back_minor=facts.back_minor,
        paid_minor=payment.received_minor if payment else 0,
        refunded_minor=delivery.data.get("refunded_minor", 0),
        is_unusable=payment is not None and payment.refund_reason in UNUSABLE,
        held_until=booking.hold_expires_at if booking.status is Status.HELD else None,
        currency=payment.currency if payment else booking.currency,
        link=link,
    )
