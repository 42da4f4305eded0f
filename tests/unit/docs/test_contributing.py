"""CONTRIBUTING.md leads somewhere: every file that it names exists, and every symbol in it."""

from __future__ import annotations

import pytest

from tests.support.pages import ROOT, names_in, paths_in, symbols_in

PAGE = (ROOT / "CONTRIBUTING.md").read_text()


def test_every_path_that_it_names_exists() -> None:
    assert [path for path in paths_in(PAGE) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(("path", "name"), sorted(set(symbols_in(PAGE))))
def test_every_symbol_that_it_names_exists(path: str, name: str) -> None:
    assert name in names_in(path)
