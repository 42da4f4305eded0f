"""Version and commit: the same from a checkout, an archive and an image."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from core import release
from core.release import UNKNOWN, VERSION, checked_out, is_commit
from ops.cli import main
from ops.image_stamp import WrongStampError, stamp
from tests.support.pages import ROOT

COMMIT = "0460132c7f0a0460132c7f0a0460132c7f0a0460"
ASK = "import sys; sys.path.insert(0, sys.argv[1]); from core import release; print(release.commit())"


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with this module in it, at its first commit."""
    folder = tmp_path / "checkout"
    (folder / "core").mkdir(parents=True)
    for name in (
        "core/__init__.py",
        "core/garbage_collector.py",
        "core/hidden_imports.py",
        "core/release.py",
        ".gitattributes",
    ):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=One")
    return folder


def said_in(folder: Path) -> str:
    done = subprocess.run([sys.executable, "-P", "-c", ASK, str(folder)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_checkout_knows_its_commit_however_git_keeps_it(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert checked_out(checkout) == head
    git(checkout, "pack-refs", "--all")
    assert checked_out(checkout) == head
    git(checkout, "checkout", "--quiet", "--detach")
    assert checked_out(checkout) == head


def test_a_worktree_knows_its_own_commit(checkout: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    git(checkout, "worktree", "add", "--quiet", "../beside", "-b", "team/beside")
    git(checkout, "commit", "--quiet", "--allow-empty", "--message=Two")
    assert checked_out(checkout.parent / "beside") == first != checked_out(checkout)


def test_an_archive_knows_the_commit_that_it_is_of(checkout: Path) -> None:
    unpacked = checkout.parent / "unpacked"
    unpacked.mkdir()
    archive = subprocess.run(["git", "-C", str(checkout), "archive", "HEAD"], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(unpacked)], input=archive.stdout, check=True)
    assert said_in(unpacked) == git(checkout, "rev-parse", "HEAD")


def test_an_image_knows_the_commit_that_it_was_built_of(checkout: Path) -> None:
    subprocess.run(["rm", "-rf", str(checkout / ".git")], check=True)
    assert said_in(checkout) == UNKNOWN
    stamp(VERSION, COMMIT, checkout)
    assert said_in(checkout) == COMMIT


@pytest.mark.parametrize(
    ("version", "commit", "says"),
    [
        ("", COMMIT, f"set HOLDFAST_VERSION={VERSION}"),
        ("latest", COMMIT, "the image would be called latest"),
        (f"{VERSION}1", COMMIT, f"this code is version {VERSION}"),
        (VERSION, "", r"build it with HOLDFAST_COMMIT=\$\(git rev-parse HEAD\)"),
        (VERSION, "main", "the full hash"),
        (VERSION, COMMIT[:12], "the full hash"),
    ],
)
def test_an_image_that_would_not_be_what_its_labels_say_is_not_built(
    version: str, commit: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongStampError, match=says):
        stamp(version, commit, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_build_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    stamp(f"{VERSION}-hotfix.1", COMMIT, tmp_path)
    assert (tmp_path / release.IN_IMAGE).read_text() == f"{COMMIT}\n"


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_command_prints_version_and_commit(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    assert capsys.readouterr().out == f"holdfast {VERSION} (commit {release.commit()[:12]})\n"


def test_the_package_has_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "core.release.VERSION"}


def test_a_commit_is_a_full_hash() -> None:
    assert is_commit(COMMIT)
    assert is_commit("0" * 64)
    assert not is_commit("$Format:%H$")
    assert not is_commit(COMMIT.upper() + "\n")
