"""Stripe behind the `PaymentProvider` port, by its official SDK.

Nothing is retried here: the caller knows how long it has waited, and how long it may.
`StripeObject` is no dict (SDK 15 and later): fields are read as attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, TypeVar
from uuid import UUID

import stripe

from core.domain.payments.values import IntentStatus, RefundStatus
from core.payments.provider import (
    Intent,
    IntentMissingError,
    IntentOrder,
    ListedIntent,
    ListedRefund,
    PaymentsAwayError,
    PaymentsError,
    PaymentsRefusedError,
    ProviderTotals,
    Refund,
    RefundOrder,
)
from core.tracing import spans
from core.tracing.spans import SpanKind

T = TypeVar("T")

STRIPE_VERSION = "2026-10-28.endive"
"""Of Stripe's API: the one that the pinned SDK was made for. Raise both together."""
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0
"""Longer than Stripe usually takes, shorter than a worker may be stopped."""

PAGE_MAX = 100
"""The most that Stripe lists at once: far more than one intent has refunds."""
PAGES_MAX = 10
"""Pages of intents that are searched for one: more than Stripe takes in a minute."""
CLOCKS_APART_S = 300
"""The most by which Stripe's clock and the database's may differ."""

PAYMENT_METADATA = "holdfast_payment"
BOOKING_METADATA = "holdfast_booking"
REFUND_METADATA = "holdfast_refund"
"""What ties an intent to us, so that an event that overtakes its own creation is understood."""

DIGITS_MAX = 18
"""Of a refund's number, or a booking's."""

NOT_FOUND = 404
"""With the code `resource_missing`, which stand-ins leave out."""


class StripePayments:
    """One account. Safe to share between threads: each has a connection of its own."""

    def __init__(self, secret_key: str, api_base: str, method_types: tuple[str, ...]) -> None:
        self._secret_key = secret_key
        self._api_base = api_base
        self._method_types = list(method_types)

    @cached_property
    def _client(self) -> stripe.StripeClient:
        """Made for the first call: it imports requests."""
        return stripe.StripeClient(
            self._secret_key,
            stripe_version=STRIPE_VERSION,
            base_addresses={"api": self._api_base},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)),
        )

    @property
    def _intents(self) -> stripe.PaymentIntentService:
        return self._client.v1.payment_intents

    @property
    def _refunds(self) -> stripe.RefundService:
        return self._client.v1.refunds

    def ping(self) -> None:
        with suppress(PaymentsRefusedError):
            self.intent("pi_nobody")

    def create_intent(self, order: IntentOrder) -> Intent:
        if order.was_asked is not None and (found := self._intent_of(order, order.was_asked)) is not None:
            return found
        params: Any = {
            "amount": order.amount_minor,
            "currency": order.currency,
            "payment_method_types": self._method_types,
            "metadata": {PAYMENT_METADATA: str(order.payment_id), BOOKING_METADATA: str(order.booking_id)},
        }
        return _intent(
            _asked("payment_intents.create", lambda: self._intents.create(params, {"idempotency_key": order.key}))
        )

    def _intent_of(self, order: IntentOrder, since: datetime) -> Intent | None:
        """The intent that an earlier call made for this payment, if it can still be used."""
        last: str | None = None
        for _ in range(PAGES_MAX):
            params: Any = {"limit": PAGE_MAX} | ({"starting_after": last} if last else {})
            page = _asked("payment_intents.list", partial(self._intents.list, params))
            for one in page.data:
                if _payment_id(_metadata(one)) == order.payment_id and one.status != IntentStatus.CANCELED:
                    return _intent(one)
            if not page.has_more or page.data[-1].created < since.timestamp() - CLOCKS_APART_S:
                return None
            last = page.data[-1].id
        return None

    def intent(self, intent_id: str) -> Intent:
        return _intent(_asked("payment_intents.retrieve", lambda: self._intents.retrieve(intent_id)))

    def cancel_intent(self, intent_id: str) -> Intent:
        """Without an idempotency key: a refusal kept under it would come back when it is out of date."""
        try:
            return _intent(_asked("payment_intents.cancel", lambda: self._intents.cancel(intent_id)))
        except IntentMissingError:
            raise
        except PaymentsRefusedError:
            return self.intent(intent_id)

    def refund(self, order: RefundOrder) -> Refund:
        params: Any = {
            "payment_intent": order.intent_id,
            "amount": order.amount_minor,
            "metadata": {PAYMENT_METADATA: str(order.payment_id), REFUND_METADATA: str(order.number)},
        }
        if (known := order.refund_id) is not None:
            return _refund(_asked("refunds.retrieve", lambda: self._refunds.retrieve(known)))
        if order.was_asked and (found := self._refund_of(order)) is not None:
            return found
        try:
            return _refund(
                _asked("refunds.create", lambda: self._refunds.create(params, {"idempotency_key": order.key}))
            )
        except PaymentsRefusedError:
            if (found := self._refund_of(order)) is None:
                raise
            return found
        except PaymentsAwayError as problem:
            if not problem.replayed or (found := self._refund_of(order)) is None:
                raise
            return found

    def _refund_of(self, order: RefundOrder) -> Refund | None:
        """The refund that an earlier call made under this number; a failed one only if there is no other."""
        found = [one for one in self._refunds_of(order.intent_id) if _number(one) == (order.payment_id, order.number)]
        best = min(found, key=lambda one: one.status in _CAME_TO_NOTHING, default=None)
        return None if best is None else _refund(best)

    def books(self, intent_id: str) -> ProviderTotals:
        try:
            received = self.intent(intent_id).received_minor
        except IntentMissingError:
            return ProviderTotals(0, 0)
        return ProviderTotals(received, self.refunded_minor(intent_id) if received else 0)

    def refunded_minor(self, intent_id: str) -> int:
        """The sum of those that succeeded or are on their way."""
        return sum(one.amount for one in self._refunds_of(intent_id) if one.status not in _CAME_TO_NOTHING)

    def _refunds_of(self, intent_id: str) -> list[stripe.Refund]:
        params: Any = {"payment_intent": intent_id, "limit": PAGE_MAX}
        return list(_asked("refunds.list", lambda: self._refunds.list(params)).data)

    def intents_since(self, since: datetime) -> Iterator[ListedIntent]:
        for one in _listed_since(self._intents.list, since):
            if _payment_id(metadata := _metadata(one)) is not None:
                yield ListedIntent(_intent(one), _whole(metadata.get(BOOKING_METADATA)), _time(one.created))

    def refunds_since(self, since: datetime) -> Iterator[ListedRefund]:
        for one in _listed_since(self._refunds.list, since):
            intent = one.payment_intent
            if one.status not in _CAME_TO_NOTHING and intent is not None:
                intent_id = intent if isinstance(intent, str) else intent.id
                yield ListedRefund(intent_id, one.amount, _time(one.created))

    def client_secret(self, intent_id: str) -> str:
        secret = _asked("payment_intents.retrieve", lambda: self._intents.retrieve(intent_id)).client_secret
        if secret is None:
            raise PaymentsRefusedError("no_client_secret", "the intent has no client_secret")
        return secret


def _listed_since(listed: Callable[[Any], Any], since: datetime) -> Iterator[Any]:
    """What was made since then, page by page: Stripe lists the latest first. Stand-ins know no filter by time."""
    last: str | None = None
    while True:
        params: Any = {"limit": PAGE_MAX} | ({"starting_after": last} if last else {})
        page = _asked("list", partial(listed, params))
        new = [one for one in page.data if one.created >= since.timestamp()]
        yield from new
        if not page.has_more or not new:
            return
        last = page.data[-1].id


_SENT_AND_NOT_ANSWERED = "ReadTimeout"
"""Of `requests`, which is the SDK's own dependency."""


def _asked(what: str, call: Callable[[], T]) -> T:
    """Stripe's answer. Its errors become ours, by what is to be done about each. `what` is in Stripe's words."""
    span = spans.begin(f"stripe {what}", SpanKind.CLIENT)
    try:
        answer = _translated(call)
    except PaymentsError as problem:
        spans.end(span, type(problem).__name__)
        raise
    spans.end(span)
    return answer


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except stripe.RateLimitError as problem:
        raise PaymentsAwayError(_reason(problem), ours=False) from None
    except stripe.InvalidRequestError as problem:
        kind = IntentMissingError if problem.http_status == NOT_FOUND else PaymentsRefusedError
        raise kind(problem.code or "invalid_request", str(problem.user_message)) from None
    except stripe.CardError as problem:
        raise PaymentsRefusedError(problem.code or "card_error", str(problem.user_message)) from None
    except stripe.IdempotencyError as problem:  # a setting changed between two tries
        raise PaymentsAwayError(_reason(problem), replayed=True, ours=False) from None
    except stripe.StripeError as problem:  # no connection, 5xx, a key in use, credentials that a person must correct
        replayed, under_way = _is_replayed(problem), type(problem.__cause__).__name__ == _SENT_AND_NOT_ANSWERED
        raise PaymentsAwayError(_reason(problem), replayed=replayed, under_way=under_way) from None


def _reason(problem: stripe.StripeError) -> str:
    """One line without the request: it goes into logs."""
    status = f" {problem.http_status}" if problem.http_status else ""
    return f"{type(problem).__name__}{status}"


def _is_replayed(problem: stripe.StripeError) -> bool:
    headers = problem.headers or {}
    return any(name.lower() == "idempotent-replayed" and value == "true" for name, value in headers.items())


def _intent(found: stripe.PaymentIntent) -> Intent:
    return intent_of(found.to_dict())


def intent_of(found: dict[str, Any]) -> Intent:
    """A PaymentIntent's JSON as a value, from an answer or a webhook.

    Raises KeyError, TypeError or ValueError if it is none.
    """
    error = found.get("last_payment_error")
    status = IntentStatus(found["status"])
    return Intent(
        id=str(found["id"]),
        status=status,
        amount_minor=int(found["amount"]),
        received_minor=_received(found, status),
        currency=str(found["currency"]),
        decline=_decline(error) if error else None,
        payment_id=_payment_id(found.get("metadata") or {}),
    )


def _received(found: dict[str, Any], status: IntentStatus) -> int:
    """Stand-ins that leave `amount_received` out took the whole amount."""
    whole = found["amount"] if status is IntentStatus.SUCCEEDED else 0
    return int(found.get("amount_received", whole))


def _decline(error: dict[str, Any]) -> str:
    return str(error.get("decline_code") or error.get("code") or "declined")


def _payment_id(metadata: dict[str, Any]) -> UUID | None:
    try:
        return UUID(str(metadata[PAYMENT_METADATA]))
    except (KeyError, ValueError):
        return None


_CAME_TO_NOTHING = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})


def _number(found: stripe.Refund) -> tuple[UUID | None, int | None]:
    """(payment, number) of a refund that we made."""
    metadata = _metadata(found)
    return _payment_id(metadata), _whole(metadata.get(REFUND_METADATA))


def _whole(raw: object) -> int | None:
    text = str(raw)
    return int(text) if text.isascii() and text.isdigit() and len(text) < DIGITS_MAX else None


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _metadata(found: stripe.Refund | stripe.PaymentIntent) -> dict[str, Any]:
    return dict(found.metadata.to_dict()) if found.metadata else {}


def _refund(found: stripe.Refund) -> Refund:
    return Refund(found.id, RefundStatus(found.status or RefundStatus.PENDING), found.amount)
