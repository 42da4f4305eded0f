"""Bodies come as they are: nothing here unpacks one, so a compressed body is refused before any of it is read."""

from __future__ import annotations

from typing import Any

from falcon.asgi import Request, Response

from api.accounts.access.authentication import SAFE_METHODS
from api.http.errors import Problem

PLAIN = frozenset({"", "identity"})
FRAMED = PLAIN | {"chunked"}
"""A body sent in chunks is as it is too: gunicorn has put it together."""


class UncompressedBodies:
    """Falcon middleware; goes after the gate. Every route has it, also one that takes no body.

    A body of GET, HEAD or OPTIONS means nothing (RFC 9110, 9.3.1) and is not read at all.
    """

    async def process_resource(self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]) -> None:
        if req.method in SAFE_METHODS:
            return
        if not (
            _is_only(PLAIN, req.get_header("Content-Encoding"))
            and _is_only(FRAMED, req.get_header("Transfer-Encoding"))
        ):
            words = "Send the body as it is: without Content-Encoding, and with no Transfer-Encoding but chunked"
            raise Problem(415, "unsupported_media_type", words, headers={"Accept-Encoding": "identity"})


def _is_only(known: frozenset[str], sent: str | None) -> bool:
    """Whether a list of codings (RFC 9110, 8.4.1) names no other."""
    return sent is None or {coding.strip().lower() for coding in sent.split(",")} <= known
