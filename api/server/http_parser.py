"""gunicorn's HTTP parser, with its checks of characters done by the regular expression engine.

As it comes, it looks at each byte of each header in a loop of Python, and takes one line after the
other out of its buffer: for a request with a token of 300 bytes a third of what gunicorn needs for it.
Headers that came whole and are sound are taken in one step; whatever else comes goes gunicorn's own
way, so what is refused stays the same, byte for byte.
"""

from __future__ import annotations

import re

from gunicorn.asgi import protocol
from gunicorn.asgi.parser import InvalidHeader, PythonProtocol

LENGTH_DIGITS = 18
"""Of a `Content-Length`: far more than any body has, and few enough for every language's numbers."""

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110, section 5.6.2."""
_REFUSED = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""All but visible characters, spaces, tabs and obs-text: RFC 9110, section 5.5."""
_SOUND_HEADERS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)++\r\n")
"""All of a request's header lines, none of which would be refused for its characters, and the empty line after them."""


class Parser(PythonProtocol):  # type: ignore[misc]  # gunicorn ships no types
    __slots__ = ()
    _header_count: int

    def _is_valid_token(self, data: bytes) -> bool:
        return _TOKEN.fullmatch(data) is not None

    def _has_invalid_header_chars(self, value: bytes) -> bool:
        return _REFUSED.search(value) is not None

    def _parse_headers(self) -> bool:
        """Whether all headers have come. They are in `_headers_list` then, names in lower case."""
        is_begun = self._header_count or self._scan_from  # with a part of them, in gunicorn's way
        found = None if is_begun or self._on_header else _SOUND_HEADERS.match(self._buffer)
        if found is None or found.end() > self._line_limit():
            return bool(super()._parse_headers())
        lines = bytes(self._buffer[: found.end() - 4]).split(b"\r\n")
        if len(lines) > self._limit_request_fields > 0:
            return bool(super()._parse_headers())
        del self._buffer[: found.end()]
        self._header_count = len(lines)  # type: ignore[misc]  # gunicorn's slot
        for line in lines:
            name, _, value = line.partition(b":")
            self._headers_list.append((name.lower(), value.strip(b" \t")))
        self._finalize_headers()
        return True

    def _finalize_headers(self) -> None:
        """Python gives up on a number of very many digits, and nothing would answer then."""
        for name, value in self._headers_list:
            if name == b"content-length" and len(value) > LENGTH_DIGITS:
                raise InvalidHeader("Content-Length has too many digits")
        super()._finalize_headers()


def install() -> None:
    """Let every HTTP connection of this process be parsed so."""
    protocol.PythonProtocol = Parser  # where connections take it from
