"""The README covers what a newcomer looks for, and names nothing that does not exist."""

from __future__ import annotations

import re

import pytest

from ops.embedded.environment import ROOT

README = (ROOT / "README.md").read_text()
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
CONTRACTS = sorted(path.name for path in (ROOT / "api" / "contracts").iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_told(target: str) -> None:
    assert f"make {target}" in README


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_page_is_told(page: str) -> None:
    assert f"docs/{page}" in README


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_contract_is_told_with_its_state(contract: str) -> None:
    assert re.search(rf"^\| {contract} \| all of its document", README, re.MULTILINE)


def test_every_file_that_it_names_is_there() -> None:
    named = re.findall(r"`((?:docs|api|core|ops|workers|notifier)/[\w/]+\.\w+)`", README)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
