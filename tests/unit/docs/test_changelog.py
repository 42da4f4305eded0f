"""CHANGELOG.md has a heading for each version, and says under each what an operator must do."""

from __future__ import annotations

import re

import pytest
from packaging.version import Version

from core.release import VERSION
from tests.support.pages import ROOT, sections, texts

SECTIONS = sections((ROOT / "CHANGELOG.md").read_text())
UNRELEASED = "Unreleased"
FOR_OPERATORS = "For operators"
OPERATORS = {
    name: re.findall(rf"^### {FOR_OPERATORS}$(.*?)^### ", text, re.MULTILINE | re.DOTALL)
    for name, text in SECTIONS.items()
}
TOLD = "".join(part for parts in OPERATORS.values() for part in parts)
_CODE = "".join(text for path, text in texts().items() if path.startswith(("core/", "ops/", "docs/", "api/")))


def test_the_newest_heading_is_the_version_of_the_code() -> None:
    newest = next(iter(SECTIONS))
    assert newest == (UNRELEASED if Version(VERSION).is_devrelease else VERSION)


def test_versions_are_told_newest_first_and_the_code_is_beyond_them() -> None:
    told = [Version(name) for name in SECTIONS if name != UNRELEASED]
    assert told == sorted(set(told), reverse=True)
    assert Version(VERSION) >= told[0]


@pytest.mark.parametrize("name", SECTIONS)
def test_each_version_says_what_an_operator_must_do(name: str) -> None:
    """At its beginning, and that there is nothing where there is nothing."""
    (told,) = OPERATORS[name]
    assert len(told.split()) >= 3
    assert SECTIONS[name].index(f"### {FOR_OPERATORS}") == SECTIONS[name].index("### ")


def test_settings_and_pages_that_operators_are_told_of_exist() -> None:
    settings = set(re.findall(r"\b(?:HOLDFAST|POSTGRES|STRIPE)_[A-Z_]+\b", TOLD))
    everything = _CODE + "".join((ROOT / one).read_text() for one in (".env.example", "docker-compose.yml"))
    assert {one for one in settings if one not in everything} == set()
    assert {one for one in re.findall(r"`((?:docs|ops)/[\w/.]+)`", TOLD) if not (ROOT / one).exists()} == set()


@pytest.mark.parametrize("line", ["accounts to look at", "the same name twice", "people have two seats of one session"])
def test_a_line_that_operators_are_told_to_look_for_is_logged(line: str) -> None:
    migrations = "".join(one.read_text() for one in (ROOT / "core" / "store").rglob("*.py"))
    assert f"`{line}`" in TOLD
    assert line in migrations
