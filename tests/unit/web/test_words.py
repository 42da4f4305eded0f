"""Each sentence of the pages that are translated is in each catalogue, with the same fields; and nothing else is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.pages import ROOT

WEB = ROOT / "web"
SCRIPTS = "".join(path.read_text() for path in sorted(WEB.rglob("*.js")) if "vendor" not in path.parts)
SENTENCES = set(re.findall(r'\bt\(\s*"((?:[^"\\]|\\.)*)"', SCRIPTS))
COUNTED = set(re.findall(r'\btn\(\s*[^,]+,\s*"[^"]*",\s*"([^"]*)"', SCRIPTS))
PLURALS = {"de": {"one", "other"}, "ar": {"zero", "one", "two", "few", "many", "other"}}
"""The rules that a language counts by (CLDR)."""


def catalogue(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(Path(WEB / "words" / f"{language}.json").read_text())
    return found


def fields(words: str) -> set[str]:
    return set(re.findall(r"\{\w+\}", words))


def test_the_pages_have_sentences() -> None:
    assert len(SENTENCES) > 60
    assert len(COUNTED) > 5


@pytest.mark.parametrize("language", PLURALS)
def test_a_catalogue_has_every_sentence_and_no_other(language: str) -> None:
    counted = {f"{words}#{rule}" for words in COUNTED for rule in PLURALS[language]}
    assert set(catalogue(language)) == SENTENCES | counted


@pytest.mark.parametrize("language", PLURALS)
def test_a_translation_has_the_fields_of_its_sentence(language: str) -> None:
    for words, translated in catalogue(language).items():
        sentence, _, rule = words.partition("#")
        assert translated.strip()
        if rule:
            assert fields(translated) <= fields(sentence)
        else:
            assert fields(translated) == fields(sentence), words
