"""How PostgreSQL's own log is kept free of personal data: settings of the server, and of our role in it.

An error's first line can hold a value (`invalid input syntax for type date: "..."`), DETAIL the key of a row, CONTEXT a
line of COPY, STATEMENT what was asked, and parameters everything. So errors of the application's statements are not
logged there at all: the process that made one logs it, with its ids. Whatever else the server logs is without these parts.
"""

from __future__ import annotations

from collections.abc import Mapping

SERVER_LOG = {
    # First lines without DETAIL, HINT, CONTEXT and QUERY. The formats csvlog and jsonlog do not heed it.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""Of the whole server."""
ROLE_LOG = {**SERVER_LOG, "log_min_messages": "log"}
"""Of the application's role: ERROR and what is below is not logged, LOG, FATAL and PANIC are.

Of the role alone, as the server's own processes (autovacuum, replication) have to tell their errors.
"""

_ABOVE_ERRORS = frozenset({"log", "fatal", "panic"})
_HARMLESS = {
    "log_error_verbosity": frozenset({"terse"}),
    "log_min_messages": _ABOVE_ERRORS,
    "log_min_error_statement": _ABOVE_ERRORS,
    "log_parameter_max_length": frozenset({"0"}),
    "log_parameter_max_length_on_error": frozenset({"0"}),
    "auto_explain.log_min_duration": frozenset({"-1"}),
}
"""Statements themselves may be logged, when slow for instance: Holdfast sends every value as a parameter. Plans show them."""
SHOWN = tuple(_HARMLESS)
"""What a session asks of its server; one that it does not know (auto_explain is not loaded) is left out."""


def revealing(settings: Mapping[str, str]) -> tuple[str, ...]:
    """The settings, as `name = value`, by which the server's log would hold personal data."""
    return tuple(f"{name} = {value}" for name, value in settings.items() if value not in _HARMLESS[name])
