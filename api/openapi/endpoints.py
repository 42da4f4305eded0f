"""`GET /api/schema/` and the page that shows it, with every asset served from here."""

from __future__ import annotations

import asyncio
from functools import cached_property
from pathlib import Path

import falcon
import falcon.asgi

from api.http.errors import Problem
from api.http.responses import respond_encoded
from api.openapi.document import document
from api.openapi.operation import Content, operation
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
    """The description is made at the first question, from the routes that the app has then."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    @cached_property
    def _bytes(self) -> bytes:
        return encode(document(self._routes.served()))

    @operation("This description, as OpenAPI 3.1", answers={200: dict})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond_encoded(resp, self._bytes)


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
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, name: str) -> None:
        if name not in ASSETS:
            raise Problem(404, "not_found", "There is no such asset")
        folder, resp.content_type = ASSETS[name]
        resp.data = await asyncio.to_thread((folder / name).read_bytes)
        resp.set_header("Cache-Control", f"public, max-age={ASSET_MAX_AGE_S}")
