"""Holds every message, refusal and close code that a test hears from a feed to its AsyncAPI description.

Installed once for the whole run (tests/conftest.py) in websockets' client and in httpx, as
`tests.support.conformance.answers` is: each test of a feed is a test of its description too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema_rs
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import ClientConnection

from core.wire.feeds import ERRORS
from tests.support.conformance.answers import strict
from tests.support.conformance.description import feeds

Fact = str
"""What was heard, in one line."""
UNDER = "/ws/"
"""Whatever is asked for below it is the notifier's to answer."""


class Feed:
    """One channel of the description."""

    def __init__(self, channel: Mapping[str, Any]) -> None:
        self.path: str = channel["address"]
        self._refusals = {(one["status"], one["code"]) for one in channel["x-handshake-refusals"]}
        self._closings = {one["code"] for one in channel.get("x-close-codes", ())}
        messages = channel.get("messages", {})
        self._payloads = {word: _validator(_message(one)["payload"]) for word, one in messages.items()}

    def hear(self, text: str | bytes) -> Iterator[Fact]:
        message = json.loads(text)
        word = message["type"]
        assert word in self._payloads, f"{self.path} says {word!r}, which is not described"
        errors = [str(error) for error in self._payloads[word].iter_errors(message)]
        assert not errors, f"{self.path} says {word!r} not as described: {errors[0]}\n{text[:500]!r}"
        yield f"{self.path} {word}"
        if word == "error":
            code, status = message["data"]["code"], message["data"]["status"]
            assert ERRORS[code] == status, f"{self.path} says {code} with status {status}"
            yield f"error {code}"

    def refuse(self, status: int, code: str) -> Iterator[Fact]:
        assert (status, code) in self._refusals, f"{self.path} refused with {status} {code}, which is not described"
        yield f"refusal {status} {code}"

    def close(self, code: int) -> Iterator[Fact]:
        assert code in self._closings, f"{self.path} closed with {code}, which is not described"
        yield f"close {code}"


class Heard:
    """What this process heard of all feeds."""

    def __init__(self) -> None:
        self.facts: set[Fact] = set()
        self._feeds = {feed.path: feed for feed in map(Feed, feeds()["channels"].values())}
        self._nowhere = Feed({"address": "an unknown path", "x-handshake-refusals": [feeds()["x-unknown-path"]]})

    def of(self, connection: ClientConnection) -> Feed | None:
        return self._feeds.get(_path(connection))

    def refusal(self, connection: ClientConnection, answer: Response) -> None:
        self._refusal(_path(connection), answer.headers, answer.status_code, bytes(answer.body))

    def plain(self, answer: httpx.Response) -> None:
        """What was asked for without a WebSocket."""
        self._refusal(_with_slash(answer.request.url.path), answer.headers, answer.status_code, answer.content)

    def _refusal(self, path: str, headers: Mapping[str, str], status: int, body: bytes) -> None:
        is_notifiers = headers.get("Content-Type") == "application/json" and "X-Request-ID" not in headers
        if path.startswith(UNDER) and is_notifiers and body:  # else somebody before it said no, or it was HEAD
            self.facts.update(self._feeds.get(path, self._nowhere).refuse(status, json.loads(body)["code"]))


@cache
def heard() -> Heard:
    """The one of this run."""
    return Heard()


class HeldClient:
    """websockets' own methods, with a look at what came."""

    recv = ClientConnection.recv
    handshake = ClientConnection.handshake


def recv(self: ClientConnection, *args: Any, **how: Any) -> Any:
    feed = heard().of(self)
    try:
        text = HeldClient.recv(self, *args, **how)
    except ConnectionClosed as end:
        if feed is not None and end.rcvd is not None and end.rcvd_then_sent:
            heard().facts.update(feed.close(end.rcvd.code))
        raise
    if feed is not None:
        heard().facts.update(feed.hear(text))
    return text


def handshake(self: ClientConnection, *args: Any, **how: Any) -> None:
    try:
        HeldClient.handshake(self, *args, **how)
    except InvalidStatus as refused:
        heard().refusal(self, refused.response)
        raise


def _path(connection: ClientConnection) -> str:
    assert connection.request is not None, "it has asked for something"
    return _with_slash(urlsplit(connection.request.path).path)


def _with_slash(path: str) -> str:
    return path.rstrip("/") + "/"


def _message(reference: Mapping[str, str]) -> Any:
    return feeds()["components"]["messages"][reference["$ref"].rsplit("/", 1)[1]]


def _validator(payload: Any) -> jsonschema_rs.Draft202012Validator:
    """As strict as with answers: no field more than is described."""
    whole = {"components": strict(feeds()["components"]), **strict(payload)}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
