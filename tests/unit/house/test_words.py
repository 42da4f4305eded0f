"""Words that the glossary retired stay out of code, pages and messages."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import ROOT, texts

PAGE = ROOT / "docs" / "glossary.md"
ROW = re.compile(r"^\| (`?)([^|`]+)\1 \| ([^|]+) \|([^|]*)\|$", re.MULTILINE)
RETIRED = [(word, said, re.findall(r"`([^`]+)`", files)) for _, word, said, files in ROW.findall(
    PAGE.read_text().partition("## Retired words")[2]) if word not in {"not", "---"}]  # fmt: skip
TEXTS = {path: text for path, text in texts().items() if path != "docs/glossary.md"}
WORDS = {path: frozenset(re.findall(r"\w+", text)) for path, text in TEXTS.items()}
PROSE = {path: " ".join(text.lower().split()) for path, text in TEXTS.items()}


def where(word: str) -> set[str]:
    """The files that have a word: an identifier as it is written, a phrase of prose across line ends."""
    if re.fullmatch(r"\w+", word):
        return {path for path, words in WORDS.items() if word in words}
    return {path for path, prose in PROSE.items() if word in prose}


@pytest.mark.parametrize(("word", "said", "files"), RETIRED, ids=[word for word, _, _ in RETIRED])
def test_a_retired_word_stays_retired(word: str, said: str, files: list[str]) -> None:
    assert where(word) - set(files) == set(), f"say {said}"


def test_every_exception_is_still_needed() -> None:
    assert [(word, path) for word, _, files in RETIRED for path in files if path not in where(word)] == []


def test_no_word_is_retired_twice_or_for_a_retired_one() -> None:
    words = [word for word, _, _ in RETIRED]
    assert len(words) == len(set(words)) > 100
    assert {said.strip("`") for _, said, _ in RETIRED} & set(words) == set()
