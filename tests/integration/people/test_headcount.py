"""The tally of people: exact before, while and after what was appended is folded in."""

from __future__ import annotations

import threading
from typing import Any

from core.store.lists import headcount
from tests.support.engine.lanes import Pipeline

GROUPED = "is_active, is_staff, is_superuser, gender_key, coalesce(country_code, '')"
SQL_PEOPLE = """
INSERT INTO user_account (username, username_key, gender, country, country_code, is_active)
SELECT %(name)s || n, %(name)s || n, %(gender)s, %(country)s, %(code)s, n %% 2 = 0 FROM generate_series(1, %(count)s) n
"""


def join(pipeline: Pipeline, name: str, count: int, gender: str = "male", code: str | None = "EG") -> None:
    values = {"name": name, "count": count, "gender": gender, "country": code or "Narnia", "code": code}
    pipeline.connection.execute(SQL_PEOPLE, values)


def counted(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    found = pipeline.rows(
        f"SELECT {GROUPED}, sum(people)::int FROM user_count GROUP BY 1,2,3,4,5 HAVING sum(people) <> 0"
    )
    truth = pipeline.rows(f"SELECT {GROUPED}, count(*)::int FROM user_account GROUP BY 1, 2, 3, 4, 5")
    assert sorted(found) == sorted(truth)
    return found


def test_the_tally_is_exact_through_every_kind_of_change_and_after_folding(pipeline: Pipeline) -> None:
    def fold_and_count() -> None:
        counted(pipeline)
        headcount.fold(pipeline.connection)
        counted(pipeline)
        assert pipeline.rows("SELECT FROM user_tally_change") == []

    join(pipeline, "a", 7)
    join(pipeline, "b", 4, gender="robot", code=None)
    fold_and_count()
    pipeline.connection.execute("UPDATE user_account SET is_staff = true, gender = 'f' WHERE username LIKE 'a%'")
    fold_and_count()
    pipeline.connection.execute("UPDATE user_account SET country_code = 'CA' WHERE username = 'b1'")
    pipeline.connection.execute("DELETE FROM user_account WHERE username = 'a1'")
    fold_and_count()
    pipeline.connection.execute("DELETE FROM user_account")
    fold_and_count()


def test_a_login_changes_no_tally(pipeline: Pipeline) -> None:
    join(pipeline, "a", 1)
    headcount.fold(pipeline.connection)
    pipeline.connection.execute("UPDATE user_account SET last_login = clock_timestamp()")
    assert pipeline.rows("SELECT FROM user_tally_change") == []


def test_what_is_rolled_back_is_not_counted(pipeline: Pipeline) -> None:
    join(pipeline, "a", 2)
    other = pipeline.connect()
    other.execute("BEGIN")
    other.execute("DELETE FROM user_account")
    assert sum(row[-1] for row in counted(pipeline)) == 2
    other.execute("ROLLBACK")
    assert sum(row[-1] for row in counted(pipeline)) == 2


def test_two_sweeps_at_once_count_everybody_once(pipeline: Pipeline) -> None:
    for number in range(30):
        join(pipeline, f"n{number}-", 3, gender=("male", "female", "")[number % 3])
    connections = [pipeline.connect() for _ in range(4)]
    threads = [threading.Thread(target=headcount.fold, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    headcount.fold(pipeline.connection)
    assert sum(row[-1] for row in counted(pipeline)) == 90
