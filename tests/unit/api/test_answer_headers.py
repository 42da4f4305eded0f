"""Our check of an answer's headers says what gunicorn's own says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gunicorn.asgi import protocol
from gunicorn.http.errors import ParseException
from hypothesis import given, settings
from hypothesis import strategies as st

from api.server import response_headers

GUNICORNS = response_headers._gunicorns
NAMES = st.sampled_from(
    [
        b"vary",
        b"Vary",
        b"content-length",
        b"Content-Length",
        "content-length",
        b"transfer-encoding",
        "x-odd",
        b"",
        b"a:b",
        b"a b",
        b"\xe4",
        b"a\n",
        b"a\x00b",
        None,
    ]
)
VALUES = st.sampled_from([b"5", "5", b"", b"Origin", b"\xff\t ", b"a\r\nb", b"a\n", b"\x00", b"\x7f", "\u20ac", None])  # fmt: skip


def said(check: Callable[[Any], Any], headers: Any) -> object:
    try:
        return check(headers)
    except (ParseException, TypeError, AttributeError, UnicodeError) as refusal:
        return type(refusal), str(refusal)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_any_headers_are_refused_or_framed_alike(headers: list[Any]) -> None:
    assert said(response_headers.scan, headers) == said(GUNICORNS, headers)


def test_answers_of_connections_are_checked_by_ours() -> None:
    response_headers.install()

    assert protocol._scan_response_headers is response_headers.scan
