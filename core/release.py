"""Which release this is: its version, and the commit of its code.

Nothing here is told over HTTP. `holdfast --version` prints it, and every process logs it when it starts.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

VERSION = "0.2.0.dev0"
"""PEP 440. `.devN` leads up to the release of that name (CONTRIBUTING.md, "Release")."""
ARCHIVED = "$Format:%H$"
"""`git archive` puts the commit here (.gitattributes)."""
UNKNOWN = "unknown"
SHOWN_CHARS = 12
"""Length of a commit's short form."""

ROOT = Path(__file__).parents[1]
IN_IMAGE = "commit"
"""The file beside the code into which the Dockerfile writes the commit: an image has no `.git`."""
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@cache
def commit() -> str:
    """The full hash, from the image, the archive or the checkout; `unknown` where none of them tells."""
    found = (_read(ROOT / IN_IMAGE), ARCHIVED, checked_out(ROOT))
    return next(filter(is_commit, found), UNKNOWN)


def is_commit(text: str) -> bool:
    """Whether it is a full hash: 40 digits, or 64 in a repository of SHA-256."""
    return _COMMIT.fullmatch(text) is not None


def words() -> str:
    """For people: `0.2.0 (commit 0460132c7f0a)`."""
    return f"{VERSION} (commit {commit()[:SHOWN_CHARS]})"


def checked_out(root: Path) -> str:
    """The commit of a checkout or of one of its worktrees, also where Git is not installed; empty if it is neither."""
    git = root / ".git"
    if git.is_file():  # of a worktree: it says where its own state lies
        git = root / _read(git).removeprefix("gitdir:").strip()
    head = _read(git / "HEAD")
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    shared = git / (_read(git / "commondir") or ".")
    packed = re.search(rf"^(\S+) {re.escape(name)}$", _read(shared / "packed-refs"), re.MULTILINE)
    return _read(git / name) or _read(shared / name) or (packed[1] if packed else "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
