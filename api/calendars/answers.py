"""How a calendar file is answered: with a tag that says which file it is, and without the file where it is known."""

from __future__ import annotations

import hashlib

import falcon
import falcon.asgi
import msgspec

from api.openapi import Content
from core.calendars.calendar_file import MEDIA_TYPE, PRODID
from core.domain.resources.time_zones import TZDATA_VERSION

TAG = "A tag of the file: sent again as `If-None-Match`, it is answered 304 until something changes"
HEADERS = {
    "ETag": TAG,
    "Cache-Control": "`private, no-cache`: for its reader alone, who asks again each time",
    "Content-Disposition": "The name of the file",
}
FILE = Content(media_type=MEDIA_TYPE, headers=HEADERS)
UNCHANGED = Content(media_type="", headers={"ETag": TAG})
_TAG_BYTES = 16


def tag_of(*what: object) -> str:
    """Of what a file is made of, so that it is known without making the file: entries, and who writes them how."""
    made_of = msgspec.json.encode((PRODID, TZDATA_VERSION, *what))
    return hashlib.sha256(made_of).digest()[:_TAG_BYTES].hex()


def is_unchanged(req: falcon.asgi.Request, resp: falcon.asgi.Response, tag: str) -> bool:
    """Says which file it is. True: the reader has it, and is told so (RFC 9110, 13.1.2)."""
    resp.etag = tag
    resp.set_header("Cache-Control", "private, no-cache")
    resp.set_header("Referrer-Policy", "no-referrer")
    resp.set_header("X-Robots-Tag", "noindex, nofollow")
    known = req.if_none_match or []
    if not any(one in {"*", tag} for one in known):
        return False
    resp.status = falcon.HTTP_304
    return True


def respond_file(resp: falcon.asgi.Response, name: str, file: bytes) -> None:
    resp.data = file
    resp.content_type = f"{MEDIA_TYPE}; charset=utf-8"
    resp.set_header("Content-Disposition", f'attachment; filename="{name}.ics"')
