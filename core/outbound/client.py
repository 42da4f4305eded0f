"""A guarded HTTP client: requests to URLs that somebody else names.

A name is resolved once, every address that it has is checked, and the connection is made to exactly such a checked
address, with the certificate checked for the name: a name that resolves to something else a moment later changes
nothing. No redirect is followed. Whatever the other side does, a request is over within `TOTAL_S`, and no more than
`READ_MAX_BYTES` of its answer are read. Proxies that the environment names are not used: they would resolve again.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPException
from threading import Timer
from typing import TypeVar

import urllib3
from msgspec import Struct
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse
from urllib3.util.wait import wait_for_read

from core.outbound.addresses import not_called
from core.outbound.resolver import Resolve, UnresolvedError, resolve
from core.outbound.targets import Target

Read = TypeVar("Read")
RESOLVE_S = 5.0
CONNECT_S = 5.0
READ_S = 10.0
TOTAL_S = 15.0
"""From the name's look-up to the answer's last byte."""
READ_MAX_BYTES = 8_192
"""Read of an answer's body; a longer one is left unread, and its status counts all the same."""
EXCERPT_CHARS = 1_000
"""Kept of it."""
ADDRESSES_TRIED_MAX = 4
RETRY_AFTER_HEADER = "Retry-After"
USER_AGENT = "Holdfast-Webhooks/1"
READER_AGENT = "Holdfast-Calendars/1"
"""Of what it fetches."""


class Limits(Struct, frozen=True):
    """How long each part of a request may take."""

    resolve_s: float = RESOLVE_S
    connect_s: float = CONNECT_S
    read_s: float = READ_S
    total_s: float = TOTAL_S

    @classmethod
    def within(cls, total_s: float) -> Limits:
        """The usual parts of another whole."""
        return cls(min(RESOLVE_S, total_s), min(CONNECT_S, total_s), min(READ_S, total_s), total_s)


class Answered(Struct, frozen=True):
    status: int
    excerpt: str
    """The beginning of its body, in one line."""
    retry_after: str | None
    """As it was sent."""


class Fetched(Struct, frozen=True):
    status: int
    body: bytes | None
    """None: it is longer than was asked for."""
    etag: str | None
    last_modified: str | None


class NoAnswerError(Exception):
    """A request that was not answered; its words say why, and hold nothing secret."""


class RefusedAddressError(NoAnswerError):
    """It was not sent: the name has an address that may not be called."""


class GuardedClient:
    """Safe to use from several threads: each request has a connection of its own."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        limits: Limits | None = None,
        resolver: Resolve = resolve,
        certificates: ssl.SSLContext | None = None,
    ) -> None:
        """`certificates`: instead of those that the system trusts (or `SSL_CERT_FILE` names)."""
        self._loopback = loopback
        self._limits = limits or Limits()
        self._resolve = resolver
        self._tls = certificates or tls_context()
        logging.getLogger("urllib3.connection").setLevel(logging.CRITICAL)  # it would name paths, which may hold keys

    @property
    def total_s(self) -> float:
        """How long a request takes at most."""
        return self._limits.total_s

    def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answered:
        """Raises `NoAnswerError`."""
        with self.calls(target) as calls:
            return calls.post(headers, body, is_last=True)

    @contextmanager
    def calls(self, target: Target) -> Iterator[Calls]:
        """Several requests to one target, over one connection while the other side keeps it open."""

        def answered(response: HTTPResponse) -> Answered:
            read = response.read(READ_MAX_BYTES)
            return Answered(response.status, excerpt(read), response.headers.get(RETRY_AFTER_HEADER))

        def ask(connection: HTTPConnection, headers: Mapping[str, str], body: bytes, deadline: float) -> Answered:
            own = {**headers, "User-Agent": USER_AGENT}
            return self._exchange(connection, "POST", target, own, body, answered, deadline)

        made = Calls(
            lambda deadline: self._connected(target, self._addresses(target), deadline), ask, self._limits.total_s
        )
        try:
            yield made
        finally:
            made.close()

    def get(self, target: Target, headers: Mapping[str, str], most_bytes: int) -> Fetched:
        """A whole body of up to `most_bytes`. Raises `NoAnswerError`, also for one that ends early."""
        own = {**headers, "User-Agent": READER_AGENT}

        def fetched(response: HTTPResponse) -> Fetched:
            body = response.read(most_bytes + 1)
            found = response.headers
            whole = body if len(body) <= most_bytes else None
            return Fetched(response.status, whole, found.get("ETag"), found.get("Last-Modified"))

        deadline = time.monotonic() + self._limits.total_s
        connection = self._connected(target, self._addresses(target), deadline)
        try:
            return self._exchange(connection, "GET", target, {**own, "Connection": "close"}, None, fetched, deadline)
        finally:
            connection.close()

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: bytes | None,
        read: Callable[[HTTPResponse], Read],
        deadline: float,
    ) -> Read:
        sock = connection.sock  # the connection lets go of it as soon as the answer's headers are read
        try:
            with _ended_after(deadline - time.monotonic(), lambda: sock):
                response = self._asked(connection, method, target, headers, body)
                answered = read(response)
        except (OSError, HTTPException, urllib3.exceptions.HTTPError) as problem:
            late = time.monotonic() >= deadline
            raise NoAnswerError(self._too_late() if late else _reason(problem)) from None
        if time.monotonic() >= deadline:  # a body whose end is the connection's looks whole
            raise NoAnswerError(self._too_late())
        if not response.closed:
            connection.close()  # what is left of a longer body would be taken for the next answer
        return answered

    def _addresses(self, target: Target) -> Sequence[str]:
        """All of the host's. One that may not be called condemns the others: who runs the name is not to be trusted."""
        try:
            found = self._resolve(target.host, self._limits.resolve_s)
        except UnresolvedError as problem:
            raise NoAnswerError(str(problem)) from None
        if not found:
            raise NoAnswerError("the name has no address")
        for address in found:
            if (kind := not_called(address, loopback=self._loopback)) is not None:
                raise RefusedAddressError(f"not sent: an address of {target.host} is {kind}")
        return found[:ADDRESSES_TRIED_MAX]

    def _connected(self, target: Target, addresses: Sequence[str], deadline: float) -> HTTPConnection:
        """A connection to the first address that takes one."""
        reason = ""
        for address in addresses:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            connection = self._connection(target, address, min(left_s, self._limits.connect_s))
            try:
                with _ended_after(left_s, partial(_present_socket, connection)):
                    connection.connect()
            except (OSError, urllib3.exceptions.HTTPError) as problem:
                connection.close()
                reason = _reason(problem)
            else:
                return connection
        raise NoAnswerError(reason or self._too_late())

    def _connection(self, target: Target, address: str, connect_s: float) -> HTTPConnection:
        if not target.is_https:
            return HTTPConnection(address, target.port, timeout=connect_s)
        return HTTPSConnection(
            address,
            target.port,
            timeout=connect_s,
            ssl_context=self._tls,
            server_hostname=target.host,  # by which the context checks the certificate, too
        )

    def _asked(
        self, connection: HTTPConnection, method: str, target: Target, headers: Mapping[str, str], body: bytes | None
    ) -> HTTPResponse:
        connection.timeout = self._limits.read_s
        if connection.sock is not None:
            connection.sock.settimeout(self._limits.read_s)
        own = {"Host": target.authority, "Accept-Encoding": "identity"}
        connection.request(
            method, target.path, body=body, headers={**headers, **own}, preload_content=False, decode_content=False
        )
        return connection.getresponse()

    def _too_late(self) -> str:
        return f"no whole answer within {self._limits.total_s:g} s"


class Calls:
    """Requests to one target. Not safe to use from several threads."""

    def __init__(
        self,
        connect: Callable[[float], HTTPConnection],
        ask: Callable[[HTTPConnection, Mapping[str, str], bytes, float], Answered],
        total_s: float,
    ) -> None:
        """The last argument of `connect` and `ask` is the time at which a request must be over."""
        self._connect = connect
        self._ask = ask
        self._total_s = total_s
        self._kept: HTTPConnection | None = None

    def post(self, headers: Mapping[str, str], body: bytes, *, is_last: bool = False) -> Answered:
        """Raises `NoAnswerError`. A connection that the other side has closed is made anew, and its address checked."""
        deadline = time.monotonic() + self._total_s
        headers = {**headers, "Connection": "close" if is_last else "keep-alive"}
        if self._kept is None or self.is_closed:
            self.close()
            self._kept = self._connect(deadline)
        try:
            return self._ask(self._kept, headers, body, deadline)
        except NoAnswerError:
            self.close()
            raise

    @property
    def is_closed(self) -> bool:
        """Whether the other side has closed the connection, or says what nobody asked."""
        sock = self._kept.sock if self._kept is not None else None
        return sock is None or wait_for_read(sock, timeout=0.0)

    def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()


def tls_context() -> ssl.SSLContext:
    """TLS 1.2 or newer, with the certificates that the system trusts."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def excerpt(body: bytes) -> str:
    """The beginning of an answer for the log: one line, without what could not be seen or would control a terminal."""
    text = body[: 4 * EXCERPT_CHARS].decode("utf-8", "replace")
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:EXCERPT_CHARS]


@contextmanager
def _ended_after(seconds: float, sock: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Hang up after a time: timeouts of sockets begin anew with every byte that comes."""
    timer = Timer(max(seconds, 0.0), lambda: _hang_up(sock()))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _present_socket(connection: HTTPConnection) -> socket.socket | None:
    return connection.sock


def _hang_up(sock: socket.socket | None) -> None:
    """The plain socket's shutdown: that of a TLS socket takes its state away from the thread that reads."""
    if sock is not None:
        with suppress(OSError):  # it is over already
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _reason(problem: Exception) -> str:
    """Why there was no answer, in plain words: those of the first cause that says something."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted: {cause.verify_message}"
        for kinds, words in _REASONS:
            if isinstance(cause, kinds) and not isinstance(cause, urllib3.exceptions.NewConnectionError):
                return words
        cause = cause.__cause__ or cause.__context__
    return "the connection failed"


_REASONS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ssl.SSLError,), "TLS failed"),
    ((urllib3.exceptions.ConnectTimeoutError,), "no connection within the time"),
    ((TimeoutError, urllib3.exceptions.ReadTimeoutError), "no answer within the time"),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((HTTPException, urllib3.exceptions.ProtocolError), "the answer is no HTTP, or ended early"),
    ((ConnectionError,), "the connection was closed before an answer"),
    ((OSError,), "the address cannot be reached"),
)
"""By kind of exception; the first that fits."""
