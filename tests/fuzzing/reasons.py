"""Failures that are none, each with its written reason. What is not here fails the run.

All but one are of one kind: data that fits its schema and is refused (positive_data_acceptance). A
schema says what a value looks like, not what is stored, who asks, or how two fields agree. Each such
refusal is a 400 in the one error shape that names its fields; every sentence of it must be here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from schemathesis import Case
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import RejectedPositiveData

SENTENCES: Mapping[str, str] = {
    r"cannot be changed": "What is only read may come back unchanged; a schema does not know its present value",
    r"Expected int.*, got float": "JSON Schema takes 5.0 for an integer; we read integers written as integers",
    r"^Missing required field: user_id$": "A stranger has to say for whom; who is signed in books for themselves",
    r"^Invalid date format$| must be a time such as|^Holdfast-Expires-At must be": "A pattern does not know the calendar: 31 February",
    r"^A username cannot be (blank|a phone number)$": "A pattern does not know phone numbers",
    r"^Passwords do not match$|^A password cannot be the account's own name$": "Two fields must (not) be equal",
    r"must be later than |must not be before |must end after it starts$|must each end after they start": "Two fields must be in order",
    r"^A closure may last|^A time slot may last|^A pattern may span": "A span may be so long and no longer",
    r"^No slot of that duration fits|^None of these weekdays lies between|^The slot is longer than the room": (
        "A pattern must yield something"
    ),
    r"^A whole day would cost more|^This is no amount that can be charged|^Not an amount of ": (
        "An amount must be one that its currency has"
    ),
    r"^Only a bundle has credits$|^Missing required field: (duration_minutes|credits|seats|service_ids)$": (
        "What a service needs depends on its type"
    ),
    r"^That resource's time zone is|^A shared resource keeps its own time zone$": "A resource's zone is stored",
    r"^A username that is a phone number must be the account's own phone$": "A number belongs to one person",
    r"^(category|country|categories) must be one of|^There is no such \w+$": "What there is to choose from is stored",
    r"^This is not the current password$": "The present password cannot be generated",
}
"""Of refusals with the code `invalid`: what they say, and why that is right."""

CODES: Mapping[str, str] = {
    "idempotency_key_reused": "A key names one request: another one with the same key is refused",
    "invalid_idempotency_key": "Strangers need a longer key; a schema does not know who asks",
    "off_day": "The shop's or the room's days decide (400 by the contracts page)",
    "outside_working_hours": "The shop's or the room's hours decide (400 by the contracts page)",
    "off_grid": "The room's grid decides (400 by the contracts page)",
    "too_many_guests": "The room's capacity decides",
    "local_time_skipped": "The clocks skip an hour",
    "bad_reset_token": "A mailed token cannot be generated",
    "bad_webhook": "Stripe's signature cannot be generated",
    "unreadable_body": "JSON Schema does not know lines of JSON or CSV",
    "malformed_row": "JSON Schema does not know lines of JSON or CSV",
    "empty_body": "JSON Schema does not know lines of JSON or CSV",
    "email_taken": "Taken names are a 400 at registration (the contracts page)",
    "username_taken": "Taken names are a 400 at registration (the contracts page)",
    "not_a_token": "Only an API token revokes itself, and the run comes with logins",
}
"""Refusals with a code of their own."""

EMPTY_PARAMETER = "An empty parameter counts as not sent, and is described so (allowEmptyValue)"


def reason_for(failure: Failure, _case: Case[Any], response: Response) -> str | None:
    """Why this is none, or None if it is a failure."""
    if isinstance(failure, RejectedPositiveData):
        return _why_refused(json.loads(response.content))
    if isinstance(failure, AcceptedNegativeData) and "in query" in failure.message:
        sent = parse_qsl(urlsplit(response.request.url or "").query, keep_blank_values=True)
        return EMPTY_PARAMETER if "" in dict(sent).values() else None
    return None


def _why_refused(body: Any) -> str | None:
    if body["code"] != "invalid":
        return CODES.get(body["code"])
    whys = [_why_said(problem["message"]) for problem in body["errors"]]
    return "; ".join(why for why in whys if why) if all(whys) else None


def _why_said(sentence: str) -> str | None:
    return next((why for words, why in SENTENCES.items() if re.search(words, sentence)), None)
