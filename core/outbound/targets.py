"""URLs that somebody names to be called: which are taken, and the parts that a request is made of.

A URL is taken apart once, here. The request is made of the parts, so that no second reader can see another host in it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

import idna
from msgspec import Struct

from core.outbound.addresses import is_loopback, not_called

URL_MAX_CHARS = 2_048
HOST_MAX_CHARS = 253
HTTPS_PORT = 443
HTTP_PORT = 80
FREE_PORTS = range(1_024, 65_536)
"""Beside 443. Those below belong to other protocols, which something that is no HTTP could be made to speak."""

_PLAIN = re.compile(r"[!#-;=?-Z_a-z~\[\]%\x80-\U0010ffff]+\Z")
"""No blanks, controls, quotes, backslashes or braces: readers of URLs differ about them."""
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
"""With a dot, and a last label that cannot be a number: `127.1` and `0x7f000001` are addresses to some readers."""
_KEPT = "!$&'()*+,;=:@/?-._~"
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "onion", "invalid", "test", "example")
"""Last labels that the public internet does not have (RFC 6761, 6762, 7686, 8375)."""


class BadTargetError(Exception):
    """A URL cannot be called; its words say why and what to use instead."""


class Target(Struct, frozen=True):
    """Where a request goes."""

    is_https: bool
    host: str
    """A name in ASCII, or an address without brackets."""
    port: int
    path: str
    """With its query, encoded."""

    @property
    def authority(self) -> str:
        """The `Host` of a request."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = HTTPS_PORT if self.is_https else HTTP_PORT
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.is_https else 'http'}://{self.authority}{self.path}"


def parse_target(url: str, *, loopback: bool = False) -> Target:
    """A URL as a target. Raises `BadTargetError`.

    `loopback`: http, and this machine's own addresses, may be named too (the demo and tests).
    """
    if len(url) > URL_MAX_CHARS:
        raise BadTargetError(f"It must have at most {URL_MAX_CHARS:,} characters")
    if not _PLAIN.match(url):
        raise BadTargetError("It must be an absolute https URL without blanks; encode other characters with %")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadTargetError("Its host or port cannot be read") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise BadTargetError("It must begin with https:// and a host")
    if "@" in parts.netloc:
        raise BadTargetError("It must hold no user name or password; put a key into its path or query")
    if "#" in url:
        raise BadTargetError("It must have no fragment (#): receivers never see one")
    is_https, host = parts.scheme == "https", _host(parts.netloc, parts.hostname, loopback=loopback)
    if not is_https and not (loopback and _is_this_machine(host)):
        raise BadTargetError("It must begin with https://")
    return Target(is_https, host, _port(port, is_https=is_https), _path(parts.path, parts.query))


def _host(netloc: str, host: str, *, loopback: bool) -> str:
    if "%" in netloc:
        raise BadTargetError("Its host must not be encoded")
    if netloc.startswith("[") or _is_dotted(host):
        if (kind := not_called(host, loopback=loopback)) is not None:
            raise BadTargetError(f"Its address is {kind}. Use one of the public internet")
        return host
    name = _ascii(host)
    if loopback and name == "localhost":
        return name
    if len(name) > HOST_MAX_CHARS or not _NAME.match(name):
        raise BadTargetError("Its host must be a whole domain name, or an address as it is usually written")
    if name.endswith(tuple(f".{one}" for one in _LOCAL_NAMES)):
        raise BadTargetError("Its host is a name of private networks. Use one of the public internet")
    return name


def _is_dotted(host: str) -> bool:
    """An IPv4 address in its one usual form: no octal, hexadecimal or shortened numbers."""
    return re.match(r"(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})\Z", host, re.ASCII) is not None


def _ascii(host: str) -> str:
    """A name's form in DNS (IDNA 2008, mapped by UTS 46), without the root's dot."""
    name = host.removesuffix(".")
    try:
        return name.lower() if name.isascii() else idna.encode(name, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        raise BadTargetError("Its host is no domain name") from None


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or is_loopback(host)


def _port(port: int | None, *, is_https: bool) -> int:
    usual = HTTPS_PORT if is_https else HTTP_PORT
    if port is None or port == usual:
        return usual
    if port not in FREE_PORTS:
        raise BadTargetError(f"Its port must be {HTTPS_PORT}, or one from {FREE_PORTS[0]:,} to {FREE_PORTS[-1]:,}")
    return port


def _path(path: str, query: str) -> str:
    """Encoded as it is: what is encoded already stays so."""
    path = _encoded(path or "/")
    return f"{path}?{_encoded(query)}" if query else path


def _encoded(text: str) -> str:
    kept = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    return "".join(
        piece if piece.startswith("%") else quote(piece, safe=_KEPT)
        for piece in re.findall(r"%[0-9A-Fa-f]{2}|[^%]+", kept)
    )
