"""CONTRIBUTING.md leads somewhere: every file that it names exists, and every symbol in it."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import ROOT, names_in, paths_in, sections, symbols_in

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
SECTIONS = sections(PAGE)
RECIPES = [title for title in SECTIONS if title.startswith("Add ")]
QUESTIONS = re.findall(r"^\| (.+\?) \| (.+) \| (.+) \|$", SECTIONS["Where is it decided that ..."], re.MULTILINE)


def test_every_path_that_it_names_exists() -> None:
    assert [path for path in paths_in(PAGE) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(("path", "name"), sorted(set(symbols_in(PAGE))))
def test_every_symbol_that_it_names_exists(path: str, name: str) -> None:
    assert name in names_in(path)


@pytest.mark.parametrize("title", RECIPES)
def test_every_step_of_a_recipe_names_where_it_is_done(title: str) -> None:
    steps = re.findall(r"^\d+\. .*(?:\n(?!\d+\. |\n).*)*", SECTIONS[title], re.MULTILINE)
    assert steps
    assert [step for step in steps if not paths_in(step) and not symbols_in(step)] == []


@pytest.mark.parametrize(("question", "place", "test"), QUESTIONS)
def test_a_question_is_answered_by_one_place_and_one_test(question: str, place: str, test: str) -> None:
    assert len(symbols_in(place)) == 1
    ((path, name),) = symbols_in(test)
    assert path.startswith("tests/")
    assert name.startswith("test_")


def test_there_are_recipes_and_questions() -> None:
    assert {"Add a command", "Add a field of a booking", "Add a filter of a list", "Add a contract"} <= set(RECIPES)
    assert len(QUESTIONS) >= 10
