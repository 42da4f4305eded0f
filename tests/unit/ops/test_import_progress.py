"""What an import shows while it runs."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ops.importing.api_client import ApiClient, Counts, ImportProblem
from ops.importing.command import Progress, _sum_up


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def counts(decided: int, refused: int = 0, rows: int = 1_000) -> Counts:
    return Counts(accepted=rows - decided, succeeded=decided - refused, rejected=refused, failed=0)


def test_a_terminal_gets_one_bar_that_fills() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    for decided in (0, 500, 1_000):
        progress.show(counts(decided, decided // 100))
    progress.end()
    assert terminal.getvalue().split("\r")[1:] == [
        f"[{'.' * 40}] 0 of 1,000 rows, 0 refused",
        f"[{'#' * 20}{'.' * 20}] 500 of 1,000 rows, 5 refused",
        f"[{'#' * 40}] 1,000 of 1,000 rows, 10 refused\n",
    ]


def test_a_file_gets_at_most_ten_lines() -> None:
    out = io.StringIO()
    progress = Progress(out)
    for decided in range(0, 1_001, 10):
        progress.show(counts(decided))
    progress.end()
    lines = out.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[-1] == "1,000 of 1,000 rows, 0 refused"


def test_a_dry_run_says_that_it_names_only_the_first_refused_rows(capsys: pytest.CaptureFixture[str]) -> None:
    _sum_up(counts(3_000, 2_500, rows=3_000), Path("b.refused.csv"), 1_000, dry_run=True)
    assert capsys.readouterr().out.splitlines() == [
        "500 of 3,000 rows would be booked, 2,500 refused.",
        "The first 1,000 refused rows are in b.refused.csv.",
    ]


def answering(monkeypatch: pytest.MonkeyPatch, status: int, body: dict[str, Any]) -> ApiClient:
    """A service that answers so, and whose pauses take no time."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    found = ApiClient("http://holdfast.test", "hfa_key")
    monkeypatch.setattr(found._http, "request", lambda *_, **__: httpx2.Response(status, json=body))
    return found


def test_a_service_that_is_busy_is_not_looked_for_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = {"message": "Too many requests", "errors": []}
    with pytest.raises(ImportProblem, match=r"^Too many requests\. That was the answer to 6 tries: .* later\.$"):
        answering(monkeypatch, 429, busy).counts("batch")


def test_what_is_wrong_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [
        {"field": "service", "message": "Unknown column: service"},
        {"field": "service_name", "message": "Missing column: service_name"},
        {"field": "mode", "message": "Choose another one"},
    ]
    with pytest.raises(ImportProblem) as refused:
        answering(monkeypatch, 400, {"message": "Unknown column: service", "errors": errors}).counts("batch")
    assert str(refused.value).splitlines() == [
        "Unknown column: service",
        "  Missing column: service_name",
        "  mode: Choose another one",
    ]
