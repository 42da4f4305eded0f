"""Our parser answers as gunicorn's own, so that nothing passes that it would refuse."""

from __future__ import annotations

import itertools

import pytest
from gunicorn.asgi import protocol
from gunicorn.asgi.parser import ParseError, PythonProtocol
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.server.http_parser import Parser, install

GUNICORNS, OURS = PythonProtocol(), Parser()
EVERY_BYTE = [bytes([value]) for value in range(256)]


def test_each_byte_alone_and_between_others_is_refused_or_taken_alike() -> None:
    for byte in EVERY_BYTE:
        for text in (byte, b"a" + byte, byte + b"a", b"a" + byte + b"a"):
            assert OURS._is_valid_token(text) == GUNICORNS._is_valid_token(text), text
            assert OURS._has_invalid_header_chars(text) == GUNICORNS._has_invalid_header_chars(text), text
    assert not OURS._is_valid_token(b"")
    assert not OURS._has_invalid_header_chars(b"")


@given(st.binary(max_size=40))
def test_any_bytes_are_refused_or_taken_alike(text: bytes) -> None:
    assert OURS._is_valid_token(text) == GUNICORNS._is_valid_token(text)
    assert OURS._has_invalid_header_chars(text) == GUNICORNS._has_invalid_header_chars(text)


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


def outcome(parser: PythonProtocol, pieces: list[bytes]) -> object:
    """What a parser makes of a request: the refusal, or all that it knows after it."""
    try:
        for piece in pieces:
            parser.feed(piece)
    except ParseError as refusal:
        return type(refusal), str(refusal)
    states = {name for kind in PythonProtocol.__mro__ for name in getattr(kind, "__slots__", ()) if "_on_" not in name}
    return {name: getattr(parser, name) for name in states}


@settings(max_examples=500, deadline=None)
@example([b"Host: a", b"X: a", b"X: a", b"X: a", b"X: a", b"X: a"], b"\r\n\r\n", [])
@given(st.lists(LINES, max_size=7), ENDS, st.lists(st.integers(0, 400), max_size=3))
def test_headers_are_refused_or_taken_alike_in_whatever_pieces_they_come(
    lines: list[bytes], end: bytes, cuts: list[int]
) -> None:
    sent = b"POST / HTTP/1.1\r\n" + b"\r\n".join(lines) + end
    pieces = [sent[a:b] for a, b in itertools.pairwise(sorted({0, *cuts, len(sent)}))]
    limits = {"limit_request_fields": 5, "limit_request_field_size": 64}
    assert outcome(Parser(**limits), pieces) == outcome(PythonProtocol(**limits), pieces)


def test_connections_are_parsed_by_ours() -> None:
    install()

    assert protocol.PythonProtocol is Parser


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


@pytest.mark.parametrize("length", LENGTHS, ids=range(len(LENGTHS)))
def test_a_length_that_is_no_length_is_refused(length: bytes) -> None:
    """As everything that is no HTTP: with an answer."""
    with pytest.raises(ParseError):
        Parser().feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + b"\r\n\r\n")


def test_two_lengths_are_refused() -> None:
    with pytest.raises(ParseError):
        Parser().feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n")
