"""`/api/admin/embedding-origins/`: whose pages may show the booking page in a frame, kept by staff (docs/embedding.md).

The front door asks `GET /api/embedding-origins/` for each embedded page, and makes its policy of the answer.
"""

from __future__ import annotations

from typing import Annotated

import falcon.asgi
import structlog
from msgspec import Struct

from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import text
from api.http.responses import respond
from api.openapi import Content, operation
from core import text_forms
from core.embedding_origins import ORIGIN_MAX_CHARS, ORIGINS_MAX, BadOriginError, embedding_origin, frame_ancestors
from core.store.connections.pool import Pool
from core.store.site import embedding_origins
from core.store.site.embedding_origins import EmbeddingOrigin
from core.wire.answers import Done
from core.wire.errors import FieldProblem
from core.wire.vocabulary import Micros, micros

log = structlog.get_logger()

EXAMPLE = "https://www.example.com"
SOURCES_HEADER = "Holdfast-Frame-Ancestors"
Origin = Annotated[str, text(text_forms.ORIGIN, least=1, most=ORIGIN_MAX_CHARS, examples=[EXAMPLE])]


class NewOrigin(Struct, frozen=True, forbid_unknown_fields=True):
    origin: Origin
    """Scheme and host, and a port where it is not the usual one. Capitals and a slash at the end do not matter."""


class OriginShown(Struct, frozen=True, kw_only=True):
    id: int
    origin: str
    created_by: int | None
    created_at: Micros


class OriginAnswer(Done, frozen=True, kw_only=True):
    message: str = "Pages of this origin may show the booking page"
    data: OriginShown


class OriginList(Done, frozen=True, kw_only=True):
    message: str = "Origins retrieved successfully"
    data: list[OriginShown]
    """All of them: there are at most 30."""


class AllowedOrigins(Struct, frozen=True):
    origins: list[str]


class EmbeddingOrigins:
    """The list, and the way in."""

    def __init__(self, pool: Pool, *, is_demo: bool) -> None:
        self._pool = pool
        self._is_demo = is_demo

    @operation("List whose pages may show the booking page in a frame", answers={200: OriginList})
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            found = await embedding_origins.listed(connection)
        respond(resp, OriginList(data=[_shown(one) for one in found]))

    @operation(
        "Let pages of an origin show the booking page in a frame",
        description="An origin is https with a whole host name; in the demo also `localhost` and `127.0.0.1`, with http. "
        "One that is allowed already is answered as it is.",
        body=Content(NewOrigin, example={"origin": EXAMPLE}),
        answers={200: OriginAnswer, 201: OriginAnswer},
        refuses=("too_many_embedding_origins",),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        origin = _usual((await read_json(req, NewOrigin)).origin, is_demo=self._is_demo)
        by = req.context.principal.user_id
        async with self._pool.connection() as connection, connection.transaction():
            await embedding_origins.lock(connection)
            known = await embedding_origins.find(connection, origin)
            made = known or await embedding_origins.allow(connection, origin, by)
            if made is None:
                words = f"There are {ORIGINS_MAX} origins already; remove one first"
                raise Problem(409, "too_many_embedding_origins", words)
            if known is None:
                await note_change(req, connection, "embedding_origin.allowed", made.id, None, {"origin": origin})
                log.info("embedding origin allowed", origin=origin, by=by)
        respond(resp, OriginAnswer(data=_shown(made)), 201 if known is None else 200)


class OneEmbeddingOrigin:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "Let pages of an origin show the booking page no more",
        description="Pages that show it already keep it until they are loaded again.",
        answers={200: Done},
        refuses=("embedding_origin_not_found",),
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, origin_id: int) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            origin = await embedding_origins.remove(connection, origin_id)
            if origin is None:
                raise Problem(404, "embedding_origin_not_found", "There is no such origin")
            await note_change(req, connection, "embedding_origin.removed", origin_id, {"origin": origin}, None)
        log.info("embedding origin removed", origin=origin, by=req.context.principal.user_id)
        respond(resp, Done(message="Pages of this origin may not show the booking page any more"))


class FrameAncestors:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "Say whose pages may show the booking page in a frame",
        description=f"For the front door, which writes `{SOURCES_HEADER}` into the policy of the embedded page.",
        answers={200: Content(AllowedOrigins, example={"origins": [EXAMPLE]})},
    )
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        async with self._pool.connection() as connection:
            origins = await embedding_origins.origins(connection)
        resp.set_header(SOURCES_HEADER, frame_ancestors(origins))
        respond(resp, AllowedOrigins(origins))


def _usual(sent: str, *, is_demo: bool) -> str:
    """Raises Problem 400."""
    try:
        return embedding_origin(sent, is_demo=is_demo)
    except BadOriginError as problem:
        raise invalid([FieldProblem("origin", str(problem))]) from None


def _shown(one: EmbeddingOrigin) -> OriginShown:
    return OriginShown(id=one.id, origin=one.origin, created_by=one.created_by, created_at=micros(one.created_at))
