"""The API as an import uses it: send a file, ask for its progress, read what was refused."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx2
from msgspec import Struct

PATH = "/api/agent/bookings/bulk/"
PAGE_ROWS = 500
TIMEOUT_S = 90.0
"""Longer than the API gives a body to arrive."""
TRIES = 6
REFUSED_TRIES = 3
"""Where nothing listens at the address: a part that is starting again is back within seconds."""
PAUSE_MAX_S = 30.0
PROBLEMS_SHOWN = 10
AGAIN = frozenset({429, 503})


class ImportProblem(Exception):  # noqa: N818 - its message is for the person who imports
    """Why an import cannot go on; the message says what to do."""


class Counts(Struct, frozen=True):
    """Rows by what became of them; `accepted` ones are not decided yet."""

    accepted: int
    succeeded: int
    rejected: int
    failed: int

    @property
    def rows(self) -> int:
        return self.accepted + self.succeeded + self.rejected + self.failed


class RefusedRow(Struct, frozen=True):
    """A row that was not booked, in the words that a single call would have got."""

    row: int
    http_status: int
    code: str
    message: str


class ApiClient:
    """A connection to one Holdfast, with the key to use there."""

    def __init__(self, url: str, token: str) -> None:
        scheme = "Bearer" if token.count(".") == 2 else "Token"  # noqa: PLR2004 - the three parts of a JWT
        self._url = url.rstrip("/")
        self._http = httpx2.Client(
            base_url=self._url, timeout=TIMEOUT_S, headers={"Authorization": f"{scheme} {token}"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(self, file: Path, media_type: str, mode: str) -> str:
        """The id of the batch that the file became. Sent again, it is still the same one."""
        key = {"Idempotency-Key": f"import-{uuid4()}"}
        return str(self._post(file, media_type, {"mode": mode}, key)["batch_id"])

    def dry_run(self, file: Path, media_type: str, mode: str) -> tuple[Counts, list[RefusedRow]]:
        body = self._post(file, media_type, {"mode": mode, "dry_run": "true"}, {})
        return Counts(**body["counts"]), [_refused(row) for row in body["rows"]]

    def counts(self, batch_id: str) -> Counts:
        return Counts(**self._ask("GET", f"{PATH}{batch_id}/", params={"limit": 1})["counts"])

    def refused(self, batch_id: str) -> Iterator[RefusedRow]:
        """Every row that was not booked, in order."""
        found = [row for status in ("rejected", "failed") for row in self._rows(batch_id, status)]
        return iter(sorted(found, key=lambda one: one.row))

    def _rows(self, batch_id: str, status: str) -> Iterator[RefusedRow]:
        offset = 0
        while True:
            params = {"status": status, "limit": PAGE_ROWS, "offset": offset}
            page = self._ask("GET", f"{PATH}{batch_id}/", params=params)
            yield from map(_refused, page["rows"])
            offset += PAGE_ROWS
            if offset >= page["total_count"]:
                return

    def _post(self, file: Path, media_type: str, params: dict[str, str], headers: dict[str, str]) -> Any:
        headers = {**headers, "Content-Type": media_type, "Content-Length": str(file.stat().st_size)}
        return self._ask("POST", PATH, params=params, headers=headers, file=file)

    def _ask(self, method: str, path: str, *, file: Path | None = None, **options: Any) -> Any:
        """The answer's body. Asks again while the service is busy or away, as it says."""
        pause_s, why, remedy, refused = 1.0, "", "", 0
        for turn in range(TRIES):
            if turn:
                print(f"{why}; asking again in {pause_s:g} s", file=sys.stderr, flush=True)
                time.sleep(pause_s)
            try:
                answer = self._request(method, path, file, options)
            except httpx2.TransportError as problem:
                why, pause_s = f"{self._url} does not answer ({problem})", min(2 * pause_s, PAUSE_MAX_S)
                remedy = "Is it running there? --url or HOLDFAST_URL says where to look."
                refused += isinstance(problem, httpx2.ConnectError)
                if refused == REFUSED_TRIES:
                    break
                continue
            if answer.status_code not in AGAIN:
                return self._body(answer)
            why, pause_s = _sentence(answer), _pause_s(answer)
            remedy = f"That was the answer to {TRIES} tries: import the file again later."
        raise ImportProblem(f"{why}. {remedy}")

    def _request(self, method: str, path: str, file: Path | None, options: dict[str, Any]) -> httpx2.Response:
        if file is None:
            return self._http.request(method, path, **options)
        with file.open("rb") as body:
            return self._http.request(method, path, content=body, **options)

    def _body(self, answer: httpx2.Response) -> Any:
        if answer.is_success:
            return answer.json()
        if answer.status_code in (401, 403):
            raise ImportProblem(
                f"{_sentence(answer)}. Imports need an agent key or the token of a member of staff: "
                "set HOLDFAST_TOKEN or give --token."
            )
        raise ImportProblem(_sentence(answer))


def _refused(row: dict[str, Any]) -> RefusedRow:
    response = row["response"]
    body = response["body"]
    first = next((one["message"] for one in body.get("errors", ())), "")
    message = first if first.startswith(body["message"]) else body["message"]  # with the formats that are understood
    return RefusedRow(row["row"], response["status"], body["code"], message)


def _sentence(answer: httpx2.Response) -> str:
    """What the service says is wrong, field by field where it does."""
    try:
        body = answer.json()
        lines = list(map(_line, body["errors"][:PROBLEMS_SHOWN]))
        more = [line for line in lines if line != body["message"]] if len(lines) > 1 else []
        return "\n  ".join([str(body["message"]), *more])
    except (ValueError, KeyError, TypeError):
        return f"{answer.url} answered {answer.status_code}, and not as Holdfast does"


def _line(error: dict[str, str]) -> str:
    field, message = error["field"], error["message"]
    return message if field in message else f"{field}: {message}"


def _pause_s(answer: httpx2.Response) -> float:
    header = answer.headers.get("Retry-After", "")
    return min(float(header), PAUSE_MAX_S) if header.isascii() and header.isdigit() else 1.0
