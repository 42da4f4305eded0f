"""Which database errors are the request's own data, and which are an outage: all of PostgreSQL's codes."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from api.http.database_errors import TABLE, Meaning, is_outage, meaning_of

CODES = sorted(
    code for code in errors._sqlcodes if len(code) == 5 and code[:2].isalnum() and code.isupper() | code.isdigit()
)
OWN = {Meaning.OWN_DATA, Meaning.ALREADY_THERE}


def raised(code: str) -> psycopg.Error:
    return errors.lookup(code)("as the server says it")


def test_psycopg_knows_codes_of_all_classes() -> None:
    assert len({code[:2] for code in CODES}) > 35


@pytest.mark.parametrize("code", CODES)
def test_only_values_are_the_requests_own(code: str) -> None:
    own = code[:2] in {"22", "23", "54"} and code not in {"22023", "23502"}
    assert (meaning_of(raised(code)) in OWN) == own
    assert is_outage(raised(code)) == (not own)


@pytest.mark.parametrize("code", [code for code in CODES if code[:2] in {"08", "40", "58", "XX"}])
def test_what_can_strike_in_a_commit_is_looked_up(code: str) -> None:
    assert meaning_of(raised(code)) is Meaning.UNKNOWN


def test_a_lost_statement_is_prepared_again() -> None:
    assert {code for code in CODES if meaning_of(raised(code)) is Meaning.UNPREPARED} == {"0A000", "26000"}


def test_a_column_that_is_missing_is_nobodys_data() -> None:
    assert meaning_of(raised("42703")) is Meaning.NOT_FITTING


def test_an_error_that_no_server_sent_says_nothing_of_what_was_written() -> None:
    assert meaning_of(psycopg.OperationalError("the connection is lost")) is Meaning.UNKNOWN
    assert meaning_of(RuntimeError("a bug")) is Meaning.UNKNOWN


def test_a_mistake_that_psycopg_notices_is_a_bug() -> None:
    assert not is_outage(psycopg.ProgrammingError("two placeholders, three values"))
    assert is_outage(psycopg.OperationalError("the connection is lost"))


def test_each_row_says_something_of_its_own_and_why() -> None:
    assert len({row.state for row in TABLE}) == len(TABLE)
    assert all(row.reason and len(row.state) in {2, 5} for row in TABLE)
