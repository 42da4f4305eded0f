"""newman, installed from its lock file, and what its report says of the collection."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from msgspec import Struct

from ops.embedded.environment import ROOT
from tests.postman.collection import COLLECTION, ENVIRONMENT, FOLDER

HERE = Path(__file__).parent
TOOLS = ROOT / ".tools" / "postman"
LOCK, INSTALLED = "package-lock.json", "installed.json"
RUN_MOST_S = 300.0


class Sent(Struct, frozen=True):
    """One request of a run."""

    name: str
    status: int
    problems: tuple[str, ...]


def install() -> Path:
    """The program; installed anew when its lock changes."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, there = HERE / LOCK, TOOLS / INSTALLED
        if not there.exists() or there.read_bytes() != wanted.read_bytes():
            for name in ("package.json", LOCK, ".npmrc"):
                shutil.copy(HERE / name, TOOLS)
            _run(["npm", "ci", "--no-progress"], TOOLS)
            shutil.copy(wanted, there)
    return TOOLS / "node_modules" / ".bin" / "newman"


def send(base_url: str, report: Path) -> list[Sent]:
    """Every request of the collection to this stack, in its order."""
    command = [
        str(install()), "run", str(FOLDER / COLLECTION), f"--environment={FOLDER / ENVIRONMENT}",
        f"--env-var=base_url={base_url}", "--timeout-request=60000", "--ignore-redirects", "--suppress-exit-code",
        "--reporters=json", f"--reporter-json-export={report}",
    ]  # fmt: skip
    _run(command, report.parent)
    run = json.loads(report.read_bytes())["run"]
    return [_sent(one, run["failures"]) for one in run["executions"]]


def _sent(one: Any, failures: Any) -> Sent:
    """Failures name the request's place; those of scripts are in no execution's assertions."""
    problems = [
        found["error"]["message"] for found in failures if found.get("cursor", {}).get("ref") == one["cursor"]["ref"]
    ]
    return Sent(one["item"]["name"], one.get("response", {}).get("code", 0), tuple(problems))


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=RUN_MOST_S)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
