"""Kept answers: sent again only while everything that they were made of is the same, and never more than a bound."""

from __future__ import annotations

from api.reads.kept_answers import ANSWER_BYTES_MAX, ENTRY_BYTES, VALUE_BYTES, KeptAnswers, new_answer
from core.domain.resources.local_time import MINUTE_US
from core.store.reads.shared_reads import Found

NOW_US = 100 * MINUTE_US


def found(*values: bytes | None, now_us: int = NOW_US) -> Found:
    return Found(now_us, (values,), ())


def test_an_answer_is_sent_again_while_all_that_it_is_made_of_is_equal() -> None:
    kept = KeptAnswers()
    answer = new_answer(b"body", found(b"1", None))
    kept.keep("question", answer)
    assert kept.find("question", found(b"1", None)) is answer
    assert kept.find("question", found(b"1", b"")) is None
    assert kept.find("question", found(b"2", None)) is None
    assert kept.find("another", found(b"1", None)) is None


def test_it_is_made_again_when_the_clock_may_have_changed_it() -> None:
    kept = KeptAnswers()
    kept.keep("question", new_answer(b"body", found(b"1")))
    assert kept.find("question", found(b"1", now_us=NOW_US + MINUTE_US - 1)) is not None
    assert kept.find("question", found(b"1", now_us=NOW_US + MINUTE_US)) is None
    assert kept.find("question", found(b"1", now_us=NOW_US - 1)) is None, "a clock that was put back"


def test_equal_bodies_have_equal_tags_and_others_do_not() -> None:
    one, same, other = (new_answer(body, found(b"1")) for body in (b"a", b"a", b"b"))
    assert one.tag == same.tag != other.tag


def test_all_of_them_together_stay_within_the_bound_and_the_one_asked_for_longest_ago_goes_first() -> None:
    size = ENTRY_BYTES + len(b"body") + VALUE_BYTES + len(b"1")
    kept = KeptAnswers(bytes_max=3 * size)
    for question in ("first", "second", "third"):
        kept.keep(question, new_answer(b"body", found(b"1")))
    assert kept.find("first", found(b"1")) is not None
    kept.keep("fourth", new_answer(b"body", found(b"1")))
    there = [question for question in ("first", "second", "third", "fourth") if kept.find(question, found(b"1"))]
    assert there == ["first", "third", "fourth"]
    assert kept.size_bytes == 3 * size


def test_an_answer_that_replaces_another_counts_once() -> None:
    kept = KeptAnswers()
    for body in (b"long" * 100, b"short"):
        kept.keep("question", new_answer(body, found(b"1")))
    assert kept.size_bytes == ENTRY_BYTES + len(b"short") + VALUE_BYTES + len(b"1")


def test_an_answer_as_large_as_many_others_is_not_kept() -> None:
    kept = KeptAnswers()
    kept.keep("question", new_answer(b"x" * ANSWER_BYTES_MAX, found(b"1")))
    assert (kept.find("question", found(b"1")), kept.size_bytes) == (None, 0)
