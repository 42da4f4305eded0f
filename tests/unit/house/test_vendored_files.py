"""What comes from others is listed with its source, version and licence, and is what it was when it came."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.pages import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
LISTED: list[dict[str, str]] = tomllib.loads((FIXTURES / "vendored.toml").read_text())["file"]
OURS = {
    "README.md",
    "vendored.toml",
    "agent.json",
    "appointments.json",
    "commands.json",
    "marketplace.json",
    "rooms.json",
}
"""Written by ourselves; what else lies among the fixtures is somebody else's."""
LICENCES = {"Apache-2.0"}
"""Those whose terms tests/fixtures/README.md fulfils."""


def name_of(file: Mapping[str, str]) -> str:
    return Path(file["path"]).name


@pytest.mark.parametrize("file", LISTED, ids=name_of)
def test_a_vendored_file_is_unchanged(file: Mapping[str, str]) -> None:
    assert hashlib.sha256((ROOT / file["path"]).read_bytes()).hexdigest() == file["sha256"]


@pytest.mark.parametrize("file", LISTED, ids=name_of)
def test_a_vendored_file_says_where_it_comes_from(file: Mapping[str, str]) -> None:
    assert set(file) == {"path", "source", "source_path", "version", "licence", "sha256"}
    assert all(file.values())
    assert file["licence"] in LICENCES
    assert file["version"] in (FIXTURES / "README.md").read_text()


def test_every_vendored_fixture_is_listed() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in FIXTURES.rglob("*") if path.is_file()}
    assert there - {f"tests/fixtures/{name}" for name in OURS} == {file["path"] for file in LISTED}
