"""The handshake: what can be refused before a WebSocket opens is refused in HTTP, in the one error shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil
from uuid import uuid4

import msgspec
import psycopg
import structlog
from psycopg_pool import PoolTimeout
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers, MultipleValuesError
from websockets.http11 import Request, Response

from core import logs
from core.client_addresses import Addresses
from core.identity.credentials.schemes import BAD_CREDENTIAL
from core.identity.principals import BadCredentialError, Principal, PrincipalKind
from core.origins import origin_allowed
from core.settings import Settings
from core.wire.errors import error_body
from notifier.authentication import Authentication, split_target
from notifier.feeds import FEEDS, Feed
from notifier.hub import Hub
from notifier.limits import Limits
from notifier.sockets import Admission, ConnectionLimits, Socket, respond

log = structlog.get_logger()

_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
"""Sixteen bytes in base64."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
HEALTH = "/healthz"
RETRY_AFTER_S = "2"


class RefusedError(Exception):
    """The handshake ends with this status."""

    def __init__(self, status: int, code: str, words: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words
        self.headers = headers or {}


class HandshakeGate:
    """Admits or refuses. An instance is `process_request` for `websockets.serve`."""

    def __init__(
        self,
        settings: Settings,
        hub: Hub,
        limits: Limits,
        authentication: Authentication,
        on_refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`on_refused` is called with the error code of each handshake that is refused."""
        self._settings = settings
        self._hub = hub
        self._limits = limits
        self._places = ConnectionLimits(limits)
        self._authentication = authentication
        self._addresses = Addresses(settings.trusted_proxies)
        self._on_refused = on_refused

    async def __call__(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, Socket)  # noqa: S101 - made by our factory
        answer = await self._answer(connection, request)
        return _bodiless(answer) if answer is not None and request.method == "HEAD" else answer

    async def _answer(self, connection: Socket, request: Request) -> Response | None:
        try:
            path, query = split_target(request.path, self._limits.query_parameters)
        except ValueError:
            words = f"The address cannot be read, or has more than {self._limits.query_parameters} parameters"
            return self._refusal(RefusedError(400, "bad_request", words))
        if request.method == "OPTIONS" and (path == HEALTH or path in FEEDS):
            return respond(200, b"", {"Allow": "GET, HEAD, OPTIONS"})
        if path == HEALTH:
            return respond(200, b'{"status":"ok"}', {})
        logs.begin(request_id=_request_id(request.headers), path=path)
        try:
            connection.visit = await self._admit(connection, request, path, query)
        except MultipleValuesError:
            return self._refusal(RefusedError(400, "bad_header", "A header that may come once came several times"))
        except (psycopg.Error, PoolTimeout) as problem:
            log.warning("the database cannot be asked, refusing sockets", problem=repr(problem))
            return self._refusal(_unavailable())
        except RefusedError as refused:
            return self._refusal(refused)
        return None

    def _refusal(self, refused: RefusedError) -> Response:
        log.info("socket refused", status=refused.status, code=refused.code)
        self._on_refused(refused.code)
        body = msgspec.json.encode(error_body(refused.status, refused.code, refused.words))
        return respond(refused.status, body, refused.headers)

    async def _admit(self, socket: Socket, request: Request, path: str, query: dict[str, str]) -> Admission:
        start, headers = self._hub.head, request.headers
        feed = self._feed(request, path)
        peer = socket.remote_address[0] if socket.remote_address else ""
        address = self._addresses.of(peer, headers.get_all("X-Forwarded-For"))
        self._take_place(socket, address)
        try:
            principal = await self._authentication.of_handshake(headers, query, address)
        except BadCredentialError as refused:
            challenge = {"WWW-Authenticate": 'Bearer realm="holdfast"'}
            words = str(refused) or BAD_CREDENTIAL
            raise RefusedError(401, "bad_credential", words, challenge) from None
        check_allowed(feed, principal)
        return Admission(feed, principal, address, query.get("last_position"), start)

    def _feed(self, request: Request, path: str) -> Feed:
        feed, headers = FEEDS.get(path), request.headers
        if feed is None:
            raise RefusedError(404, "not_found", "There is no feed at this path")
        if request.method != "GET" or not _is_websocket(headers):
            raise RefusedError(426, "not_a_websocket", "Connect with a WebSocket", {"Upgrade": "websocket"})
        if not origin_allowed(self._settings, headers.get("Origin"), headers.get("Host")):
            raise RefusedError(403, "origin_not_allowed", "Connections from this origin are not allowed")
        if not self._hub.epoch:
            raise _unavailable()
        return feed

    def _take_place(self, socket: Socket, address: str) -> None:
        wait_s = self._places.wait_s(address)
        if wait_s:
            words = "Too many connections from this address in a short time"
            raise RefusedError(429, "too_many_connections", words, {"Retry-After": str(ceil(wait_s))})
        if self._places.is_full():
            raise RefusedError(503, "too_many_connections", "All places are taken", {"Retry-After": "30"})
        if self._places.is_full_for(address):
            words = "Too many connections from this address"
            raise RefusedError(429, "too_many_connections", words, {"Retry-After": "30"})
        self._places.take(socket, address)


def check_allowed(feed: Feed, principal: Principal) -> None:
    """Raises `RefusedError` 403. An anonymous client may still authenticate in the first message."""
    if principal.must_change_password:
        raise RefusedError(
            403, "password_change_required", "Change your password first, at POST /api/auth/password/change/"
        )
    if principal.kind is not PrincipalKind.ANONYMOUS and not feed.allows(principal):
        raise RefusedError(403, "forbidden", "You do not have permission to perform this action")


def _is_websocket(headers: Headers) -> bool:
    """Whether it is a handshake as in RFC 6455, 4.2.1. The library would refuse any other in plain text."""
    return (
        "websocket" in headers.get("Upgrade", "").lower()
        and "upgrade" in headers.get("Connection", "").lower()
        and headers.get("Sec-WebSocket-Version") == "13"
        and _KEY.fullmatch(headers.get("Sec-WebSocket-Key", "")) is not None
    )


def _unavailable() -> RefusedError:
    words = "The feed cannot be read for a moment; try again soon"
    return RefusedError(503, "unavailable", words, {"Retry-After": RETRY_AFTER_S})


def _request_id(headers: Headers) -> str:
    sent = headers.get_all("X-Request-ID")
    return sent[0] if sent and _REQUEST_ID.fullmatch(sent[0]) else uuid4().hex


def _bodiless(answer: Response) -> Response:
    """For HEAD: all but the body. Its `Content-Length` stays."""
    answer.body = b""
    return answer
