"""How the calendar's lists are paged: a limit, an offset, and a `Link` to what follows."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import falcon.asgi
from msgspec import Meta

PAGE_MAX = 1_000
"""Clients need not ask for pages: a longer list has a `Link` to the rest (RFC 8288)."""
PageLimit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]

NEXT_LINK = {"Link": "Where more of the list is, if there is more: `rel=next`"}


def add_next_link(req: falcon.asgi.Request, resp: falcon.asgi.Response, offset: int) -> None:
    """Say where the rest of a list is."""
    parameters = [(name, value) for name, value in req.params.items() if name != "offset"]
    resp.append_link(f"{req.path}/?{urlencode([*parameters, ('offset', str(offset))], doseq=True)}", "next")
