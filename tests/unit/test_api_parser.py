"""Our checks of characters answer as gunicorn's own, so that nothing passes that it would refuse."""

from __future__ import annotations

from gunicorn.asgi import protocol
from gunicorn.asgi.parser import PythonProtocol
from hypothesis import given
from hypothesis import strategies as st

from api.parser import Parser, install

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


def test_connections_are_parsed_by_ours() -> None:
    install()

    assert protocol.PythonProtocol is Parser
