"""Libraries that are patched stand in one table, are bounded, and have not moved from under their patches."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from ops import patches
from ops.patches import PATCHES, moved, table

ROOT = Path(__file__).parents[3]


def _requirements() -> Mapping[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["embedded"]]
    return {one.name: one for one in map(Requirement, lines)}


def _locked(name: str) -> Version:
    (found,) = re.findall(rf"^{name}==(\S+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE)
    return Version(found)


def test_what_a_patch_leans_on_is_as_it_was() -> None:
    """Asked in a process of its own: in this one some patches may be installed."""
    checked = subprocess.run(
        [sys.executable, "-m", "ops.patches", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_what_is_gone_and_what_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    leans_on = {"gunicorn.util:parse_address": "0", "gunicorn.util:no_such_thing": "0", "no_such_library:thing": "0"}
    monkeypatch.setattr(patches, "PATCHES", [msgspec.structs.replace(PATCHES[0], leans_on=leans_on)])
    assert [line.split(" is ")[0] for line in moved()] == list(leans_on)


@pytest.mark.parametrize("name", sorted({patch.library for patch in PATCHES}))
def test_a_library_that_is_bent_is_bounded_above(name: str) -> None:
    """Also an installation without the locks gets no release beyond those that the patches were written for."""
    specifier = _requirements()[name].specifier
    (above,) = [one.version for one in specifier if one.operator == "<"]
    written_for = [patch.version for patch in PATCHES if patch.library == name]
    assert _locked(name) in specifier
    assert all(version in specifier and above not in specifier for version in map(Version, written_for))
    assert all(str(_locked(name)).startswith(version) for version in written_for), "the table names another version"


def test_each_patch_stands_where_the_table_says() -> None:
    for patch in PATCHES:
        library = patch.library.replace("-", "_")
        text = (ROOT / f"{patch.ours.replace('.', '/')}.py").read_text()
        assert find_spec(patch.ours.rpartition(".")[0]) is not None
        assert library in text.replace(".", "_"), f"{patch.ours} does not name {library}"


def test_gunicorn_is_known_in_one_room() -> None:
    found = [
        path
        for path in (ROOT / "api").rglob("*.py")
        if re.search(r"^(from|import) gunicorn", path.read_text(), re.MULTILINE)
    ]
    assert {path.parent for path in found} == {ROOT / "api" / "server"}


def test_the_page_says_what_the_table_says() -> None:
    """`python -m ops.patches` prints it."""
    assert table() in (ROOT / "docs" / "dependencies.md").read_text()
