"""Every `code` of the error shape: its HTTP status and what it means.

Stable on the wire. The decisions' refusals bring their own from `core.wire.refusals`; a test holds
this table to the codes that the API raises.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.refusals import Refusal
from core.wire.refusals import REFUSALS, RefusalAnswer, answer_of

PROBLEMS: Mapping[str, tuple[int, str]] = {
    # of any request
    "invalid": (400, "A field or parameter is missing, unknown or malformed; `errors` names each"),
    "malformed_json": (400, "The body is not JSON"),
    "not_json": (400, "The body is not sent as `application/json`"),
    "body_too_large": (400, "The body is larger than the route takes"),
    "body_too_slow": (408, "The body did not arrive in time; nothing was accepted"),
    "bad_request": (400, "The request cannot be read"),
    "unstorable": (400, "A value cannot be stored"),
    "not_authenticated": (401, "The route asks for credentials and none came"),
    "bad_credential": (401, "The credentials are forged, expired, revoked or misspelt"),
    "forbidden": (403, "The caller may not do this"),
    "csrf_failed": (403, "A write with the session cookie came without the token in `X-CSRFToken`"),
    "origin_not_allowed": (403, "The page that asks is not one of ours"),
    "password_change_required": (403, "The account's first password must be changed before anything else"),
    "not_found": (404, "There is no such thing, or it is not the caller's"),
    "method_not_allowed": (405, "The route has no such method; `Allow` lists those it has"),
    "unsupported_media_type": (415, "The body is compressed, or its media type is not one that the route reads"),
    "too_many_requests": (429, "A limit is reached; `Retry-After` says for how long"),
    "internal_error": (500, "A bug; the request id in `X-Request-ID` helps to find it"),
    "unavailable": (503, "A part is down or overloaded; try again after `Retry-After`"),
    "maintenance": (503, "Nothing can be changed for now; reading and signing in go on. Try again after `Retry-After`"),
    "unknown_outcome": (
        503,
        "It may have been done, or may still be; check the address in `Location`, if there is one, before you retry",
    ),
    # commands
    "invalid_idempotency_key": (400, "`Idempotency-Key` is too short, too long or not visible ASCII"),
    "command_not_found": (404, "There is no such command, or it is not the caller's"),
    "already_decided": (409, "The command is decided and cannot be withdrawn"),
    "withdrawn": (409, "The command was withdrawn before it was decided"),
    "not_parked": (409, "The command or payment is not parked; the message says what became of it"),
    "answer_removed": (
        409,
        "The request was decided before, and its answer was about a person who has left since; `Location` tells more",
    ),
    "idempotency_key_reused": (422, "The key was used with another request"),
    "command_failed": (503, "The command failed three times and was set aside"),
    # the feed
    "position_gone": (
        410,
        "Events after this position are no longer available: reload everything, then continue from the new `position`",
    ),
    # payments
    "bad_webhook": (400, "Not signed by Stripe for these bytes, or too long ago"),
    "payments_not_set_up": (503, "Nothing can be paid on this server"),
    "payments_unavailable": (503, "The payment provider does not answer; the place is still held"),
    # bulks
    "bulk_not_found": (404, "There is no such batch, or it is not the caller's"),
    "empty_body": (400, "The body has no rows, or a CSV no header"),
    "malformed_row": (400, "A row is not JSON or CSV"),
    "too_many_rows": (400, "More rows than may be sent at once"),
    "unreadable_body": (400, "The body stops being readable at some row, or its dates are in two orders"),
    # services
    "service_exists": (409, "Another service has this name"),
    "too_many_services": (409, "There are as many services as there may be"),
    # calendar
    "name_taken": (409, "There is a category of this name"),
    "too_many_categories": (409, "There are as many categories as there may be"),
    # calendar files
    "no_time_yet": (409, "The booking has no time yet, and a calendar no place for it"),
    "too_many_links": (409, "The account has as many calendar links as it may have"),
    # busy calendars
    "busy_calendar_not_found": (404, "There is no such calendar that a resource follows"),
    "too_many_busy_calendars": (409, "There are as many busy calendars as there may be"),
    "just_fetched": (409, "The calendar is being fetched, or was a moment ago"),
    # agent keys
    "address_not_allowed": (403, "This agent key may not be used from this address"),
    "already_revoked": (409, "This agent key is already revoked"),
    "too_many_keys": (409, "There are as many agent keys as there may be"),
    # webhooks
    "webhook_not_found": (404, "There is no such endpoint"),
    "delivery_not_found": (404, "There is no such delivery to this endpoint, or it is not kept any more"),
    "being_sent": (409, "The delivery is being sent at this moment; look at it again in a minute"),
    "too_many_webhooks": (409, "There are as many endpoints as there may be"),
    # the embedded booking page
    "embedding_origin_not_found": (404, "There is no such origin"),
    "too_many_embedding_origins": (409, "There are as many origins as there may be"),
    # marketplace
    "too_many_notes": (409, "The booking has as many notes as it may have"),
    "already_practitioner": (409, "This user is already a practitioner"),
    "room_elsewhere": (409, "The room belongs to another location"),
    # accounts
    "wrong_credentials": (401, "No such account, or not its password"),
    "email_taken": (400, "An account with this address exists"),
    "username_taken": (400, "An account with this username exists"),
    "phone_taken": (409, "An account with this phone number exists"),
    "anonymised": (409, "The account was anonymised and cannot be changed"),
    "credits_left": (409, "Credits of bundles are unused and would be lost with the account"),
    "sign_in_again": (403, "The account has no password: a fresh sign-in proves that its owner is asking"),
    "demo_account": (403, "The demo's own accounts cannot delete themselves"),
    "seats_taken": (409, "More seats of the session are taken than it would have"),
    "login_not_found": (404, "The caller has no login of this id, or it has ended"),
    "not_linked": (404, "No account of this id at a provider is linked to the caller's"),
    "last_way_in": (409, "The account would have neither a password nor a provider to sign in by"),
    "last_superuser": (409, "It is the last superuser: make another one first"),
    "not_a_login": (400, "An API token cannot log out"),
    "not_a_token": (400, "Only an API token can revoke itself"),
    "too_many_tokens": (409, "The account has as many API tokens as it may have"),
    "bad_reset_token": (400, "The reset token is unknown, used or expired"),
    "mail_not_configured": (503, "Mail is not set up on this server"),
    "address_not_bounced": (409, "Nothing that was sent to this person's address came back lately"),
    "nothing_to_confirm": (409, "No address of this account waits to be confirmed"),
    "provider_not_configured": (404, "Signing in with this provider is not set up"),
    "provider_unavailable": (503, "The provider does not answer"),
    "oauth_failed": (400, "The sign-in could not be completed"),
    "oauth_denied": (403, "The sign-in was cancelled at the provider"),
    "email_not_verified": (403, "The provider does not vouch for the address"),
    "email_in_use": (403, "An account with this address exists, and nobody has proved that it is theirs"),
    "account_closed": (403, "The account is closed"),
}

REPORTS_ALONE = frozenset({Refusal.PAYMENT_NOT_FOUND, Refusal.INTENT_MISMATCH})
"""Refusals of Stripe's reports: those commands are the engine's own, and no client learns their ids."""


def status_of(code: str, contract: str = "") -> int:
    """The HTTP status under which a contract sends `code`. Raises KeyError for one in no table."""
    if code in PROBLEMS:
        return PROBLEMS[code][0]
    return _refusal(code, contract).status


def description_of(code: str, contract: str = "") -> str:
    return PROBLEMS[code][1] if code in PROBLEMS else _refusal(code, contract).sentence


def all_codes() -> list[str]:
    """Those that clients may meet."""
    return sorted({*PROBLEMS, *REFUSALS} - REPORTS_ALONE)


def _refusal(code: str, contract: str) -> RefusalAnswer:
    try:
        refusal = Refusal(code)
    except ValueError:
        raise KeyError(f"{code} is in neither table: add it to api/http/error_codes.py") from None
    return answer_of(refusal, contract)
