"""Libraries in `web/vendor` are what npm has under their version, but for the names in their imports."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import ROOT

LIST = ROOT / "web" / "vendor" / "list.toml"
LISTED: list[dict[str, Any]] = tomllib.loads(LIST.read_text())["file"]
FOLDERS = (ROOT / "web" / "vendor", ROOT / "tests" / "browser" / "vendor")
LICENCES = {"MIT", "Apache-2.0", "MPL-2.0"}
TYPES = ".d.ts"
"""Ours: each names the package whose types a library has."""


@pytest.mark.parametrize("file", LISTED, ids=lambda file: Path(file["path"]).name)
def test_a_library_is_what_was_published(file: dict[str, Any]) -> None:
    text = (ROOT / file["path"]).read_text()
    for package, path in file.get("imports", {}).items():
        assert f'from"{path}"' in text
        text = text.replace(f'from"{path}"', f'from"{package}"')
    assert hashlib.sha256(text.encode()).hexdigest() == file["sha256"]


@pytest.mark.parametrize("file", LISTED, ids=lambda file: Path(file["path"]).name)
def test_a_library_says_where_it_comes_from_and_brings_its_licence(file: dict[str, Any]) -> None:
    assert set(file) - {"imports"} == {
        "path",
        "package",
        "version",
        "source_path",
        "licence",
        "licence_file",
        "sha256",
    }
    assert re.fullmatch(r"\d+\.\d+\.\d+", file["version"])
    assert file["licence"] in LICENCES
    assert len((ROOT / file["licence_file"]).read_text()) > 500


def test_every_library_is_listed() -> None:
    there = {path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in folder.rglob("*") if path.is_file()}
    named = {name for file in LISTED for name in (file["path"], file["licence_file"])}
    ours = {name for name in there if name.endswith(TYPES)} | {LIST.relative_to(ROOT).as_posix()}
    assert there - ours == named


def test_a_library_is_checked_against_the_types_of_its_own_version() -> None:
    wanted = json.loads((ROOT / "ops" / "web" / "package.json").read_text())["devDependencies"]
    locked = json.loads((ROOT / "ops" / "web" / "package-lock.json").read_text())["packages"]
    for file in LISTED:
        if file["package"] in wanted:
            assert wanted[file["package"]] == file["version"]
            assert locked[f"node_modules/{file['package']}"]["version"] == file["version"]


def test_what_checks_the_pages_is_locked_without_a_host() -> None:
    lock = (ROOT / "ops" / "web" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in one for name, one in packages.items() if name)
