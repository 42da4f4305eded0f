"""Which HTTP parser serves connections, and that gunicorn's one in C refuses what its one in Python refuses."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.asgi import protocol
from gunicorn.asgi.parser import ParseError, PythonProtocol
from gunicorn.config import Config
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.server.gunicorn_worker import Connection, Parser

try:
    from gunicorn_h1c import H1CProtocol
except ImportError:
    H1CProtocol = None

built = pytest.mark.skipif(H1CProtocol is None, reason="gunicorn_h1c is not built here (docs/dependencies.md)")
PARSERS = [Parser, pytest.param(H1CProtocol, marks=built)]
REFUSALS = (ParseError, *protocol.ASGIProtocol._h1c_parse_errors)
"""The parser in C has errors of its own."""
LIMITS = {"limit_request_fields": 5, "limit_request_field_size": 64}

LINES = st.sampled_from(
    [
        b"Host: a", b"Host:a ", b"host :a", b" Host: a", b"Content-Length: 3", b"Content-Length: +3", b"Content-Length:",
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Connection: close", b"X:", b"X", b":", b"",
        b"X: \t a: b \t", b"X: \xff", b"X: \x00", b"X: \x7f", b"X: a\rb", b"X: a\nb", b"X\n: a", b"X: a\r", b"\rX: a",
        b"X: " + b"a" * 60, b"X: " + b"a" * 61, b"X: " + b"a" * 62, b"folded:\r\n more", b"\xc3\xa4: b",
    ]
)  # fmt: skip
"""Sound ones, and what is wrong in some way; a field may be 64 bytes long and there may be five of them."""
ENDS = st.sampled_from(
    [b"\r\n\r\n", b"\r\n\r\nabc", b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"\r\n", b"\n\n", b"\r\n\rabc", b""]
)


def outcome(kind: Any, pieces: list[bytes]) -> object:
    """What a parser makes of a request: "refused", None while its headers have not come, or all it knows."""
    body, heads = bytearray(), []
    parser = kind(on_headers_complete=lambda: heads.append(1), on_body=body.extend, **LIMITS)
    try:
        for piece in pieces:
            parser.feed(piece)
    except REFUSALS:
        return "refused"
    headers = [(name.lower(), value) for name, value in parser.headers]
    known = (parser.method, parser.path, parser.http_version, headers, parser.content_length, parser.is_chunked)
    return (*known, parser.should_keep_alive, parser.is_complete, bytes(body)) if heads else None


@built
@settings(max_examples=500, deadline=None)
@example([b"Host: a", b"X: a", b"X: a", b"X: a", b"X: a", b"X: a"], b"\r\n\r\n", [])
@given(st.lists(LINES, max_size=7), ENDS, st.lists(st.integers(0, 400), max_size=3))
def test_headers_are_refused_or_taken_alike_in_whatever_pieces_they_come(
    lines: list[bytes], end: bytes, cuts: list[int]
) -> None:
    """The one in C looks at headers once they have all come; the one in Python refuses a bad one before."""
    sent = b"POST / HTTP/1.1\r\n" + b"\r\n".join(lines) + end
    pieces = [sent[a:b] for a, b in itertools.pairwise(sorted({0, *cuts, len(sent)}))]
    fast = outcome(H1CProtocol, pieces)
    assert fast == outcome(Parser, pieces) or fast is None


def test_connections_are_parsed_in_c_where_that_is_built() -> None:
    worker = SimpleNamespace(cfg=Config(), log=None, asgi=None)
    connection = Connection(worker)
    connection._setup_callback_parser()
    assert type(connection._callback_parser) is (H1CProtocol or Parser)
    assert protocol.PythonProtocol is Parser
    assert issubclass(Parser, PythonProtocol)


LENGTHS = [
    b"-1",
    b"+5",
    b"5,5",
    b"5 5",
    b"0x5",
    b"5.0",
    b"",
    b"five",
    b"\xd9\xa5",
    b"1_0",
    b"5;q=1",
    b"9" * 19,
    b"9" * 5_000,
]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("length", LENGTHS, ids=range(len(LENGTHS)))
def test_a_length_that_is_no_length_is_refused(length: bytes, parser: Any) -> None:
    """As everything that is no HTTP: with an answer."""
    pieces = [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + b"\r\n\r\n"]
    assert outcome(parser, pieces) == "refused"


@pytest.mark.parametrize("parser", PARSERS)
def test_two_lengths_are_refused(parser: Any) -> None:
    assert outcome(parser, [b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"]) == "refused"


@built
@pytest.mark.parametrize("byte", [b"\x00", b"\x1f", b"\x7f", b"\x80", b"\xff"])
def test_a_target_that_is_none_is_refused_whatever_parsed_it(byte: bytes) -> None:
    """By gunicorn itself: the parser in C lets bytes above 127 through."""
    parser: Any = H1CProtocol(on_headers_complete=lambda: bool(protocol.CallbackRequest.from_parser(parser)))
    with pytest.raises(REFUSALS):
        parser.feed(b"GET /" + byte + b" HTTP/1.1\r\nHost: a\r\n\r\n")
