"""The admin desk's list of people: every filter, sort and page; statistics and options; at the document's paths."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client, admin
from tests.support.processes.stack import Stack

USERS = "/api/admin/users/"
FAMILY = f"zq{secrets.token_hex(4)}"
"""The last name of everybody here: nobody else has it."""

PEOPLE = [
    # username, first name, gender, country, code, active, staff, joined, last login
    ("ada", "Ada", "female", "Egypt", "EG", True, True, "2031-01-01 10:00Z", "2031-05-01Z"),
    ("ben", "ben", "Male", "EGY", "EG", True, False, "2031-01-02 23:59Z", None),
    ("cleo", "Cleo", "F", "Canada", "CA", False, False, "2031-01-03 00:00Z", "2031-04-01Z"),
    ("dora", "Dora", "", "Narnia", None, True, False, "2031-01-04 12:00Z", None),
    ("edd", "100%_\\ Edd", "robot", "", None, True, False, "2031-01-05 12:00Z", "2031-06-01Z"),
]
SQL_PERSON = """
INSERT INTO user_account (username, username_key, first_name, last_name, contact_email, gender, country, country_code,
                          is_active, is_staff, date_joined, last_login)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Iterator[Client]:
    for username, first, gender, country, code, active, is_staff, joined, login in PEOPLE:
        name = f"{username}-{FAMILY}"
        values = (name, name, first, FAMILY, f"{username}@{FAMILY}.example", gender, country, code, active, is_staff)
        execute(stack, SQL_PERSON, *values, joined, login)
    with admin(stack.api_url) as client:
        yield client


def listed(staff: Client, **query: Any) -> dict[str, Any]:
    answer = staff.get(USERS, params={"search": FAMILY, "sort_by": "id", "sort_order": "asc", **query})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def names(staff: Client, **query: Any) -> list[str]:
    return [person["username"].split("-")[0] for person in listed(staff, **query)["data"]]


ALL = ["ada", "ben", "cleo", "dora", "edd"]


def test_a_person_is_shown_whole(staff: Client) -> None:
    (ada,) = listed(staff, search=f"ada@{FAMILY}")["data"]
    assert ada | {"id": 0} == {
        "id": 0,
        "username": f"ada-{FAMILY}",
        "first_name": "Ada",
        "last_name": FAMILY,
        "email": f"ada@{FAMILY}.example",
        "email_is_login": False,
        "phone": "",
        "gender": "female",
        "country": "Egypt",
        "country_code": "EG",
        "is_active": True,
        "is_staff": True,
        "is_superuser": False,
        "is_practitioner": False,
        "is_anonymised": False,
        "date_joined": "2031-01-01T10:00:00.000000+00:00",
        "last_login": "2031-05-01T00:00:00.000000+00:00",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ALL),
        ({"is_active": "false"}, ["cleo"]),
        ({"is_staff": "true"}, ["ada"]),
        ({"is_superuser": "true"}, []),
        ({"gender": "male"}, ["ben"]),
        ({"gender": "female"}, ["ada", "cleo"]),
        ({"gender": "other"}, ["edd"]),
        ({"country": "Egypt"}, ["ada", "ben"]),
        ({"country": "eg"}, ["ada", "ben"]),
        ({"country": " narnia "}, ["dora"]),
        ({"country": "France"}, []),
        ({"date_joined_from": "2031-01-02"}, ["ben", "cleo", "dora", "edd"]),
        ({"date_joined_to": "2031-01-02"}, ["ada", "ben"]),
        ({"date_joined_from": "2031-01-03", "date_joined_to": "2031-01-03"}, ["cleo"]),
        ({"gender": "female", "country": "Egypt", "is_active": "true"}, ["ada"]),
        ({"search": f"ADA-{FAMILY.upper()}"}, ["ada"]),
        ({"search": f"ben  {FAMILY}"}, ["ben"]),
        ({"search": f"dora@{FAMILY}"}, ["dora"]),
        ({"search": "100%_\\"}, ["edd"]),
        ({"search": f"%{FAMILY[1:]}"}, []),
        ({"search": f"a_a-{FAMILY}"}, []),
    ],
)
def test_a_filter_finds_who_it_says(staff: Client, query: dict[str, str], found: list[str]) -> None:
    assert names(staff, **query) == found
    body = listed(staff, **query)
    assert (body["total_count"], body["total_exact"], body["count"]) == (len(found), True, len(found))


def test_one_or_two_letters_find_the_beginnings_of_words(staff: Client) -> None:
    """Fewer letters than a trigram has: by index all the same."""
    found = staff.get(USERS, params={"search": "zq", "limit": 500}).json()
    assert {person["last_name"] for person in found["data"]} == {FAMILY}
    assert staff.get(USERS, params={"search": FAMILY[1:3], "limit": 500}).json()["count"] <= found["count"]


@pytest.mark.parametrize(
    ("sort_by", "order"),
    [
        ("id", ALL),
        ("username", ALL),
        ("first_name", ["edd", "ada", "ben", "cleo", "dora"]),
        ("last_name", ALL),
        ("email", ALL),
        ("date_joined", ALL),
        ("last_login", ["ben", "dora", "cleo", "ada", "edd"]),
        ("is_active", ["cleo", "ada", "ben", "dora", "edd"]),
        ("is_staff", ["ben", "cleo", "dora", "edd", "ada"]),
        ("is_superuser", ALL),
    ],
)
def test_a_list_is_sorted_either_way(staff: Client, sort_by: str, order: list[str]) -> None:
    assert names(staff, sort_by=sort_by) == order
    assert names(staff, sort_by=sort_by, sort_order="desc") == order[::-1]


def test_the_newest_come_first_unless_told(staff: Client) -> None:
    assert [p["username"].split("-")[0] for p in staff.get(USERS, params={"search": FAMILY}).json()["data"]] == ALL[
        ::-1
    ]


def test_pages_put_together_are_the_list(staff: Client) -> None:
    pages = [listed(staff, sort_by="first_name", limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [person["username"][:3] for page in pages for person in page["data"]] == ["edd", "ada", "ben", "cle", "dor"]
    assert [(page["count"], page["total_count"], page["offset"]) for page in pages] == [
        (2, 5, 0),
        (2, 5, 2),
        (1, 5, 4),
        (0, 5, 6),
    ]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"gender": "robot"}, "gender must be one of male, female, other"),
        ({"is_active": "yes"}, "is_active must be one of true, false"),
        (
            {"sort_by": "password_hash"},
            "sort_by must be one of id, username, first_name, last_name, email, date_joined",
        ),
        ({"sort_order": "up"}, "sort_order must be one of desc, asc"),
        ({"country": "Atlantis"}, "country must be one of Afghanistan (AF), Åland Islands (AX)"),
        ({"date_joined_from": "05/06/2025"}, "date_joined_from must be a day like 2025-10-15"),
        ({"limit": "0"}, "limit must be a whole number from 1 to 500"),
        ({"page": "2"}, "Unknown parameter: page"),
        ({"search": "a\x00"}, "search must not contain the control character U+0000"),
    ],
)
def test_an_unknown_value_is_refused_with_the_allowed_ones(staff: Client, query: dict[str, str], words: str) -> None:
    answer = staff.get(USERS, params=query)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(words)
    assert [problem["field"] for problem in answer.json()["errors"]] == list(query)


def test_totals_of_whole_groups_are_exact(stack: Stack, staff: Client) -> None:
    for query, condition in {
        "": "true",
        "is_active=true": "is_active",
        "is_staff=true&gender=female": "is_staff AND gender_key = 'female'",
        "country=Canada": "country_code = 'CA'",
    }.items():
        ((count,),) = execute(stack, f"SELECT count(*) FROM user_account WHERE {condition}")
        assert staff.get(f"{USERS}?{query}").json()["total_count"] == count


def test_statistics_count_everybody(stack: Stack, staff: Client) -> None:
    stats = staff.get(f"{USERS}stats/").json()["stats"]
    ((total, active, people_of_staff, superusers, male, female),) = execute(
        stack,
        "SELECT count(*), count(*) FILTER (WHERE is_active), count(*) FILTER (WHERE is_staff),"
        " count(*) FILTER (WHERE is_superuser), count(*) FILTER (WHERE gender_key = 'male'),"
        " count(*) FILTER (WHERE gender_key = 'female') FROM user_account",
    )
    assert stats | {"today_users": 0, "week_users": 0, "month_users": 0} == {
        "total_users": total,
        "active_users": active,
        "inactive_users": total - active,
        "staff_users": people_of_staff,
        "superusers": superusers,
        "male_users": male,
        "female_users": female,
        "today_users": 0,
        "week_users": 0,
        "month_users": 0,
    }
    assert 0 < stats["today_users"] <= stats["week_users"] <= stats["month_users"] <= total


def test_the_options_are_what_the_list_takes(staff: Client) -> None:
    options = staff.get(f"{USERS}filter-options/").json()["data"]
    for sort_by in options["sort_by"]:
        for sort_order in options["sort_order"]:
            assert len(listed(staff, sort_by=sort_by, sort_order=sort_order)["data"]) == len(PEOPLE)
    for gender in options["gender"]:
        assert listed(staff, gender=gender)["total_exact"] is True
    counts = {country["code"]: country["count"] for country in options["country"]}
    assert counts["EG"] == staff.get(USERS, params={"country": "EG"}).json()["total_count"]
    assert {country["name"] for country in options["country"]} >= {"Egypt", "Canada"}
