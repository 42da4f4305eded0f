"""Asks a database of known vulnerabilities about every package that is locked: `make audit`.

Runs with the standard library alone, beside pip-audit (OSV's database) in an environment of its own, and npm's
own audit. Exit code 1 means a known vulnerability; a database that cannot be reached is reported, with exit code 0.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NPM_LOCK = "package-lock.json"
ACCEPTED: Mapping[str, str] = {}
"""By the id of a vulnerability: why it does not touch us. Without an entry here it fails."""
AT_ONCE = 4
"""Processes of pip-audit: each asks about one package after another."""
WITHIN_S = 60.0
ANSWER_WITHIN_S = 5
UNDERSTOOD = (0, 1)
"""Exit codes: nothing found; something found, or no database. Another one is a fault of the call."""
FAULT_CHARS = 500
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)

Package = tuple[str, str]
"""Name and version."""


@dataclass(frozen=True)
class Answer:
    """What a database said."""

    asked: int
    answered: int
    found: Sequence[str] = ()
    """A line for each vulnerability."""


def main() -> int:
    """The exit code."""
    locks = sorted(path.name for path in ROOT.glob("requirements*.lock"))
    packages = sorted({package for name in locks for package in packages_of((ROOT / name).read_text())})
    answers = {f"{len(locks)} requirements*.lock": of_python(packages)}
    answers |= {str(lock.relative_to(ROOT)): of_npm(lock) for lock in npm_locks(ROOT)}
    print(*(sentence(source, answer) for source, answer in answers.items()), sep="\n")
    return int(any(answer.found for answer in answers.values()))


def npm_locks(root: Path) -> list[Path]:
    """All that the project has: not those of what is installed (`node_modules`, and folders that begin with a dot)."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "node_modules" and not name.startswith("."))
        found += [Path(folder) / NPM_LOCK] if NPM_LOCK in files else []
    return found


def packages_of(lock: str) -> list[Package]:
    """Of all systems and Pythons, not of this one alone."""
    return [(name, version) for name, version in _PINNED.findall(lock)]


def sentence(source: str, answer: Answer) -> str:
    if answer.found:
        return "\n".join(f"audit: {line}" for line in (*answer.found, f"{len(answer.found)} found in {source}"))
    if not answer.answered:
        return f"audit: NOT DONE for the {answer.asked} packages of {source}: no database can be reached from here"
    left = answer.asked - answer.answered
    return f"audit: {answer.answered} packages of {source}: no known vulnerability" + (
        f"; {left} are not known to the database" if left else ""
    )


def of_python(packages: Sequence[Package]) -> Answer:
    with TemporaryDirectory(prefix="holdfast-audit-") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        parts = [(Path(folder) / f"{n}.txt", packages[n::AT_ONCE]) for n in range(AT_ONCE)]
        reports = list(pool.map(_asked, *zip(*parts, strict=True)))
    return together(len(packages), reports)


def _asked(file: Path, packages: Sequence[Package]) -> str:
    """Pip-audit's report; nothing if it has none."""
    file.write_text("".join(f"{name}=={version}\n" for name, version in packages))
    options = ("--no-deps", "--disable-pip", "-s", "osv", "--format", "json", "--progress-spinner", "off")
    bounds = ("--timeout", str(ANSWER_WITHIN_S))
    return _said((sys.executable, "-m", "pip_audit", "-r", str(file), *options, *bounds), ROOT)


def together(asked: int, reports: Iterable[str]) -> Answer:
    """Packages that are skipped are not known: some mirrors answer so for all of them."""
    answered, found = 0, list[str]()
    for report in reports:
        for package in _parsed(report).get("dependencies", ()):
            if "skip_reason" not in package:
                answered += 1
                found += [_line(package, one) for one in package["vulns"] if not _is_accepted(one)]
    return Answer(asked, answered, tuple(found))


def _is_accepted(vulnerability: Mapping[str, Any]) -> bool:
    return not {vulnerability["id"], *vulnerability.get("aliases", ())}.isdisjoint(ACCEPTED)


def _line(package: Mapping[str, Any], vulnerability: Mapping[str, Any]) -> str:
    fixed = ", ".join(vulnerability.get("fix_versions", ())) or "no version yet"
    return f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}"


def of_npm(lock: Path) -> Answer:
    asked = sum(1 for path in json.loads(lock.read_text())["packages"] if path)
    if shutil.which("npm") is None:
        return Answer(asked, 0)
    return npm_answer(asked, _said(("npm", "audit", "--package-lock-only", "--json"), lock.parent))


def npm_answer(asked: int, report: str) -> Answer:
    body = _parsed(report)
    if "vulnerabilities" not in body:
        return Answer(asked, 0)
    findings = (
        f"{name}: {one['title']} ({address.rsplit('/', 1)[-1]})"
        for name, package in body["vulnerabilities"].items()
        for one in package["via"]
        if isinstance(one, dict) and (address := str(one["url"])).rsplit("/", 1)[-1] not in ACCEPTED
    )
    return Answer(asked, asked, tuple(findings))


def _said(command: Sequence[str], folder: Path) -> str:
    environment = {**os.environ, "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return ""
    if done.returncode not in UNDERSTOOD:
        sys.exit(f"audit: {' '.join(command[:3])} fails: {done.stderr.strip()[-FAULT_CHARS:]}")
    return done.stdout


def _parsed(report: str) -> dict[str, Any]:
    try:
        found = json.loads(report)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
