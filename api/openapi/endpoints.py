"""`GET /api/schema/` and the page that shows it, with every asset served from here."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import falcon
import falcon.asgi
import msgspec
from msgspec import Struct

from api.http.errors import Problem
from api.http.responses import respond, respond_zipped
from api.openapi.document import document
from api.openapi.examples import to_come
from api.openapi.operation import Content, Operation, operation, operation_of
from api.openapi.served_routes import Routes
from core.wire.outcomes import encode

HERE = Path(__file__).parent
DIST = HERE / "swagger_ui"
"""Swagger UI's own files (its README tells which)."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Scripts from this origin only, none inline. Swagger UI styles its elements inline."""
ASSET_MAX_AGE_S = 3600
ASSETS = {
    "swagger-ui.css": (DIST, "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": (DIST, "text/javascript; charset=utf-8"),
    "favicon-32x32.png": (DIST, "image/png"),
    "start.js": (HERE, "text/javascript; charset=utf-8"),
}


class Schema:
    """The description is made at the first question, from the routes that the app has then; each day its examples move."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._made: tuple[date, bytes] | None = None

    @cached_property
    def _document(self) -> dict[str, Any]:
        return document(self._routes.served())

    def _bytes(self, today: date) -> bytes:
        if self._made is None or self._made[0] != today:
            self._made = (today, encode(to_come(self._document, today)))
        return self._made[1]

    @operation("This description, as OpenAPI 3.1", answers={200: dict})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond_zipped(req, resp, self._bytes(datetime.now(UTC).date()))
        resp.content_type = falcon.MEDIA_JSON


class Entry(Struct, frozen=True):
    """Where to begin. Each is an address on this server."""

    name: str = "Holdfast"
    docs: str = "/api/docs/"
    schema: str = "/api/schema/"
    feeds: str = "/api/schema/feeds/"
    login: str = "/api/login/"
    health: str = "/readyz"


class Index:
    """`GET /api/`."""

    @operation("Where to begin", answers={200: Content(Entry, example=msgspec.to_builtins(Entry()))}, name="get_index")
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond(resp, Entry())


class Shortcut:
    """What people type first, sent on to what they look for."""

    def __init__(self, name: str, to: str) -> None:
        """`name` ends its `operationId`."""
        self._name = name
        self._to = to

    @operation_of(
        lambda self: Operation(
            summary=f"Leads to {self._to}",
            answers={302: (Content(media_type="", headers={"Location": self._to}),)},
            name=f"get_shortcut_{self._name}",
        )
    )
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.status = 302
        resp.set_header("Location", self._to)


class Docs:
    @operation("This description, to read and to try out", answers={200: Content(media_type="text/html")})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.text = (HERE / "page.html").read_text()
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", PAGE_POLICY)


class Asset:
    """The page's scripts and styles, from a list: no path is ever made of a request."""

    @operation(
        "A script or style of the page",
        answers={
            200: tuple(Content(media_type=kind.partition(";")[0]) for _, kind in dict(ASSETS).values()),
        },
        refuses=("not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str) -> None:
        if name not in ASSETS:
            raise Problem(404, "not_found", "There is no such asset")
        folder, resp.content_type = ASSETS[name]
        respond_zipped(req, resp, await asyncio.to_thread(_read, folder / name))
        resp.set_header("Cache-Control", f"public, max-age={ASSET_MAX_AGE_S}")


@lru_cache(maxsize=len(ASSETS))
def _read(path: Path) -> bytes:
    return path.read_bytes()
