"""The checks of services outside, the mail server and Stripe. They only warn, and no start waits for them."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlsplit

import stripe
from msgspec import Struct

from core.doctor.bounces import BOUNCES, examine_bounces
from core.doctor.findings import (
    Check,
    Details,
    Examination,
    Finding,
    Severity,
    examined,
    found_by,
    not_asked,
    together,
    when,
)
from core.mail import LOOPBACK, UNVERIFIED, UnprotectedError, is_encrypted, signed_in
from core.payments.stripe import STRIPE_VERSION
from core.payments.stripe_webhooks import WebhookEndpoint, webhook_endpoints
from core.settings import Settings
from core.settings import Stripe as StripeSettings

WITHIN_S = 2.0
"""For all checks together."""
WEBHOOK = "/api/stripe-webhook/"
UNSIGNED_REFUSED = 400
"""Our webhook's answer to an event without Stripe's signature."""
NAMED_MAX = 3

SMTP = Check[str](
    "smtp", Severity.WARNING, "Mail cannot be sent, as the mail server {reason}", "{remedy}", lambda _: None
)
SMTP_ENCRYPTION = Check[str](
    "smtp-encryption",
    Severity.WARNING,
    "Mail goes out without its server being verified, as {reason}",
    "give the mail server a certificate for its host name, or name another in HOLDFAST_SMTP_URL",
    lambda reason: when(bool(reason), reason=reason),
)
MAIL = (SMTP, SMTP_ENCRYPTION)


class Webhooks(Struct, frozen=True):
    """What Stripe says about our account, and what answers at our own address."""

    url: str
    endpoints: tuple[WebhookEndpoint, ...]

    @property
    def ours(self) -> WebhookEndpoint | None:
        """The endpoint that sends to us; an enabled one, if there are several."""
        ours = [one for one in self.endpoints if one.url.rstrip("/") == self.url.rstrip("/")]
        return max(ours, key=lambda one: one.is_enabled, default=None)


def _missing_events(one: Webhooks) -> Details | None:
    missing = one.ours.missing_events if one.ours else ()
    more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
    return when(bool(missing), events=", ".join(missing[:NAMED_MAX]) + more)


def _version(one: Webhooks) -> Details | None:
    if one.ours is None or one.ours.api_version == STRIPE_VERSION:
        return None
    found = one.ours.api_version or "the account's default"
    return {"found": found, "ours": STRIPE_VERSION}


STRIPE = Check[Webhooks](
    "stripe", Severity.WARNING, "Nothing can be paid, as Stripe {reason}", "{remedy}", lambda _: None
)
ENDPOINT = (
    Check[Webhooks](
        "stripe-webhook",
        Severity.WARNING,
        "Stripe sends no events to {url}, so payments are noticed late",
        "add that address as a webhook endpoint at Stripe, or enable it there",
        lambda one: when(one.ours is None or not one.ours.is_enabled, url=one.url),
    ),
    Check[Webhooks](
        "stripe-events",
        Severity.WARNING,
        "Stripe's webhook endpoint does not send {events}",
        "add the events that docs/payments.md lists",
        _missing_events,
    ),
    Check[Webhooks](
        "stripe-version",
        Severity.WARNING,
        "Stripe's webhook endpoint sends events of API version {found}, and Holdfast reads those of {ours}",
        "create the endpoint again with that version",
        _version,
    ),
)
REACHED = Check[str](
    "stripe-reaches-us",
    Severity.WARNING,
    "Stripe's events do not get through, as {reason}",
    "see that the API runs, and that HOLDFAST_PUBLIC_URL leads to its front door from the internet",
    lambda reason: when(bool(reason), reason=reason),
)
PAYMENTS = (STRIPE, *ENDPOINT, REACHED)
TABLE = (*MAIL, BOUNCES, *PAYMENTS)

LATE = "it did not answer within 2 s"


class MailError(Exception):
    """The message says what the mail server does, and `remedy` what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


def examine_outside(settings: Settings) -> Examination:
    """All at once, within two seconds. A later answer counts as none."""
    jobs: list[_Job] = [
        _Job(MAIL, SMTP, lambda: _mail(settings)),
        _Job((BOUNCES,), BOUNCES, lambda: examine_bounces(settings, WITHIN_S)),
    ]
    account, url = None if _is_stand_in(settings) else settings.stripe, f"{settings.public_url}{WEBHOOK}"
    if account is not None:
        jobs.append(_Job((STRIPE, *ENDPOINT), STRIPE, lambda: _account(account, url)))
        jobs.append(_Job((REACHED,), REACHED, lambda: examined([REACHED], _not_reached(url))))
    until = time.monotonic() + WITHIN_S
    for job in jobs:
        job.start()
    parts = [job.result(until) for job in jobs]
    if account is None:
        why = "no Stripe account is set up" if settings.stripe is None else "the demo pays at a stand-in"
        parts.append(not_asked(PAYMENTS, why))
    return together(parts)


def _is_stand_in(settings: Settings) -> bool:
    return settings.demo and settings.stripe is not None and _is_here(settings.stripe.api_base)


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


class _Job(threading.Thread):
    """Asks in a thread that is not waited for at the end: a name server may be slow."""

    def __init__(self, checks: tuple[Check[Any], ...], answers: Check[Any], ask: Callable[[], Examination]) -> None:
        super().__init__(daemon=True, name=f"doctor: {answers.name}")
        self._checks = checks
        self._answers = answers
        self._ask = ask
        self._result: Examination | None = None

    def run(self) -> None:
        self._result = self._ask()

    def result(self, until: float) -> Examination:
        self.join(max(0.0, until - time.monotonic()))
        if self._result is not None:
            return self._result
        details = {"reason": LATE.removeprefix("it "), "remedy": "look for a firewall between, and at its status page"}
        return _failed(self._checks, found_by(self._answers, details))


def _failed(checks: tuple[Check[Any], ...], finding: Finding) -> Examination:
    rest = [check for check in checks if check.name != finding.check]
    return together([Examination((finding,), (), {}), not_asked(rest, f"see {finding.check}")])


def _mail(settings: Settings) -> Examination:
    if settings.smtp_url is None:
        return not_asked(MAIL, "no mail server is set up")
    try:
        unverified = _greet(settings.smtp_url)
    except MailError as problem:
        return _failed(MAIL, found_by(SMTP, {"reason": str(problem), "remedy": problem.remedy}))
    return together([Examination((), (SMTP.name,), {}), examined([SMTP_ENCRYPTION], unverified)])


def _greet(smtp_url: str) -> str:
    """Sign in as for a mail, and send nothing. Returns why the server is not verified; empty if it is."""
    url = urlsplit(smtp_url)
    try:
        with signed_in(url, WITHIN_S) as connection:
            if url.query == UNVERIFIED:
                return f"HOLDFAST_SMTP_URL ends in ?{UNVERIFIED}"
            return "" if is_encrypted(connection) or url.hostname in LOOPBACK else "it offers no STARTTLS"
    except smtplib.SMTPAuthenticationError:
        raise MailError("refuses the user or its password", "correct them in HOLDFAST_SMTP_URL") from None
    except smtplib.SMTPException:
        raise MailError("does not answer as a mail server", "correct HOLDFAST_SMTP_URL") from None
    except UnprotectedError:
        raise MailError(
            "offers no TLS, and a password is not sent without", "turn STARTTLS on there, or begin with smtps://"
        ) from None
    except OSError as problem:
        _no_connection(problem)


def _no_connection(problem: OSError) -> NoReturn:
    if isinstance(problem, socket.gaierror):
        raise MailError("has an unknown host name", "correct the host in HOLDFAST_SMTP_URL") from None
    if isinstance(problem, ConnectionRefusedError):
        raise MailError("does not listen", "start it, or correct the host and port in HOLDFAST_SMTP_URL") from None
    if isinstance(problem, ssl.SSLCertVerificationError):
        raise MailError(
            "has a certificate that is not trusted for its host name",
            f"give it one, name its authority in SSL_CERT_FILE, or add ?{UNVERIFIED} to HOLDFAST_SMTP_URL to take any",
        ) from None
    if isinstance(problem, ssl.SSLError):
        raise MailError(
            "speaks no TLS at that port", "begin HOLDFAST_SMTP_URL with smtp://, or correct the port"
        ) from None
    raise MailError("does not answer", "look for a firewall between: many providers close these ports") from None


def _account(account: StripeSettings, url: str) -> Examination:
    checks = (STRIPE, *ENDPOINT)
    try:
        found = webhook_endpoints(account.secret_key, account.api_base, WITHIN_S)
    except stripe.PermissionError:
        reached = Examination((), (STRIPE.name,), {})
        return together([reached, not_asked(ENDPOINT, "STRIPE_SECRET_KEY may not list webhook endpoints")])
    except stripe.AuthenticationError:
        details = {
            "reason": "refuses STRIPE_SECRET_KEY",
            "remedy": "set it to a key of your account that is not revoked",
        }
        return _failed(checks, found_by(STRIPE, details))
    except stripe.StripeError:
        details = {"reason": "does not answer", "remedy": "look at its status page, and for a firewall between"}
        return _failed(checks, found_by(STRIPE, details))
    return together([Examination((), (STRIPE.name,), {}), examined(ENDPOINT, Webhooks(url, tuple(found)))])


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Stripe follows none."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _not_reached(url: str) -> str:
    """Why an event that Stripe sends to `url` would not arrive; empty if it would."""
    if _is_here(url):
        return f"HOLDFAST_PUBLIC_URL leads to this machine only ({url})"
    opener = urllib.request.build_opener(_NoRedirects)
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})  # noqa: S310 - http(s), by the setting
    try:
        with opener.open(request, timeout=WITHIN_S) as response:
            status = response.status
    except urllib.error.HTTPError as problem:
        status = problem.code
    except (urllib.error.URLError, OSError, ValueError):
        return f"nobody answers at {url}"
    return (
        "" if status == UNSIGNED_REFUSED else f"{url} answers {status}, and our webhook would answer {UNSIGNED_REFUSED}"
    )
