"""Failures that are none, each with its written reason. What is not here fails the run.

Nearly all are of one kind: data that fits its schema and is refused (positive_data_acceptance). A
schema says what a value looks like, not what is stored, who asks, or how two fields agree. Each such
refusal is a 400 in the one error shape that names its fields; every sentence of it must be here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
from schemathesis import Case
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import RejectedPositiveData, UndefinedStatusCode, UseAfterFree

SENTENCES: Mapping[str, str] = {
    r"cannot be changed": "What is only read may come back unchanged; a schema does not know its present value",
    r"must be a whole number.*, written without a point$": "JSON Schema takes 5.0 for an integer; we read integers written as integers",
    r"^Missing required field: user_id$": "Anonymous callers and staff say for whom; signed-in users book for themselves",
    r"^Invalid date format: | must be a (day|time) (like|such as|with)| must be a day (from|of the calendar)": "A pattern does not know the calendar: 31 February",
    r"^Invalid phone number: ": "A pattern does not count the digits among blanks and dashes: 3 to 20 make a number",
    r"^A username cannot be a phone number$": "A pattern does not know phone numbers",
    r"^username must not contain |^A username can have \d+ characters at most$": (
        "The normal form of a username is checked: a pattern does not know NFKC"
    ),
    r" must begin with a letter, a digit or a sign that can be seen$| must not be blank$": (
        "There are 1,336 combining marks, and several letters that are drawn empty: too many for a pattern to be read"
    ),
    r"^Passwords do not match$|^A password cannot be the account's own name$|^Choose another password than": (
        "Two fields must (not) be equal"
    ),
    r"must be later than |must not be before |must be after start_date$|must end after it starts$"
    r"|must each end after they start": "Two fields must be in order",
    r"^A closure may last|^A time slot may last|^A pattern may span|slots; \d+ may be made at once$|^end_time is too long after"
    r"|^end_time may be 24 hours after start_time at most$|^At most \d+ days can be asked for at once$": (
        "A span may be so long and no longer"
    ),
    r"^No slot of that duration fits|^None of these weekdays lies between|^The slot is longer than the room": (
        "A pattern must yield something"
    ),
    r"^A whole day would cost more|^This amount cannot be charged| must be an amount such as"
    r"|^This is less than the minimum charge|^Even a whole day would cost less": (
        "An amount must be one that its currency has, and that can be charged"
    ),
    r"^Stripe does not charge in this currency": "A currency is a word of Stripe's, in letters of any size",
    r"^Only a bundle has (credits|valid_days)$|^Only packages and bundles include"
    r"|^Missing required field: (duration_minutes|service_ids|credits|valid_days)$": (
        "What a service needs depends on its type, which is stored when it is changed"
    ),
    r"^index must name each of the package's|^Each must be a service of type|differs from the session's; leave it out$": (
        "What there is to choose from is stored"
    ),
    r"^That resource's time zone is|^A shared resource keeps its own time zone$": "A resource's zone is stored",
    r"^A username that is a phone number must be the account's own phone$": "A number belongs to one person",
    r"^(category|country|categories) must be one of|^There is no such \w+$": "What there is to choose from is stored",
    r"^This kind has none: leave it out$|^Say which one: its id$": "What a calendar link is about depends on its kind",
    r"^It must be an absolute https URL|^It must begin with https://|^It must hold no user name|^It must have no fragment"
    r"|^Its (host|port|address) ": "A pattern knows neither hosts nor ports nor private networks",
    r"^Write scheme and host alone|^Write an address that begins with https://|^Name a whole host"
    r"|^Use an origin of at most": "A pattern knows neither hosts nor ports",
    r"^This is not the current password$": "The present password cannot be generated",
}
"""Of refusals with the code `invalid`: what they say, and why that is right."""

CODES: Mapping[str, str] = {
    "answer_removed": "Whom the first answer was about has left since",
    "idempotency_key_reused": "A key names one request: another one with the same key is refused",
    "invalid_idempotency_key": "Anonymous callers need a longer key; a schema does not know who asks",
    "off_day": "The shop's or the room's days decide (400 by docs/contracts/README.md)",
    "outside_working_hours": "The shop's or the room's hours decide (400 by docs/contracts/README.md)",
    "off_grid": "The room's grid decides (400 by docs/contracts/README.md)",
    "too_many_guests": "The room's capacity decides",
    "local_time_skipped": "The clocks skip an hour",
    "wrong_duration": "The service's duration decides",
    "in_the_past": "The clock decides",
    "too_soon": "The practitioner's notice decides",
    "too_far_ahead": "The practitioner's horizon decides",
    "wrong_canceled_by": "What the caller is to the booking decides (docs/contracts/README.md)",
    "not_chargeable": "What can be charged depends on the price and its currency",
    "amount_mismatch": "The booking's price decides",
    "currency_mismatch": "The booking's currency decides",
    "bad_reset_token": "A mailed token cannot be generated",
    "bad_webhook": "Stripe's signature cannot be generated",
    "position_gone": "What the feed still tells is stored",
    "email_taken": "Taken names are a 400 at registration (docs/contracts/README.md)",
    "username_taken": "Taken names are a 400 at registration (docs/contracts/README.md)",
    "not_a_token": "Only an API token revokes itself, and the run comes with logins",
}
"""Refusals with a code of their own."""

LINES = frozenset({"application/x-ndjson", "application/jsonl", "text/csv"})
"""Forms of a bulk that are text to a schema."""
_PARAMETER = re.compile(r"parameter `([^`]+)` in query")
EMPTY_PARAMETER = "An empty parameter counts as not sent, and is described so (allowEmptyValue)"
ONE_OF_MANY = "A parameter that may be repeated and is sent once: a query cannot say whether that is a list"

REFUSED_ROWS = (
    "What is sent as lines is text, whatever it was made of. Each line is a row, and the bulk is taken (202) also where "
    "every row is refused: the batch's address says why (docs/bulk.md)"
)

TOO_LONG = "A request line beyond the server's limit is a 414 before anybody knows which operation it was for"
WITHDRAWN = "DELETE withdraws a command that is undecided. That is its outcome, and stays where its client looks for it"


def reason_for(failure: Failure, case: Case[Any], response: Response) -> str | None:
    """Why this is none, or None if it is a failure."""
    if isinstance(failure, RejectedPositiveData):
        return _why_refused(json.loads(response.content))
    if isinstance(failure, AcceptedNegativeData) and "in body" in failure.message:
        return REFUSED_ROWS if _took_no_row(case, response) else None
    if isinstance(failure, AcceptedNegativeData) and "in query" in failure.message:
        return _why_taken(failure.message, case, parse_qs(urlsplit(response.request.url or "").query, True))
    if isinstance(failure, UndefinedStatusCode):
        return TOO_LONG if response.status_code == 414 else None
    if isinstance(failure, UseAfterFree):
        return WITHDRAWN if _is_withdrawn(response) else None
    return None


def _is_withdrawn(response: Response) -> bool:
    """Whether a command says that it was withdrawn."""
    outcome = json.loads(response.content).get("response") or {}
    return outcome.get("status") == 409 and outcome["body"]["code"] == "withdrawn"


def _took_no_row(case: Case[Any], response: Response) -> bool:
    """Whether lines were taken and not one of them waits to be decided."""
    return case.media_type in LINES and json.loads(response.content).get("accepted") == 0


def _why_taken(message: str, case: Case[Any], sent: Mapping[str, list[str]]) -> str | None:
    if any("" in values for values in sent.values()):
        return EMPTY_PARAMETER
    wrong = _PARAMETER.findall(message)
    return ONE_OF_MANY if wrong and all(_is_a_list(case, name, sent.get(name, [])) for name in wrong) else None


def _is_a_list(case: Case[Any], name: str, values: list[str]) -> bool:
    """Whether each of these values is one that the repeated parameter may have."""
    described = (one["schema"] for one in case.operation.definition.raw["parameters"] if one.get("name") == name)
    items = next(described, dict[str, Any]()).get("items")
    return items is not None and all(jsonschema_rs.is_valid(items, value) for value in values)


def _why_refused(body: Any) -> str | None:
    if body["code"] != "invalid":
        return CODES.get(body["code"])
    whys = [_why_said(problem["message"]) for problem in body["errors"]]
    return "; ".join(why for why in whys if why) if all(whys) else None


def _why_said(sentence: str) -> str | None:
    return next((why for words, why in SENTENCES.items() if re.search(words, sentence)), None)
