"""Origins of other people's pages that may show the booking page in a frame, in the one form that a policy takes.

They become `frame-ancestors` of a Content-Security-Policy (CSP 3, 6.4.2), so nothing but a plain host-source passes here.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

import idna

ORIGINS_MAX = 30
ORIGIN_MAX_CHARS = 128
"""All of them stand in one header, which proxies take up to 4 kB of."""
NOBODY = "'none'"

_PLAIN = re.compile(r"[a-zA-Z]+://[^\s/?#@\\%]+/?\Z")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?\Z")
_THIS_MACHINE = ("localhost", "127.0.0.1")
_USUAL_PORTS = {"https": 443, "http": 80}


class BadOriginError(Exception):
    """Somebody's text is no origin that may be allowed; its words say why and what to write instead."""


def embedding_origin(text: str, *, is_demo: bool) -> str:
    """An origin in its usual form: small letters, no usual port, no slash. Raises `BadOriginError`.

    `is_demo`: pages of this machine may be named too, also with http.
    """
    if not _PLAIN.match(text):
        raise BadOriginError("Write scheme and host alone, without a path: https://www.example.com")
    parts = urlsplit(text)
    port = _port(parts)
    host = _host(parts.hostname or "")
    if is_demo and host in _THIS_MACHINE and parts.scheme in _USUAL_PORTS:
        return _written(parts.scheme, host, port)
    if parts.scheme != "https":
        raise BadOriginError("Write an address that begins with https://")
    if not _NAME.match(host):
        raise BadOriginError("Name a whole host, such as www.example.com, without wildcards or addresses in numbers")
    return _written("https", host, port)


def frame_ancestors(origins: list[str]) -> str:
    """The sources of the policy's directive."""
    return " ".join(origins) or NOBODY


def _written(scheme: str, host: str, port: int | None) -> str:
    origin = f"{scheme}://{host}" if port in {None, _USUAL_PORTS[scheme]} else f"{scheme}://{host}:{port}"
    if len(origin) > ORIGIN_MAX_CHARS:
        raise BadOriginError(f"Use an origin of at most {ORIGIN_MAX_CHARS} characters")
    return origin


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        raise BadOriginError("Its port is no number from 1 to 65535") from None
    if port == 0 or parts.netloc.endswith(":"):
        raise BadOriginError("Its port is no number from 1 to 65535")
    return port


def _host(name: str) -> str:
    """As DNS knows it (IDNA 2008, mapped by UTS 46)."""
    try:
        return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise BadOriginError("Its host is no domain name") from None
