"""How a responder answers a public read: `await self._reads.answer(req, resp, DaySlotsRead(...))`."""

from __future__ import annotations

from typing import Protocol

import falcon
import falcon.asgi

from api.http.responses import respond_encoded
from api.openapi import Content
from api.reads.kept_answers import KeptAnswer, KeptAnswers, new_answer
from core.store.reads.shared_reads import Found, Read, SharedReads

TAG = "A tag of the body: sent again as `If-None-Match`, it is answered 304 while the answer would be the same"
TAGGED = {"ETag": TAG, "Cache-Control": "`private, no-cache`: may be kept by its reader, who asks each time"}
"""The headers of an answer that may be asked for again by its tag."""
UNCHANGED = Content(media_type="", headers={"ETag": TAG})


class PublicRead(Read, Protocol):
    """A question whose answer follows from what its queries find, and from nothing else but the clock."""

    def make(self, found: Found) -> bytes:
        """The body. Raises Problem for what cannot be answered."""
        ...


class PublicReads:
    def __init__(self, reads: SharedReads, kept: KeptAnswers) -> None:
        self._reads = reads
        self._kept = kept

    async def find(self, read: Read) -> Found:
        """For a responder that says more than the body; `answer_from` then makes that."""
        return await self._reads.ask(read)

    async def ask(self, read: PublicRead) -> KeptAnswer:
        return self.answer_from(read, await self._reads.ask(read))

    async def answer(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, read: PublicRead) -> None:
        """By its tag alone, where the client has it already."""
        respond_tagged(req, resp, await self.ask(read))

    def answer_from(self, read: PublicRead, found: Found) -> KeptAnswer:
        """The kept answer while it is true, else a new one."""
        answer = self._kept.find(read, found)
        if answer is None:
            answer = new_answer(read.make(found), found)
            self._kept.keep(read, answer)
        return answer


def respond_tagged(req: falcon.asgi.Request, resp: falcon.asgi.Response, answer: KeptAnswer) -> None:
    resp.set_header("ETag", f'"{answer.tag}"')
    resp.set_header("Cache-Control", "private, no-cache")
    if req.get_header("If-None-Match") is not None and _is_known(req, answer.tag):
        resp.status = falcon.HTTP_304
        return
    respond_encoded(resp, answer.body)


def _is_known(req: falcon.asgi.Request, tag: str) -> bool:
    """By RFC 9110, 13.1.2."""
    return any(one in {"*", tag} for one in req.if_none_match or [])
