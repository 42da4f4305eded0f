"""Whose fault each of PostgreSQL's codes is: all classes of its appendix A, and all codes that psycopg knows."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from core.engine.verdicts import TABLE, Verdict, is_outage, of_its_class, verdict_of

APPENDIX_A = [
    "00",
    "01",
    "02",
    "03",
    "08",
    "09",
    "0A",
    "0B",
    "0F",
    "0L",
    "0P",
    "0Z",
    "10",
    "20",
    "21",
    "22",
    "23",
    "24",
    "25",
    "26",
    "27",
    "28",
    "2B",
    "2D",
    "2F",
    "34",
    "38",
    "39",
    "3B",
    "3D",
    "3F",
    "40",
    "42",
    "44",
    "53",
    "54",
    "55",
    "57",
    "58",
    "F0",
    "HV",
    "P0",
    "XX",
]
"""Table A.1 of PostgreSQL 18; https://www.postgresql.org/docs/18/errcodes-appendix.html."""
CODES = sorted(
    {
        one.sqlstate
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, psycopg.Error) and one.sqlstate
    }
)
RACES = {"0A000", "23503", "23505", "23P01", "26000", "40001", "40P01"}
SLOW = {"57014", "25P03", "25P04"}


def raised(code: str) -> psycopg.Error:
    kind = type("Raised", (psycopg.Error,), {"sqlstate": code})
    found: psycopg.Error = kind("as the server says it")
    return found


@pytest.mark.parametrize("class_", APPENDIX_A)
def test_each_class_has_a_row(class_: str) -> None:
    assert class_ in {row.state for row in TABLE}


@pytest.mark.parametrize("code", sorted({*CODES, *(f"{class_}ZZZ" for class_ in APPENDIX_A)}))
def test_only_data_is_ever_charged_to_a_command(code: str) -> None:
    own = code[:2] in {"22", "23"} and code not in {"22023", "23502"}
    problem = raised(code)
    assert (verdict_of(problem) is Verdict.OWN) == (own and code not in RACES)
    assert (of_its_class(problem) is Verdict.OWN) == (code[:2] in {"22", "23"})
    assert (verdict_of(problem) is Verdict.LOST_RACE) == (code in RACES)
    assert (verdict_of(problem) is Verdict.SLOW) == (code in SLOW or code[:2] == "08")
    assert is_outage(problem) == (not own and code not in RACES)


def test_psycopg_knows_codes_of_nearly_all_classes() -> None:
    assert {code[:2] for code in CODES} >= set(APPENDIX_A) - {"00", "01"}


@pytest.mark.parametrize("code", ["ZZ000", "99999", "F1001"])
def test_what_a_newer_server_says_is_never_charged(code: str) -> None:
    assert verdict_of(raised(code)) is Verdict.MISMATCH


def test_without_a_code_it_is_a_lost_connection_or_a_bug() -> None:
    assert verdict_of(psycopg.OperationalError("the connection is lost")) is Verdict.SLOW
    assert verdict_of(psycopg.InterfaceError("the connection is closed")) is Verdict.SLOW
    assert verdict_of(psycopg.DataError("text cannot contain NUL")) is Verdict.OWN
    assert verdict_of(RuntimeError("a bug")) is Verdict.OWN


def test_each_row_says_something_of_its_own_and_why() -> None:
    assert len({row.state for row in TABLE}) == len(TABLE)
    assert all(row.reason and len(row.state) in {2, 5} for row in TABLE)
