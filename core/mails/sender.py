"""The sender of mails about bookings: plans them from the feed, and sends each with what is true by then."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import format_datetime
from typing import ClassVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from core.calendars.calendar_file import Method, calendar_file
from core.calendars.event_component import Person, entry_of
from core.deliveries.sender import Connections, Sender
from core.identity.credentials.guest_tokens import address_token, booking_token, mail_mark, reminders_token
from core.identity.principals import hash_token
from core.mail import CalendarPart, Mail, Mailer, address_of
from core.mails.bounced_mails import message_id
from core.mails.contents import Recipient, letter_of, not_true_any_more, recipient_of
from core.mails.kinds import WITH_CALENDAR, MailKind, Role
from core.mails.languages import language
from core.mails.letters import Letter
from core.mails.planned_mails import planned_mails
from core.mails.posting import Posted, keep, post
from core.mails.templates import UNUSABLE, Rendered, Templates
from core.settings import Settings
from core.store.connections.database import Connection, database_now
from core.store.deliveries.cursors import start_sender, stop_sender
from core.store.deliveries.leases import RunLimits
from core.store.deliveries.values import Answer, Delivery, NewDelivery, dropped
from core.store.feed import FeedEvent
from core.store.mails.addresses import address_hash, count_mail, note_asked, note_bounce, read_state
from core.store.mails.facts import MailFacts, read_facts, read_payment
from core.store.mails.guest_links import make_link
from core.store.mails.kept import SENDER

log = structlog.get_logger()

THREADS = 4
"""Of one worker: a mail server takes a few connections of one client."""
LEASE_S = 240.0
"""Twice as long as a mail server may be waited for in one mail, ten seconds an answer."""
RUN_MAILS = 16
"""Taken together. All go to the same mail server, whoever they are for."""
FREE_CALLERS = frozenset({"engine"})
"""Who brings mails about by the clock, not by sending requests."""


class Due(Struct, frozen=True):
    """A mail that is to be written."""

    recipient: Recipient
    letter: Letter
    facts: MailFacts | None = None
    """Of the calendar file; without them there is none."""


class Mails(Sender):
    name: ClassVar[str] = SENDER
    threads: ClassVar[int] = THREADS
    limits = RunLimits(lease_s=LEASE_S, deliveries=RUN_MAILS, mixes_receivers=True)

    def __init__(self, settings: Settings, mailer: Mailer | None) -> None:
        """`mailer` None: mails are kept instead of being sent, and staff see them."""
        self._settings = settings
        self._mailer = mailer
        self._ours = Templates()
        self._templates = Templates(settings.mail_templates) if settings.mail_templates else self._ours
        self._from = address_of(settings.mail_from)

    def begin(self, connection: Connection) -> None:
        if self._settings.mails:
            start_sender(connection, self.name)
        else:
            stop_sender(connection, self.name)

    def plan(self, connection: Connection, events: Sequence[FeedEvent]) -> list[NewDelivery]:
        return planned_mails(connection, events, self._settings.reminders_s)

    def send(self, connections: Connections, delivery: Delivery) -> Answer:
        with connections() as connection, connection.transaction():
            due = self._due(connection, delivery)
        if isinstance(due, Answer):
            return due
        if self._mailer is None and not self._settings.demo:
            return dropped("mails are off, and no mail server is set up")
        mail, to = self._written(delivery, due), due.recipient  # it takes long at first: no transaction waits for it
        if self._mailer is None:
            with connections() as connection:
                return keep(connection, delivery, to.user_id, mail).answer
        posted: Posted = post(self._mailer, mail)
        if posted.bounce:
            with connections() as connection:
                note_bounce(connection, to.address, to.user_id, posted.bounce)
        return posted.answer

    def _due(self, connection: Connection, delivery: Delivery) -> Due | Answer:
        """What is to be written, or why nothing is. In one transaction: what it counts and notes is one commit."""
        facts = read_facts(connection, delivery.booking_id or 0)
        if facts is None or facts.is_anonymised:
            return dropped("the booking or its client is gone")
        if why := not_true_any_more(delivery, facts, database_now(connection)):
            return dropped(why)
        recipient = recipient_of(Role(delivery.data["role"]), facts)
        if recipient is None:
            return dropped("there is no address")
        if why := self._may_not(connection, delivery, recipient):
            return dropped(why)
        if recipient.is_given and not read_state(connection, recipient.address).is_confirmed:
            return self._question(connection, delivery, recipient)
        return self._about_booking(connection, delivery, facts, recipient)

    def _may_not(self, connection: Connection, delivery: Delivery, recipient: Recipient) -> str | None:
        """Why nothing goes there, if so."""
        state = read_state(connection, recipient.address)
        if recipient.is_given and not self._settings.mail_given_addresses:
            return "somebody else gave the address, and HOLDFAST_MAIL_GIVEN_ADDRESSES is off"
        if state.is_refused:
            return "the address's reader wants no mails"
        if state.is_bouncing:
            return "the mail server refused the address lately"
        if recipient.is_given and not state.is_confirmed and state.asked_by not in {None, delivery.id}:
            return "the address was asked whether it wants mails, and has not answered"
        if delivery.attempts > 1:
            return None  # it was counted at the first attempt
        caller, to = delivery.data.get("caller", ""), address_hash(recipient.address).hex()[:32]
        if caller not in FREE_CALLERS and not count_mail(connection, caller, self._settings.mails_per_caller):
            return "this caller has brought about as many mails today as it may"
        if not count_mail(connection, f"address:{to}", self._settings.mails_per_address):
            return "the address got as many mails today as it may"
        return None

    def _question(self, connection: Connection, delivery: Delivery, recipient: Recipient) -> Due:
        token = address_token(self._settings.secret_key, delivery.id, recipient.address)
        note_asked(connection, recipient.address, recipient.user_id, hash_token(token), delivery.id)
        letter = Letter(
            kind=MailKind.ADDRESS, role=Role.CLIENT, business=self._business, reference="",
            link=f"{self._settings.public_url}/guest/addresses/{token}/",
        )  # fmt: skip
        return Due(recipient, letter)

    def _about_booking(self, connection: Connection, delivery: Delivery, facts: MailFacts, recipient: Recipient) -> Due:
        booking, link = facts.booking, ""
        role = Role(delivery.data["role"])
        if role is Role.CLIENT and not facts.is_deleted:
            token = booking_token(self._settings.secret_key, booking.public_uuid, recipient.address)
            make_link(connection, hash_token(token), booking, recipient.address)
            link = f"{self._settings.public_url}/b/{token}/"
        payment = read_payment(connection, delivery.data["payment"], booking.id) if "payment" in delivery.data else None
        letter = letter_of(delivery, facts, payment, self._business, link)
        if letter.kind is MailKind.REMINDER:
            letter = replace(letter, reminders_link=self._reminders_link(recipient, role))
        return Due(recipient, letter, facts)

    def _reminders_link(self, recipient: Recipient, role: Role) -> str:
        token = reminders_token(self._settings.secret_key, recipient.user_id, role.value)
        return f"{self._settings.public_url}/guest/reminders/{token}/"

    def _written(self, delivery: Delivery, due: Due) -> Mail:
        recipient, letter, facts = due.recipient, due.letter, due.facts
        code = recipient.language or self._settings.language
        words = self._words(letter, code)
        calendar = None
        if facts is not None and letter.starts_at is not None and letter.kind in WITH_CALENDAR:
            calendar = self._calendar(facts, recipient, letter)
        headers = (
            ("Message-ID", message_id(delivery.id, self._mark(delivery, recipient), self._from.domain)),
            ("Date", format_datetime(delivery.created_at)),
            ("Auto-Submitted", "auto-generated"),
            ("Content-Language", code),
            *_unsubscribing(letter),
        )
        return Mail(recipient.address, words.subject, words.text, words.html, calendar, headers)

    def _mark(self, delivery: Delivery, recipient: Recipient) -> str:
        return mail_mark(self._settings.secret_key, delivery.id, recipient.address)

    def _words(self, letter: Letter, code: str) -> Rendered:
        """By the business's own template; by ours if that does not work, which `holdfast doctor` says too."""
        try:
            return self._templates.render(letter, code)
        except UNUSABLE as problem:
            log.exception("a replaced template cannot be used", kind=letter.kind, problem=str(problem))
            return self._ours.render(letter, code)

    def _calendar(self, facts: MailFacts, recipient: Recipient, letter: Letter) -> CalendarPart:
        is_over = letter.kind is MailKind.CANCELLATION
        entry = entry_of(
            facts.booking,
            zone=facts.zone,
            summary=letter.what or language(recipient.language or self._settings.language).say("Booking"),
            location=letter.where,
            organizer=Person(self._business, self._from.addr_spec),
            attendees=(Person("", recipient.address),),
            is_deleted=is_over,
        )
        method = Method.CANCEL if is_over else Method.REQUEST
        return CalendarPart(
            method.value, calendar_file([entry], method=method), f"{'cancel' if is_over else 'invite'}.ics"
        )

    @property
    def _business(self) -> str:
        return self._from.display_name or self._from.domain


def _unsubscribing(letter: Letter) -> tuple[tuple[str, str], ...]:
    """What mail programs make a button of (RFC 2369; one click by RFC 8058)."""
    if not letter.reminders_link:
        return ()
    return (
        ("List-Unsubscribe", f"<{letter.reminders_link}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )
