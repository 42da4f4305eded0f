"""`client_secret`s: fetched from Stripe for each answer to the intent's owner, and kept nowhere."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import structlog

from api.commands.outcome_waiter import Answer
from api.payments.intents import not_set_up, provider_away
from core.payments.provider import PaymentProvider, PaymentsError
from core.wire.contracts.payments import intent_of, revealed

log = structlog.get_logger()

CALLS_AT_ONCE = 8
CALLS_WAITING_MAX = 64
"""More would wait longer than any client does."""


class ClientSecrets:
    def __init__(self, payments: PaymentProvider) -> None:
        self._payments = payments
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="client-secrets")
        self._under_way = 0

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def reveal(self, answer: Answer) -> Answer:
        """The answer with its secret. Raises Problem 503: the intent exists, and its secret can be fetched later."""
        if answer.status != 201:  # noqa: PLR2004 - a refusal has no secret
            return answer
        return Answer(answer.status, revealed(answer.body, await self._fetch(intent_of(answer.body))))

    async def _fetch(self, intent_id: str) -> str:
        if self._under_way >= CALLS_WAITING_MAX:
            raise provider_away()
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            asked = copy_context().run  # the call belongs to the request's trace
            return await loop.run_in_executor(self._threads, asked, self._payments.client_secret, intent_id)
        except PaymentsError as problem:
            log.warning("no client_secret from stripe", intent_id=intent_id, problem=str(problem))
            raise provider_away() from None
        finally:
            self._under_way -= 1


async def nothing_to_reveal(answer: Answer) -> Answer:
    """Where payments are not set up any more, an intent of earlier has no secret to show."""
    if answer.status == 201:  # noqa: PLR2004 - as above
        raise not_set_up()
    return answer
