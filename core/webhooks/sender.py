"""The sender of webhooks: plans events times endpoints, and makes signed requests, one after another to an endpoint.

An endpoint that has failed for days, or says that it wants no more (410), is disabled: with an entry in the audit log,
an event of the feed, and a mail to staff, which is a delivery of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
from msgspec import Struct, structs

from core.deliveries.sender import Connections, Gap, Sender
from core.domain.values import Booking, User
from core.mail import Mail, Mailer
from core.outbound.client import Answered, Calls, GuardedClient, Limits, NoAnswerError
from core.outbound.targets import BadTargetError, parse_target
from core.sealed_secrets import SecretBox, UnreadableSecretError
from core.settings import Settings
from core.store.audit import ENGINE_AUTHOR, AuditEntry, record
from core.store.connections.database import Connection
from core.store.deliveries.cursors import add
from core.store.deliveries.leases import RunLimits
from core.store.deliveries.reports import park_waiting
from core.store.deliveries.values import Answer, Delivery, NewDelivery, Verdict, dropped, never, sent, try_again
from core.store.feed import FeedEvent
from core.store.webhooks.endpoints import SENDER
from core.store.webhooks.recipients import (
    Receiver,
    address_of_staff,
    booking_views,
    disable,
    endpoints_wanting,
    is_failing_for,
    receiver,
    staff_to_mail,
    tell_feed,
)
from core.webhooks.attempts import GONE, body_of, verdict_on, without_person
from core.webhooks.signature import headers_for
from core.wire.feeds import BOOKING_WORDS, WEBHOOK_DISABLED
from core.wire.outcomes import encode
from core.wire.vocabulary import micros
from core.wire.webhooks import RELOAD, TEST

log = structlog.get_logger()

DISABLED_AFTER_S = 3 * 86_400.0
"""Of failing without a break."""
LEASE_SPARE_S = 5.0
"""To read before an attempt and to write after it."""
STAFF = "staff:"
"""Begins the receiver of a mail to staff; the user's id follows."""
WANTS_NO_MORE = "the endpoint answered 410"


IS_DISABLED = "the endpoint is disabled"


class _Line(Struct, frozen=True):
    """An endpoint as a run reaches it."""

    to: Receiver
    calls: Calls | None
    secrets: Sequence[str]
    why_not: Answer = Answer(Verdict.AGAIN, "not sent")
    """The answer to all, where there are no calls."""


class WebhookSender(Sender):
    name = SENDER

    def __init__(
        self,
        box: SecretBox,
        client: GuardedClient,
        mailer: Mailer | None,
        *,
        loopback: bool = False,
        disabled_after_s: float = DISABLED_AFTER_S,
        public_url: str = "",
    ) -> None:
        self.limits = RunLimits(lease_s=2 * client.total_s + LEASE_SPARE_S)
        self._box = box
        self._client = client
        self._mailer = mailer
        self._loopback = loopback
        self._disabled_after_s = disabled_after_s
        self._public_url = public_url

    def plan(self, connection: Connection, events: Sequence[FeedEvent]) -> list[NewDelivery]:
        told = [event for event in events if event.type in BOOKING_WORDS and event.booking_id is not None]
        if not told:
            return []
        wanting = endpoints_wanting(connection)
        return [
            NewDelivery(str(id_), event.type, {"at": micros(event.at)}, event=event, booking_id=event.booking_id)
            for event in told
            for id_, types in wanting
            if event.type in types
        ]

    def plan_gap(self, connection: Connection, gap: Gap) -> list[NewDelivery]:
        what = {"at": micros(datetime.now(UTC)), "why": gap.why, "position": str(gap.position)}
        key = f"{gap.why} {gap.position}"
        return [NewDelivery(str(id_), RELOAD, what, key=key) for id_, _ in endpoints_wanting(connection)]

    def happened(self, delivery: Delivery) -> datetime:
        return datetime.fromisoformat(delivery.data["at"]) if "at" in delivery.data else delivery.created_at

    def send(self, connections: Connections, delivery: Delivery) -> Answer:
        with self.sending(connections, [delivery]) as send:
            return send(delivery)

    @contextmanager
    def sending(
        self, connections: Connections, deliveries: Sequence[Delivery]
    ) -> Iterator[Callable[[Delivery], Answer]]:
        """Read once for a run, which goes to one receiver over one connection."""
        key = deliveries[0].receiver
        if key.startswith(STAFF):
            yield partial(self._mail_staff, connections)
            return
        with connections() as connection:
            to = receiver(connection, int(key))
            views = booking_views(connection, {one.booking_id for one in deliveries if one.booking_id is not None})
        if to is None:
            yield lambda _: dropped("the endpoint was deleted")
            return
        with ExitStack() as stack:
            line = self._line(to, stack)
            yield lambda one: self._deliver(one, line, None if one.booking_id is None else views.get(one.booking_id))

    def _line(self, to: Receiver, stack: ExitStack) -> _Line:
        """How an endpoint is reached, until the stack ends; or why it is not."""
        try:
            calls = stack.enter_context(self._client.calls(parse_target(to.url, loopback=self._loopback)))
            return _Line(to, calls, self._secrets(to))
        except UnreadableSecretError:
            words = "its secret was sealed with another HOLDFAST_SECRET_KEY: rotate it, then redeliver"
            return _Line(to, None, (), try_again(words, is_receivers_fault=False))
        except BadTargetError as problem:
            return _Line(to, None, (), try_again(f"not sent: {problem}"))

    def _deliver(self, delivery: Delivery, line: _Line, view: tuple[Booking, User] | None) -> Answer:
        if line.to.is_disabled and delivery.type != TEST:
            return never(IS_DISABLED)
        body = body_of(delivery.type, delivery.data, view)
        if body is None:
            return dropped("nothing is kept of the booking")
        answer = self._post(delivery, line, encode(body))
        if answer.detail and "excerpt" in answer.detail:
            answer.detail["excerpt"] = without_person(answer.detail["excerpt"], view)
        return answer

    @staticmethod
    def _post(delivery: Delivery, line: _Line, body: bytes) -> Answer:
        detail: dict[str, Any] = {"url": line.to.url}
        if line.calls is None:
            return structs.replace(line.why_not, detail=detail)
        now = datetime.now(UTC)
        try:
            headers = headers_for(str(delivery.id), now, body, line.secrets)
            answered = line.calls.post({"Content-Type": "application/json", **headers}, body)
        except NoAnswerError as problem:
            return try_again(str(problem), detail=detail)
        return verdict_on(answered, now, detail | _answer_in(answered))

    def _secrets(self, to: Receiver) -> list[str]:
        """The newest first."""
        return [self._box.open(one) for one in (to.sealed_secret, to.sealed_previous) if one is not None]

    def reported(self, connection: Connection, delivery: Delivery, answer: Answer) -> None:
        """Disable an endpoint that wants no more, or that has failed for too long."""
        if delivery.receiver.startswith(STAFF) or answer.verdict in {Verdict.SENT, Verdict.DROPPED}:
            return
        id_ = int(delivery.receiver)
        if (answer.detail or {}).get("status") == GONE:
            why = WANTS_NO_MORE
        elif is_failing_for(connection, id_, self._disabled_after_s):
            why = f"every attempt of {_days(self._disabled_after_s)} failed, the last with: {answer.words}"
        else:
            return
        if disable(connection, id_, why):
            park_waiting(connection, SENDER, delivery.receiver, IS_DISABLED)
            self._tell(connection, id_, why)

    def _tell(self, connection: Connection, id_: int, why: str) -> None:
        log.warning("webhook disabled", webhook=id_, why=why)
        after = {"is_enabled": False, "why": why}
        record(
            connection,
            AuditEntry(ENGINE_AUTHOR, "webhook.disabled", f"webhook:{id_}", {"is_enabled": True}, after),
        )
        tell_feed(connection, WEBHOOK_DISABLED, id_, why)
        if self._mailer is not None:
            what = {"webhook": id_, "why": why}
            add(
                connection,
                SENDER,
                [NewDelivery(f"{STAFF}{user}", WEBHOOK_DISABLED, what) for user in staff_to_mail(connection)],
            )

    def _mail_staff(self, connections: Connections, delivery: Delivery) -> Answer:
        with connections() as connection:
            address = address_of_staff(connection, int(delivery.receiver.removeprefix(STAFF)))
        if address is None or self._mailer is None:
            return dropped("nobody to mail to")
        text = DISABLED_MAIL.format(public_url=self._public_url, **delivery.data)
        try:
            self._mailer.send(Mail(address, f"Webhook {delivery.data['webhook']} is disabled", text))
        except OSError as problem:
            return try_again(f"the mail server: {type(problem).__name__}")
        return sent("mailed")


DISABLED_MAIL = """Holdfast sends nothing more to webhook {webhook}.

The reason: {why}.

What it missed stands in its delivery log. When it works again, enable it (PATCH {public_url}/api/admin/webhooks/{webhook}/
with {{"is_enabled": true}}), then send again what was given up on
(POST {public_url}/api/admin/webhooks/{webhook}/redeliver/).
"""


def _answer_in(answered: Answered) -> dict[str, Any]:
    return {"status": answered.status, "excerpt": answered.excerpt}


def _days(seconds: float) -> str:
    return f"{seconds / 86_400:g} days"


def webhook_sender(settings: Settings, mailer: Mailer | None) -> WebhookSender:
    """As a delivery worker has it."""
    return WebhookSender(
        SecretBox(settings.secret_key, settings.secret_key_previous),
        GuardedClient(loopback=settings.webhooks_loopback, limits=Limits.within(settings.webhook_timeout_s)),
        mailer,
        loopback=settings.webhooks_loopback,
        disabled_after_s=settings.delivery_retry_s,
        public_url=settings.public_url,
    )
