"""Requests on a bare socket, for what no HTTP client does: half a body, and then silence."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse

import httpx

from tests.support.conformance.answers import conformance


class PartialRequest:
    """A request whose body never comes to its end."""

    def __init__(self, connection: socket.socket, request: httpx.Request) -> None:
        self._connection = connection
        self._request = request

    def answer(self, within_s: float) -> httpx.Response:
        """Held to the description like all that tests hear."""
        self._connection.settimeout(within_s)
        heard = HTTPResponse(self._connection)
        heard.begin()
        answer = httpx.Response(heard.status, headers=heard.getheaders(), content=heard.read(), request=self._request)
        conformance().check(answer)
        return answer


@contextmanager
def partial_request(api_url: str, path: str, body: bytes, headers: Mapping[str, str]) -> Iterator[PartialRequest]:
    """POST the first half of a body; the connection stays open until the block ends."""
    request = httpx.Request("POST", api_url + path, headers=headers, content=body)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((request.url.host, request.url.port or 80)) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body[: len(body) // 2])
        yield PartialRequest(connection, request)
