"""Write into an image which commit it is of: `python -m ops.image_stamp VERSION COMMIT`, by the Dockerfile."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from core.release import IN_IMAGE, ROOT, VERSION, is_commit

BUILD = "HOLDFAST_COMMIT=$(git rev-parse HEAD) docker compose build"


class WrongStampError(Exception):
    """The image would not be what its labels say; the message says how to build it."""


def stamp(version: str, commit: str, root: Path = ROOT) -> None:
    """Raises WrongStampError. A build may have a name of its own behind the version: `0.2.0-hotfix`."""
    if not re.fullmatch(rf"{re.escape(VERSION)}(-[\w.-]+)?", version):
        raise WrongStampError(
            f"this code is version {VERSION}, and the image would be called {version or 'nothing'}: "
            f"set HOLDFAST_VERSION={VERSION} (in .env, or as --build-arg VERSION=)"
        )
    if not is_commit(commit):
        raise WrongStampError(f"an image carries the full hash of its commit: build it with {BUILD}")
    (root / IN_IMAGE).write_text(f"{commit}\n")


if __name__ == "__main__":
    _version, _commit = sys.argv[1:]
    try:
        stamp(_version, _commit)
    except WrongStampError as problem:
        sys.exit(f"holdfast: {problem}")
