"""Holds every message, refusal and close code that a test hears from a feed to its AsyncAPI description.

Installed once for the whole run (tests/conftest.py) in websockets' client, as `tests.conformance` is
in httpx: each test of a feed is a test of its description too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import ClientConnection

from core.wire.feeds import ERRORS
from tests.conformance import strict
from tests.described import feeds

Fact = str
"""What was heard, in one line."""


class Feed:
    """One channel of the description."""

    def __init__(self, channel: Mapping[str, Any]) -> None:
        self.path: str = channel["address"]
        self._refusals = {(one["status"], one["code"]) for one in channel["x-handshake-refusals"]}
        self._closings = {one["code"] for one in channel["x-close-codes"]}
        self._payloads = {word: _validator(_message(one)["payload"]) for word, one in channel["messages"].items()}

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

    def refuse(self, answer: Response) -> Iterator[Fact]:
        if answer.headers.get("Content-Type") != "application/json":
            return  # not the notifier's: somebody before it said no
        code = json.loads(answer.body)["code"]
        assert (answer.status_code, code) in self._refusals, f"{self.path} refused with {answer.status_code} {code}"
        yield f"refusal {answer.status_code} {code}"

    def close(self, code: int) -> Iterator[Fact]:
        assert code in self._closings, f"{self.path} closed with {code}, which is not described"
        yield f"close {code}"


class Heard:
    """What this process heard of all feeds."""

    def __init__(self) -> None:
        self.facts: set[Fact] = set()
        self._feeds = {feed.path: feed for feed in map(Feed, feeds()["channels"].values())}

    def of(self, connection: ClientConnection) -> Feed | None:
        assert connection.request is not None, "it has asked for something"
        return self._feeds.get(urlsplit(connection.request.path).path.rstrip("/") + "/")


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
        if (feed := heard().of(self)) is not None:
            heard().facts.update(feed.refuse(refused.response))
        raise


def _message(reference: Mapping[str, str]) -> Any:
    return feeds()["components"]["messages"][reference["$ref"].rsplit("/", 1)[1]]


def _validator(payload: Any) -> jsonschema_rs.Draft202012Validator:
    """As strict as with answers: no field more than is described."""
    whole = {"components": strict(feeds()["components"]), **strict(payload)}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
