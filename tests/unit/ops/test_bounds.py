"""Every bound stands in one table, and the page of bounds says what that table says."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from api.http.error_codes import PROBLEMS
from api.limits.throttle import Limit
from core.wire.feeds import ERRORS, HANDSHAKE_REFUSALS
from core.wire.refusals import REFUSALS
from notifier.limits import Limits
from ops.bounds import BOUNDS, NOTIFIER, all_bounds, table
from tests.conftest import FIGURE

ROOT = Path(__file__).parents[3]
SERVICES = ("api", "core", "notifier")
_NAME = re.compile(r"([A-Z0-9]+_)*(MAX|AT_ONCE|WITHIN_S)(_[A-Z]+)?|MAX_[A-Z]+")
"""What a bound is called."""
INSIDE: Mapping[str, str] = {
    "api.events.event_follower.EVENTS_AT_ONCE": "a page of a reader",
    "api.events.told_events.SCANNED_AT_ONCE": "a page of a reader",
    "api.health": "how long one look at the database may take",
    "api.limits.throttle.CONNECTIONS_MAX": "connections to Redis",
    "api.http.errors.ACCEPT_MAX_CHARS": "how much of a header is looked at",
    "api.http.fields.ID_MAX": "the largest number that PostgreSQL has for an id",
    "api.http.disconnects.BODY_WITHIN_S": "HOLDFAST_BODY_WITHIN_SECONDS where there are no settings",
    "api.commands.inbox_writer.GROUP_MAX": "commands written together",
    "api.commands.inbox_writer.WRITERS_MAX": "groups written at once",
    "api.limits.write_limits.SHUT_MAX": "addresses that a process remembers",
    "api.limits.write_limits.FOLLOWED_MAX": "commands that a process remembers",
    "api.http.field_errors": "digits that are read",
    "api.runtime.POOL_MAX": "connections to PostgreSQL",
    "api.reads.kept_answers": "answers that a process keeps",
    "api.reads.known_queries": "queries that a process keeps",
    "api.limits.undecided_writes.COUNTED_MAX": "commands that a process remembers",
    "api.accounts.oauth": "what a provider may send us, and lengths of texts",
    "api.accounts.access.live_credentials": "credentials that a process remembers",
    "api.accounts.fields": "lengths of texts: the description of each field has them",
    "api.http.moments.LENGTH_MAX": "a field's own range",
    "api.contracts.marketplace.fields.SPAN_MAX": "a field's own range",
    "api.contracts.rooms.new_booking.GUESTS_MAX": "a field's own range",
    "api.payments.client_secrets": "calls to the payment provider",
    "core.identity.credentials.login_sessions.USER_AGENT_MAX_CHARS": "how much of a header is kept",
    "core.garbage_collector": "Python's garbage collector",
    "core.configuration.secret_settings.SECRET_FILE_MAX_BYTES": "a file that an operator names",
    "core.health_socket.QUESTION_MAX_BYTES": "what a health check asks",
    "core.domain.payments.money": "a field's own range",
    "core.domain.resources.service_names": "names in a sentence",
    "core.busy_calendars.poller.VALIDATOR_MAX_CHARS": "how long an ETag is kept",
    "core.busy_calendars.reading.ANSWER_MAX_BYTES": "what our own process answers",
    "core.doctor": "how long a look may take, and names in a sentence",
    "core.engine": "the engine's own steps",
    "core.logs": "a line of the log",
    "core.mails.bounce_mailbox.MAIL_BYTES_MAX": "how much of a mail in our own mailbox is looked at",
    "core.metrics": "figures that the metrics tell",
    "core.tracing": "spans that wait to be sent",
    "core.payments": "what the payment provider sends",
    "core.configuration.values.BEFORE_MAX": "a setting's own range",
    "core.store.deliveries.ahead": "rows of one statement",
    "core.identity.credentials.guest_tokens.USER_DIGITS_MAX": "the largest number that PostgreSQL has for an id",
    "api.guests.reminder_page.ONE_CLICK_MAX_BYTES": "a body that says what its address says",
    "core.identity.phones": "a field's own range",
    "core.mails.letters": "a name's length in a mail",
    "core.mails.templates": "a subject's length",
    "api.guests.links.TOKEN_CHARS_MAX": "how much of a token is looked at",
    "core.store": "the store's own steps",
    "core.identity.superusers": "rows that the command line lists",
    "notifier.server": "connections to PostgreSQL",
    "notifier.source": "pauses between tries",
}
"""Names like a bound's that no caller meets, or meets as a field's own range, by module or name: what they bound."""
PACE = {"close_s", "first_message_s", "flush_s", "heartbeat_s", "identities_s", "page_events", "ping_s", "poll_s"}
PACE |= {"snapshot_bookings"}
"""The notifier's own pace: nothing that a client could exceed."""


def constants() -> Iterator[str]:
    """Every constant of a module that is called like a bound, or is a `Limit`."""
    for folder in SERVICES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for statement in ast.parse(path.read_text()).body:
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                if isinstance(statement, ast.AnnAssign):
                    targets = [statement.target]
                for target in targets:
                    if isinstance(target, ast.Name) and target.id.isupper() and _is_bound(target.id, statement):
                        yield f"{module}.{target.id}"


def _is_bound(name: str, statement: ast.stmt) -> bool:
    made = getattr(statement, "value", None)
    is_limit = isinstance(made, ast.Call) and isinstance(made.func, ast.Name) and made.func.id in {"Limit", "Rate"}
    return is_limit or _NAME.fullmatch(name) is not None


def test_the_page_has_the_table_as_the_code_has_it() -> None:
    """`python -m ops.bounds` prints it."""
    assert table() in (ROOT / "docs" / "bounds.md").read_text()


def test_every_bound_of_the_code_is_in_the_table_or_bounds_no_caller(
    record_property: Callable[[str, object], None],
) -> None:
    found = list(constants())
    listed = {bound.name for bound in all_bounds()}
    missing = [name for name in found if name not in listed and not any(name.startswith(one) for one in INSIDE)]
    assert missing == []
    fields = {f"{NOTIFIER}.{field.name}" for field in msgspec.structs.fields(Limits) if field.name not in PACE}
    assert fields - listed == set()
    record_property(
        FIGURE, f"bounds: {len(listed)} in the table, {len(found)} constants and {len(fields)} fields walked"
    )


def test_what_is_said_to_be_inside_is_there() -> None:
    found = list(constants())
    assert [one for one in INSIDE if not any(name.startswith(one) for name in found)] == []


def test_every_bound_has_a_value_a_unit_and_an_answer_that_there_is() -> None:
    known = {
        str(status): {code for code, (one, _) in PROBLEMS.items() if one == status} for status, _ in PROBLEMS.values()
    }
    for refusal, answer in REFUSALS.items():
        known.setdefault(str(answer.status), set()).add(str(refusal))
    for code, statuses in HANDSHAKE_REFUSALS.items():
        for status in statuses:
            known.setdefault(str(status), set()).add(code)
    for code, status in ERRORS.items():
        known.setdefault(str(status), set()).add(code)
    for bound in all_bounds():
        assert bound.value, bound.name
        assert all((bound.unit, bound.what)), bound.name
        for status, code in re.findall(r"(\d{3}) `(\w+)`", bound.answer):
            assert code in known.get(status, set()), (bound.name, status, code)
        if re.match("(429|503) ", bound.answer):
            assert "Retry-After" in bound.answer, bound.name


def test_no_bound_stands_twice() -> None:
    names = [bound.name for bound in all_bounds()]
    assert len(names) == len(set(names))
    assert all(BOUNDS.values())


def test_every_limit_is_one_of_the_table() -> None:
    limits = importlib.import_module("api.accounts.limits")
    made = {f"api.accounts.limits.{name}" for name, value in vars(limits).items() if isinstance(value, Limit)}
    assert made <= {bound.name for bound in all_bounds()}


COUNTED_BY_SUBSCRIBER = {
    "api/limits/throttle.py": "counts by subscriber",
    "api/accounts/access/authentication.py": "an agent key's own list of networks",
    "api/commands/commands.py": "the scope of an anonymous caller's idempotency key",
    "api/commands/endpoints.py": "long polls by subscriber",
    "api/contracts/agent/bulk/bulk_request.py": "the audit log",
    "api/http/audit.py": "the audit log",
    "api/http/request_context.py": "where the address is found",
    "notifier/handshake.py": "handed to `ConnectionLimits`, which counts by subscriber",
    "notifier/client_connection.py": "reads by subscriber; an agent key's own list of networks",
    "notifier/server.py": "the log",
}
"""Everything that uses a caller's address, and what for."""


def test_an_address_that_is_counted_is_a_subscriber() -> None:
    using = {
        str(path.relative_to(ROOT))
        for folder in ("api", "notifier")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"(context|_visit|visit)\.address\b|_addresses\.of\(", path.read_text())
    }
    assert using == set(COUNTED_BY_SUBSCRIBER)
