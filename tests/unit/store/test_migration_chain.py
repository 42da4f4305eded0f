"""Every migration follows one other, so that `migrate` has one way to go."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.store import migrations

VERSIONS = sorted((Path(migrations.__file__).parent / "versions").glob("[0-9]*.py"))
_REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
_FOLLOWS = re.compile(r'^down_revision = (?:"(\w+)"|None)$', re.MULTILINE)


def _found(pattern: re.Pattern[str], path: Path) -> str | None:
    match = pattern.search(path.read_text())
    assert match is not None, path.name
    return match.group(1)


def test_each_follows_the_one_before_it() -> None:
    """Two that follow the same one, as two branches bring them, leave `migrate` with two heads: it does nothing."""
    revisions = [_found(_REVISION, path) for path in VERSIONS]
    assert [_found(_FOLLOWS, path) for path in VERSIONS] == [None, *revisions[:-1]]


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_file_has_its_revisions_number(path: Path) -> None:
    assert path.name.startswith(f"{_found(_REVISION, path)}_")
