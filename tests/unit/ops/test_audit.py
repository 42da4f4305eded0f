"""The dependency audit: what is known fails, and what could not be asked is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops import audit

FOUND = {"id": "GHSA-1", "fix_versions": ["2.10.1"], "aliases": ["CVE-1"], "description": "bad"}


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def known(name: str, *vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "2.10", "vulns": list(vulnerabilities)}


SKIPPED = {"name": "idna", "skip_reason": "Dependency not found and could not be audited: idna (3.20)"}


def test_every_locked_package_is_asked_for() -> None:
    lock = "# Written\na-b==1.0 \\\n    --hash=sha256:00\nc==2 ; sys_platform == 'win32' \\\n    --hash=sha256:11\n"
    assert audit.packages_of(lock) == [("a-b", "1.0"), ("c", "2")]
    locks = sorted(audit.ROOT.glob("requirements*.lock"))
    assert len(locks) == 7
    assert all(
        len(audit.packages_of(lock.read_text())) == lock.read_text().count("==") - _markers(lock.read_text())
        for lock in locks
    )


def _markers(lock: str) -> int:
    """How often `==` stands in a marker."""
    return sum(line.partition(";")[2].count("==") for line in lock.splitlines())


def test_a_vulnerability_is_named_with_what_mends_it() -> None:
    answer = audit.together(2, [report(known("jinja2", FOUND)), report(known("idna"))])
    assert answer.found == ("jinja2 2.10: GHSA-1, fixed in 2.10.1",)
    assert "1 found" in audit.sentence("a lock", answer)


def test_one_that_is_accepted_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "ACCEPTED", {"CVE-1": "it needs a template from outside, and we have none"})
    answer = audit.together(1, [report(known("jinja2", FOUND))])
    assert audit.sentence("a lock", answer) == "audit: 1 packages of a lock: no known vulnerability"


@pytest.mark.parametrize("said", [["", ""], ["Traceback", "[]"], [report(SKIPPED), ""]])
def test_a_database_that_is_away_or_skips_everything_is_said(said: list[str]) -> None:
    """A mirror that knows no vulnerabilities skips each package, and pip-audit then says that none is known."""
    answer = audit.together(2, said)
    assert answer == audit.Answer(2, 0)
    assert "NOT DONE for the 2 packages" in audit.sentence("a lock", answer)


def test_packages_that_the_database_does_not_know_are_counted() -> None:
    answer = audit.together(2, [report(known("jinja2"), SKIPPED)])
    assert audit.sentence("a lock", answer).endswith("no known vulnerability; 1 are not known to the database")


def test_what_npm_says_is_read_alike() -> None:
    via = {"title": "Prototype pollution", "url": "https://advisories.example/GHSA-2", "severity": "high"}
    body = {"auditReportVersion": 2, "vulnerabilities": {"lodash": {"via": [via]}, "other": {"via": ["lodash"]}}}
    assert audit.npm_answer(5, json.dumps(body)) == audit.Answer(5, 5, ("lodash: Prototype pollution (GHSA-2)",))
    assert audit.npm_answer(5, json.dumps({"auditReportVersion": 2, "vulnerabilities": {}})) == audit.Answer(5, 5)
    assert audit.npm_answer(5, json.dumps({"statusCode": 405})) == audit.npm_answer(5, "") == audit.Answer(5, 0)


def test_every_lock_of_npm_in_the_project_is_asked_about_and_none_of_what_is_installed(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    for installed in ("ours/node_modules/other", ".tools/copy"):
        (tmp_path / installed).mkdir(parents=True)
        (tmp_path / installed / audit.NPM_LOCK).write_text("{}")
    (tmp_path / "ours" / audit.NPM_LOCK).write_text("{}")
    assert audit.npm_locks(tmp_path) == [tmp_path / "ours" / audit.NPM_LOCK]

    folders = ("ops/web", "tests/clients", "tests/postman")
    assert audit.npm_locks(audit.ROOT) == [audit.ROOT / folder / audit.NPM_LOCK for folder in folders]
