"""docs/postman/ sent to a demo by newman: every answer is one that the description names, and most requests succeed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ops.postman import COLLECTION, ENVIRONMENT, FOLDER

SUCCEED_LEAST = 0.75
Run = Callable[[Sequence[str]], str]


class PostmanError(Exception):
    """What newman's report says that should not be."""


def send(newman: Path, base_url: str, report: Path, run: Run) -> str:
    """Raises `PostmanError`."""
    options = ("--reporters=json", f"--reporter-json-export={report}", "--ignore-redirects", "--suppress-exit-code")
    given = (f"--environment={FOLDER / ENVIRONMENT}", f"--env-var=base_url={base_url}", "--timeout-request=40000")
    run((str(newman), "run", str(FOLDER / COLLECTION), *given, *options))
    return judged(json.loads(report.read_text())["run"])


def judged(found: Any) -> str:
    sent = found["executions"]
    wrong = [
        f"{one['item']['name']}: {one.get('response', {}).get('code')}: {assertion['error']['message']}"
        for one in sent
        for assertion in one.get("assertions", [])
        if "error" in assertion
    ]
    wrong += [f"{one['source'].get('name')}: {one['error']['message']}" for one in found["failures"] if "at" not in one]
    statuses = [one.get("response", {}).get("code", 0) for one in sent]
    succeeded = sum(200 <= status < 300 for status in statuses)
    if wrong or succeeded < SUCCEED_LEAST * len(sent):
        refused = [f"{one['item']['name']}: {s}" for one, s in zip(sent, statuses, strict=True) if not 200 <= s < 300]
        raise PostmanError("\n".join([f"{succeeded} of {len(sent)} succeeded", *wrong, *refused]))
    return f"{len(sent)} requests, {succeeded} succeeded, each answer one that the description names"
