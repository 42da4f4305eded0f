"""Every bound of what one caller may ask for, send, hold or make wait: `python -m ops.bounds` prints docs/bounds.md's table.

A test holds that table to these rows, and looks through the code for bounds that have none.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct

from core.settings import from_environment

UNSET = {
    "DATABASE_URL": "postgresql://nobody:nothing@localhost/none",
    "REDIS_URL": "redis://localhost/0",
    "HOLDFAST_SECRET_KEY": "x" * 64,
    "HOLDFAST_FLOWER_PASSWORD": "x" * 32,
}
"""Settings of a server that sets only what it must."""
SETTINGS: Mapping[str, str] = {
    "HOLDFAST_UNDECIDED_PER_USER": "undecided_per_user",
    "HOLDFAST_BODY_WITHIN_SECONDS": "body_within_s",
    "HOLDFAST_ANONYMOUS_WRITES_PER_MINUTE": "anonymous_writes_per_minute",
    "HOLDFAST_REGISTRATIONS_PER_HOUR": "registrations_per_hour",
    "HOLDFAST_MAX_HOLDS_PER_USER": "max_holds_per_user",
    "HOLDFAST_MAILS_PER_ADDRESS": "mails_per_address",
    "HOLDFAST_MAILS_PER_CALLER": "mails_per_caller",
}
NOTIFIER = "notifier.limits.Limits"


class Bound(Struct, frozen=True):
    """One row. `name` is a setting, or where the value stands in the code."""

    name: str
    unit: str
    what: str
    answer: str
    """Status and code of the refusal, or what happens instead."""

    @property
    def value(self) -> Any:
        if self.name in SETTINGS:
            return getattr(from_environment(UNSET), SETTINGS[self.name])
        module, name = self.name.rsplit(".", 1)
        if module == NOTIFIER:
            return getattr(importlib.import_module("notifier.limits").Limits(), name)
        return getattr(importlib.import_module(module), name)


TOO_MANY = "429 `too_many_requests`, `Retry-After`"
BUSY = "503 `unavailable`, `Retry-After`"
INVALID = "400 `invalid`"
FAILED_ATTEMPT = "the attempt has failed"
LAST_TIMES = "its state says so; the last known times stay closed"
TOLD = "`error` 429 `too_many_requests`"

BOUNDS: Mapping[str, tuple[Bound, ...]] = {
    "Requests": (
        Bound(
            "api.http.bodies.BODY_MAX_BYTES",
            "bytes",
            "a body, unless another bound is named here",
            "400 `body_too_large`",
        ),
        Bound("HOLDFAST_BODY_WITHIN_SECONDS", "s", "a body from its first piece to its last", "408 `body_too_slow`"),
        Bound("api.payments.stripe_webhook.EVENT_MAX_BYTES", "bytes", "a webhook's body", "400 `body_too_large`"),
        Bound("core.wire.errors.ERRORS_MAX", "errors", "what one answer names", "`errors_left_out` counts the others"),
        Bound("core.wire.errors.SHOWN_CHARS", "characters", "a client's own name, quoted in an error", "is cut"),
        Bound("api.http.parameters.LIMIT_MAX", "rows", "a page of a list", INVALID),
        Bound("api.http.parameters.OFFSET_MAX", "rows", "`offset`", INVALID),
        Bound("core.store.reads.shared_reads.WAITING_MAX", "requests", "public reads that wait, of one process", BUSY),
        Bound(
            "core.store.reads.shared_reads.FOUND_WITHIN_S",
            "s",
            "until a public read is answered",
            "503 `unavailable`, `Retry-After`",
        ),
        Bound("api.http.parameters.VALUES_MAX", "values", "a query parameter that may be repeated", INVALID),
        Bound("api.http.preferences.WAIT_MAX_S", "s", "`Prefer: wait=N`", "waits no longer"),
        Bound("api.http.preferences.KEY_MAX_CHARS", "characters", "`Idempotency-Key`", "400 `invalid_idempotency_key`"),
        Bound(
            "api.commands.endpoints.LONG_POLLS_PER_CALLER_MAX",
            "polls",
            "long polls of one owner or address",
            "is answered at once",
        ),
    ),
    "Writes": (
        Bound("HOLDFAST_UNDECIDED_PER_USER", "commands", "undecided writes of one person in a process", TOO_MANY),
        Bound("HOLDFAST_ANONYMOUS_WRITES_PER_MINUTE", "writes a minute", "anonymous callers of one address", TOO_MANY),
        Bound("api.limits.write_limits.REFUSED_MAX", "refusals", "for one address in `REFUSED_WINDOW_S`", TOO_MANY),
        Bound(
            "core.identity.credentials.agent_keys.WRITES_PER_MINUTE_DEFAULT",
            "writes a minute",
            "an agent key, rows of bulks included",
            TOO_MANY,
        ),
        Bound(
            "core.identity.credentials.agent_keys.WRITES_PER_MINUTE_MAX",
            "writes a minute",
            "what a key may be given",
            INVALID,
        ),
        Bound(
            "api.limits.write_limits.WINDOWS_AHEAD_MAX",
            "minutes",
            "how far a bulk's rows are taken in advance",
            "are not counted beyond",
        ),
        Bound("api.commands.inbox_writer.WAITING_MAX", "commands", "not on disk yet, of one process", BUSY),
        Bound(
            "api.commands.inbox_writer.ACCEPT_WITHIN_S",
            "s",
            "until a command is on disk",
            "503 `unknown_outcome`, `Retry-After`",
        ),
        Bound("HOLDFAST_MAX_HOLDS_PER_USER", "holds", "of one person at once", "409 `too_many_holds`"),
        Bound(
            "core.domain.payments.checkout.MAX_ATTEMPTS", "payments", "begun for one booking", "409 `too_many_payments`"
        ),
    ),
    "Bulks": (
        Bound("api.contracts.agent.bulk.bulk_request.BODY_MAX_BYTES", "bytes", "a bulk's body", "400 `body_too_large`"),
        Bound("api.contracts.agent.bulk.rows.ROW_MAX_BYTES", "bytes", "a row", "400 `unreadable_body`"),
        Bound("api.contracts.agent.bulk.bulk_request.ROWS_MAX", "rows", "a bulk", "400 `too_many_rows`"),
        Bound(
            "api.contracts.agent.bulk.bulk_request.READ_WITHIN_S",
            "s",
            "a bulk's body from first to last",
            "408 `body_too_slow`",
        ),
        Bound("api.contracts.agent.bulk.bulk_request.AT_ONCE", "bulks", "being read by one process", BUSY),
        Bound(
            "core.wire.contracts.bulk.DRY_RUN_ROWS_MAX",
            "rows",
            "named by a dry run",
            "`rows_left_out` counts the others",
        ),
    ),
    "Logins": (
        Bound("api.accounts.limits.GUESSES_AT_ONE", "failures", "for one name, or account, from one address", TOO_MANY),
        Bound("api.accounts.limits.GUESSES_FROM_ADDRESS", "failures", "from one address", TOO_MANY),
        Bound(
            "api.accounts.limits.GUESSES_FROM_UNKNOWN_ADDRESSES",
            "failures",
            "for one name from elsewhere than its owner's",
            TOO_MANY,
        ),
        Bound("core.passwords.WAITING_PER_ADDRESS_MAX", "logins", "of one address, waiting in a process", BUSY),
        Bound("core.passwords.WAITING_MAX", "logins", "waiting in a process", BUSY),
        Bound("core.passwords.PASSWORD_MAX_CHARS", "characters", "a password", INVALID),
        Bound(
            "core.identity.credentials.login_sessions.LOGINS_PER_USER_MAX",
            "logins",
            "of one person, live",
            "the oldest ends",
        ),
        Bound("api.accounts.limits.TICKETS_OF_USER", "tickets", "asked for by one person", TOO_MANY),
        Bound(
            "core.identity.credentials.api_tokens.TOKENS_PER_USER_MAX",
            "tokens",
            "of one person, live",
            "409 `too_many_tokens`",
        ),
        Bound(
            "core.calendars.subscriptions.LINKS_PER_USER_MAX",
            "calendar links",
            "of one person, live",
            "409 `too_many_links`",
        ),
        Bound("api.calendars.subscribed_file.READS", "reads", "of one calendar link", TOO_MANY),
        Bound("api.calendars.subscribed_file.UNKNOWN_TOKENS", "links", "that show nothing, from one address", TOO_MANY),
        Bound("core.calendars.subscriptions.ENTRIES_MAX", "entries", "of one calendar file", "later ones are left out"),
        Bound(
            "core.identity.credentials.agent_keys.KEYS_MAX", "keys", "live, of the installation", "409 `too_many_keys`"
        ),
        Bound("core.identity.credentials.agent_keys.NETWORKS_MAX", "networks", "of one agent key", INVALID),
        Bound("HOLDFAST_REGISTRATIONS_PER_HOUR", "registrations an hour", "from one address", TOO_MANY),
        Bound(
            "api.accounts.limits.REGISTRATIONS_OF_NAME", "attempts", "to register one name from one address", TOO_MANY
        ),
        Bound("api.accounts.limits.RESETS_FROM_ADDRESS", "requests", "for a new password from one address", TOO_MANY),
        Bound("api.accounts.limits.RESETS_OF_ACCOUNT", "mails", "to one person", "are answered alike and not sent"),
        Bound("api.accounts.limits.RESET_CONFIRMATIONS", "tokens", "tried from one address", TOO_MANY),
        Bound("api.accounts.limits.REFRESHES", "refreshes", "from one address", TOO_MANY),
        Bound("api.accounts.limits.EXPORTS", "exports", "of one person's data", TOO_MANY),
        Bound("api.accounts.limits.SETTINGS_CHANGES", "changes", "of one person's own settings", TOO_MANY),
        Bound("api.accounts.limits.OAUTH_STARTS", "sign-ins", "begun with a provider from one address", TOO_MANY),
        Bound("api.accounts.mail_queue.WAITING_MAX", "mails", "waiting in a process", BUSY),
    ),
    "Mails and guests' links": (
        Bound("HOLDFAST_MAILS_PER_ADDRESS", "mails", "to one address in a day (UTC)", "are not sent"),
        Bound("HOLDFAST_MAILS_PER_CALLER", "mails", "that one caller brings about in a day (UTC)", "are not sent"),
        Bound(
            "core.mails.planned_mails.CONFIRMED_MAX",
            "mails",
            "when the reader of an address agrees",
            "the next bookings",
        ),
        Bound(
            "core.mails.language_choice.ACCEPT_CHARS_MAX",
            "characters",
            "of a browser's `Accept-Language`",
            "are not looked at",
        ),
        Bound("api.guests.links.LINKS_FOLLOWED", "requests", "by guests' links from one address", TOO_MANY),
    ),
    "Lists and catalogues": (
        Bound(
            "api.contracts.marketplace.pagination.PAGE_SIZE_MAX", "rows", "a page of the marketplace's lists", INVALID
        ),
        Bound("api.contracts.marketplace.pagination.PAGE_MAX", "pages", "`page`", INVALID),
        Bound(
            "api.contracts.calendar.pagination.PAGE_MAX",
            "slots",
            "a page of time slots",
            "the rest is on the next page",
        ),
        Bound("api.contracts.marketplace.availability.DAYS_MAX", "days", "asked for at once", INVALID),
        Bound("api.bookings.schedule.DAYS_MAX", "days", "of the desk, asked for at once", INVALID),
        Bound("api.site.catalogue.DAYS_MAX", "days", "of the public list asked for at once", INVALID),
        Bound(
            "api.contracts.marketplace.availability.PRACTITIONERS_MAX",
            "practitioners",
            "looked at for one answer",
            "the first of them",
        ),
        Bound("api.contracts.marketplace.purchase_bodies.PARTS_MAX", "parts", "a package or bundle", INVALID),
        Bound("api.contracts.marketplace.purchase_bodies.COURSE_SESSIONS_MAX", "sessions", "a course", INVALID),
        Bound("core.store.marketplace.booking_notes.NOTES_MAX", "notes", "on one booking", "409 `too_many_notes`"),
        Bound(
            "core.store.catalogue.services.SERVICES_MAX",
            "services",
            "of the installation",
            "409 `too_many_services`",
        ),
        Bound(
            "core.store.catalogue.categories.CATEGORIES_MAX",
            "categories",
            "of the installation",
            "409 `too_many_categories`",
        ),
        Bound(
            "core.domain.marketplace.waiting_list.WAITING_MAX",
            "people",
            "waiting for one session",
            "409 `session_full`",
        ),
        Bound("core.domain.timeslots.weekly_pattern.MAX_SLOTS", "slots", "made by one weekly pattern", INVALID),
        Bound("core.domain.timeslots.weekly_pattern.MAX_DAYS", "days", "of one weekly pattern", INVALID),
        Bound("api.contracts.closure_request.CLOSURE_DAYS_MAX", "days", "a closure", INVALID),
        Bound("core.domain.marketplace.schedules.WINDOWS_MAX", "windows", "of one practitioner's week", INVALID),
    ),
    "Feeds": (
        Bound(f"{NOTIFIER}.connections", "connections", "one notifier", "503 `too_many_connections`, `Retry-After`"),
        Bound(
            f"{NOTIFIER}.connections_per_address",
            "connections",
            "one address",
            "429 `too_many_connections`, `Retry-After`",
        ),
        Bound(
            f"{NOTIFIER}.handshakes_per_address",
            "handshakes",
            "one address",
            "429 `too_many_connections`, `Retry-After`",
        ),
        Bound(f"{NOTIFIER}.query_parameters", "parameters", "of a handshake", "400 `bad_request`"),
        Bound(
            "websockets.http11.MAX_LINE_LENGTH",
            "bytes",
            "a handshake's address, or one of its headers",
            "414 or 431 `bad_request`",
        ),
        Bound("websockets.http11.MAX_NUM_HEADERS", "headers", "of a handshake", "431 `bad_request`"),
        Bound(f"{NOTIFIER}.requests_per_socket", "messages", "of one connection", TOLD),
        Bound(f"{NOTIFIER}.reads_per_socket", "`resume`, `get_bookings`", "of one connection", TOLD),
        Bound(
            f"{NOTIFIER}.reads_per_owner",
            "`resume`, `get_bookings`",
            "of all connections of one owner or address",
            TOLD,
        ),
        Bound(f"{NOTIFIER}.watches_per_owner", "`watch`", "of all connections of one owner or address", TOLD),
        Bound(f"{NOTIFIER}.bad_messages", "errors", "of one connection", "closes with 4400"),
        Bound(
            f"{NOTIFIER}.watched_commands", "commands", "watched by one connection", "`error` 429 `too_many_watched`"
        ),
        Bound(f"{NOTIFIER}.message_bytes", "bytes", "a message", "`error` 413 `message_too_large`"),
        Bound(f"{NOTIFIER}.frame_bytes", "bytes", "a frame", "closes with 1009"),
        Bound(f"{NOTIFIER}.queued_messages", "messages", "waiting for one client to read", "closes with 4008"),
        Bound(f"{NOTIFIER}.queued_bytes", "bytes", "waiting for one client to read", "closes with 4008"),
        Bound("core.wire.feeds.FILTER_VALUES_MAX", "values", "of one field of a filter", "`error` 400 `bad_filter`"),
        Bound("api.events.event_follower.WAITING_MAX", "requests", "waiting for events in a process", TOO_MANY),
        Bound("api.events.event_follower.WAITING_PER_CALLER_MAX", "requests", "the same, of one person", TOO_MANY),
        Bound("api.events.told_events.BEHIND_MAX", "events", "a caller may be behind", "410 `position_gone`"),
        Bound(f"{NOTIFIER}.replay_events", "events", "a client may be behind", "`reload`"),
        Bound(f"{NOTIFIER}.authentication_s", "s", "until a new connection says who it is", "closes with 4401"),
        Bound(
            "notifier.authentication.CREDENTIAL_MAX_CHARS",
            "characters",
            "a credential in a message",
            "closes with 4401",
        ),
    ),
    "The booking page in other people's pages": (
        Bound(
            "core.embedding_origins.ORIGINS_MAX",
            "origins",
            "of the installation",
            "409 `too_many_embedding_origins`",
        ),
        Bound("core.embedding_origins.ORIGIN_MAX_CHARS", "characters", "of one", INVALID),
    ),
    "Webhooks": (
        Bound(
            "core.store.webhooks.endpoints.ENDPOINTS_MAX",
            "endpoints",
            "of the installation",
            "409 `too_many_webhooks`",
        ),
        Bound("core.outbound.targets.URL_MAX_CHARS", "characters", "an endpoint's URL", INVALID),
        Bound("core.outbound.targets.HOST_MAX_CHARS", "characters", "its host", INVALID),
        Bound("core.outbound.client.RESOLVE_S", "s", "to resolve its name", FAILED_ATTEMPT),
        Bound("core.outbound.client.CONNECT_S", "s", "to connect to one of its addresses", FAILED_ATTEMPT),
        Bound("core.outbound.client.READ_S", "s", "until its next byte", FAILED_ATTEMPT),
        Bound("core.outbound.client.TOTAL_S", "s", "from its name to its answer's end", FAILED_ATTEMPT),
        Bound("core.outbound.client.ADDRESSES_TRIED_MAX", "addresses", "tried in one attempt", FAILED_ATTEMPT),
        Bound("core.webhooks.attempts.RETRY_AFTER_MAX_S", "s", "asked for by `Retry-After`", "is tried after it"),
        Bound(
            "core.store.webhooks.delivery_log.REDELIVERED_AT_ONCE",
            "deliveries",
            "sent again by one request",
            "`more` says that there are more",
        ),
        Bound("core.outbound.client.READ_MAX_BYTES", "bytes", "its answer's body", "the rest is not read"),
    ),
    "Busy calendars": (
        Bound(
            "core.store.calendars.busy_calendars.CALENDARS_MAX",
            "calendars",
            "of the installation",
            "409 `too_many_busy_calendars`",
        ),
        Bound(
            "core.store.calendars.busy_calendars.CALENDARS_OF_RESOURCE_MAX",
            "calendars",
            "of a resource",
            "409 `too_many_busy_calendars`",
        ),
        Bound(
            "core.store.calendars.busy_calendars.FETCHED_EVERY_S",
            "s",
            "between two fetches by hand",
            "409 `just_fetched`",
        ),
        Bound("core.busy_calendars.poller.FILE_MAX_BYTES", "bytes", "a calendar's file", LAST_TIMES),
        Bound("core.calendars.busy_times.EVENTS_MAX", "entries", "in it", LAST_TIMES),
        Bound("core.calendars.busy_times.TIMES_MAX", "times", "busy within the horizon", LAST_TIMES),
        Bound("core.busy_calendars.poller.HORIZON_DAYS", "days", "ahead that are closed", "what is later comes later"),
        Bound("core.busy_calendars.reading.PROCESSOR_S", "s", "of processor time to read it", LAST_TIMES),
        Bound("core.busy_calendars.reading.WITHIN_S", "s", "to read it", LAST_TIMES),
        Bound("core.busy_calendars.reading.MEMORY_BYTES", "bytes", "of memory to read it", LAST_TIMES),
    ),
}


def all_bounds() -> Iterator[Bound]:
    for bounds in BOUNDS.values():
        yield from bounds


def shown(value: Any) -> str:
    """A value as the page says it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{shown(one)} (`{name}`)" for name, one in value.items())
    if isinstance(value, timedelta):
        return f"{value.total_seconds():,g} s"
    if hasattr(value, "window_s"):
        return f"{value.amount:,} in {value.window_s:,} s"
    if hasattr(value, "per_s"):
        return f"{value.burst:,} at once, then {value.per_s:g} a second"
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"


def table() -> str:
    """Markdown."""
    lines = []
    for subject, bounds in BOUNDS.items():
        lines += [f"## {subject}", "", "| bound | value | unit | of what | beyond it |", "|---|---|---|---|---|"]
        lines += [f"| `{one.name}` | {shown(one.value)} | {one.unit} | {one.what} | {one.answer} |" for one in bounds]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
