"""Bodies that stop, that never come, and that are refused before they came: in the app, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import falcon.asgi
import falcon.testing
import pytest

from api.http import disconnects
from api.http.bodies import BODY_MAX_BYTES, read_bytes
from api.http.disconnects import App
from api.http.errors import add_error_handlers

HUNG_UP = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


class Length:
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = len(await read_bytes(req))


class Caller:
    """Sends these events, then falls silent; hears what the app answers."""

    def __init__(self, length: int, *events: Mapping[str, Any]) -> None:
        self.length = length
        self.to_send = list(events)
        self.status = 0
        self.body = b""
        self.sent_when_answered = -1

    async def receive(self) -> Mapping[str, Any]:
        return self.to_send.pop(0) if self.to_send else await asyncio.Future()

    async def send(self, event: Mapping[str, Any]) -> None:
        self.status = event.get("status", self.status)
        self.body += event.get("body", b"")
        self.sent_when_answered = len(self.to_send)

    async def call(self) -> Any:
        app = App()
        add_error_handlers(app)
        app.add_route("/", Length())
        scope = falcon.testing.create_scope(method="POST", path="/", content_length=self.length)
        scope["headers"] = list(scope["headers"])  # as servers have it
        await app(scope, self.receive, self.send)
        return json.loads(self.body)


async def test_a_whole_body_is_read() -> None:
    assert await Caller(6, piece(b"abc", more=True), piece(b"def")).call() == 6


async def test_half_a_body_is_never_taken_for_a_whole_one() -> None:
    caller = Caller(50, piece(b"{}", more=True), HUNG_UP)
    assert (await caller.call())["code"] == "malformed_json"
    assert caller.status == 400


async def test_a_client_that_announces_a_body_and_sends_none_is_told_so() -> None:
    caller = Caller(50, HUNG_UP)
    assert (await caller.call())["code"] == "body_too_slow"
    assert caller.status == 408


async def test_a_body_that_is_announced_as_too_large_is_refused_before_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disconnects, "LINGER_SILENCE_S", 0.01)
    assert (await Caller(100 * BODY_MAX_BYTES).call())["code"] == "body_too_large"


async def test_a_refused_body_is_read_to_its_end_for_the_answer_to_reach_who_sends_it() -> None:
    events = [piece(b"x" * 50_000, more=True), piece(b"x" * 50_000)]
    caller = Caller(100_000, *events)
    assert (await caller.call())["code"] == "body_too_large"
    assert (caller.sent_when_answered, caller.to_send) == (2, [])


async def test_a_body_that_goes_on_coming_for_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(App, "body_within_s", 0.05)
    caller = Caller(6, piece(b"abc", more=True))
    assert (await caller.call())["code"] == "body_too_slow"
    assert caller.status == 408
