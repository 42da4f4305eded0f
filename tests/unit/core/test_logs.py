"""No secret reaches a log line, from any logger."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from core.identity.principals import new_token
from core.logs import BLANK, WRITE_MAX_BYTES, Lines, blank_secrets, together, without_tokens


@pytest.mark.parametrize(
    "name",
    [
        "password", "new_password", "HOLDFAST_SECRET_KEY", "client_secret", "access_token", "Authorization", "cookie",
        "api_key", "apikey", "csrftoken", "DATABASE_URL", "redis_url", "dsn",
    ],
)  # fmt: skip
def test_a_value_under_a_secrets_name_is_blanked(name: str) -> None:
    assert blank_secrets(None, "info", {name: "hunter2", "event": "e"}) == {name: BLANK, "event": "e"}


@pytest.mark.parametrize("scheme", ["postgresql", "redis", "amqp", "https"])
def test_a_password_inside_an_address_is_blanked_anywhere_in_a_text(scheme: str) -> None:
    line = blank_secrets(None, "info", {"problem": f"cannot reach {scheme}://anna:hunter2@db:5432/x now"})
    assert line["problem"] == f"cannot reach {scheme}://anna:{BLANK}@db:5432/x now"


def test_a_password_without_a_user_is_blanked_too() -> None:
    line = blank_secrets(None, "info", {"event": "redis://:hunter2@127.0.0.1:6379/0"})
    assert "hunter2" not in line["event"]


def test_what_is_no_secret_stays_as_it_is() -> None:
    line = {"event": "command decided", "command_id": "5", "request_id": "r", "url": "http://localhost:8000/x"}
    assert blank_secrets(None, "info", dict(line)) == line


@pytest.mark.parametrize("value", [{"password": "hunter2"}, [{"token": "hunter2"}], {"deep": {"cookie": "hunter2"}}])
def test_a_secret_inside_a_logged_structure_is_blanked(value: object) -> None:
    assert "hunter2" not in repr(blank_secrets(None, "info", {"body": value}))


def test_a_links_token_is_blanked_in_a_path_and_nothing_else_is() -> None:
    token = new_token()
    assert without_tokens(f"/api/guest/bookings/{token}/cancel/") == f"/api/guest/bookings/{BLANK}/cancel/"
    assert token not in without_tokens(f"/x%2F{token}")
    for path in ("/api/v1/drf/bookings/check-availability/", f"/api/commands/{uuid4()}/", "/api/bookings/12/"):
        assert without_tokens(path) == path


@contextmanager
def standard_error() -> Iterator[int]:
    """A file to read what is written to standard error from, one write at a time. pytest has its own there between
    a test's fixtures and itself.
    """
    reading, writing = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)
    stderr = os.dup(2)
    os.dup2(writing, 2)
    try:
        yield reading
    finally:
        os.dup2(stderr, 2)
        for file in (reading, writing, stderr):
            os.close(file)


def test_a_line_is_written_when_it_is_said() -> None:
    with standard_error() as writes:
        Lines().info(b"{}")
        assert os.read(writes, WRITE_MAX_BYTES) == b"{}\n"


def test_lines_said_together_are_written_at_the_end_in_few_pieces_of_whole_lines() -> None:
    said = [msgspec.json.encode({"number": number, "words": "x" * 300}) for number in range(30)]
    with standard_error() as writes:
        with together():
            for line in said:
                Lines().info(line)
            with pytest.raises(BlockingIOError):
                os.read(writes, WRITE_MAX_BYTES)
        pieces = [os.read(writes, 2 * WRITE_MAX_BYTES) for _ in range(3)]
    assert all(piece.endswith(b"\n") and len(piece) <= WRITE_MAX_BYTES for piece in pieces)
    assert b"".join(pieces).splitlines() == said


SAYS = """
import logging, structlog
from core import logs
logs.configure("INFO", "tests")
log = structlog.get_logger()
logs.begin(request_id="first")
logs.bind(command_id=1)
log.info("one", password="hunter2")
logs.begin(request_id="second")
with logs.bound(request_id="third", booking_id=5):
    logging.getLogger("a library").warning("two")
log.error("three", request_id="its own", exc_info=ValueError("redis://:hunter2@here"))
"""


def test_lines_carry_what_is_bound_ours_and_the_libraries_alike() -> None:
    ran = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, check=True)
    one, two, three = [msgspec.json.decode(line) for line in ran.stderr.splitlines()]
    assert b"hunter2" not in ran.stderr
    assert {line.pop("service") for line in (one, two, three)} == {"tests"}
    assert all(datetime.fromisoformat(line.pop("timestamp")).tzinfo is UTC for line in (one, two, three))
    assert one == {"event": "one", "level": "info", "request_id": "first", "command_id": 1, "password": BLANK}
    assert two == {"event": "two", "level": "warning", "request_id": "third", "booking_id": 5}
    assert three.pop("exception").startswith("ValueError: redis://")
    assert three == {"event": "three", "level": "error", "request_id": "its own"}
