"""The Caddyfile, in a real Caddy: what goes where, which doors are shut, whose word is taken."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect
from websockets.sync.server import Server as WebSocketServer
from websockets.sync.server import ServerConnection, serve

from ops.embedded import caddy
from ops.ports import accepts, free_ports
from tests.client import raw_answer
from tests.servers import Server


class Echo(BaseHTTPRequestHandler):
    """Answers with what reached it, and under which name."""

    name = ""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        received = len(self.rfile.read(length))
        said = {"name": self.name, "path": self.path, "headers": dict(self.headers), "received": received}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # a body that was too large: nobody waits for the answer
            self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - http.server looks for this name

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _running(server: ThreadingHTTPServer | WebSocketServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()


@contextmanager
def _echo(name: str, port: int) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", port), type("Named", (Echo,), {"name": name})) as server, _running(server):
        yield


def _greet(socket: ServerConnection) -> None:
    for message in socket:
        socket.send(message)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a front door with echoes behind it; nobody is behind `/ws` but a WebSocket server."""
    folder = tmp_path_factory.mktemp("caddy")
    port, api, notifier, flower = free_ports(4)
    placeholders = caddy.environment(site=f"http://:{port}", api=api, notifier=notifier, flower=flower)
    server = Server(caddy.program(folder, placeholders, folder / "caddy.log"), lambda: accepts(port))
    sockets = serve(_greet, "127.0.0.1", notifier)
    with _echo("api", api), _echo("flower", flower), _running(sockets):
        server.start()
        yield f"127.0.0.1:{port}"
        server.close()


@pytest.mark.parametrize("path", ["/api/login/", "/oauth/google/", "/admin/", "/book/", "/payment/", "/healthz", "/"])
def test_the_api_gets_everything_else(door: str, path: str) -> None:
    assert httpx.get(f"http://{door}{path}").json()["name"] == "api"


@pytest.mark.parametrize("path", ["/flower", "/flower/", "/flower/workers"])
def test_flower_gets_its_prefix(door: str, path: str) -> None:
    assert httpx.get(f"http://{door}{path}").json()["name"] == "flower"


def test_websockets_reach_the_notifier(door: str) -> None:
    with connect(f"ws://{door}/ws/echo/") as socket:  # no feed's path: what stands behind the door here speaks none
        socket.send("hello")
        assert socket.recv(timeout=5) == "hello"


@pytest.mark.parametrize(
    "path",
    [
        "/flower/metrics",
        "/flower/metrics/",
        "/flower/healthcheck",
        "/flower/healthcheck?x=1",
        "/flower//metrics",
        "/flower/%6Detrics",
        "/flower/./metrics",
        "/flower/x/../metrics",
        "/FLOWER/METRICS",
    ],
)
def test_flowers_open_doors_are_shut(door: str, path: str) -> None:
    with httpx.Client() as client:
        answer = client.send(httpx.Request("GET", f"http://{door}", extensions={"target": path.encode()}))
    assert answer.status_code == 404 or answer.json()["name"] != "flower"


def test_a_client_cannot_choose_its_address(door: str) -> None:
    said = httpx.get(f"http://{door}/api/", headers={"X-Forwarded-For": "203.0.113.7"}).json()
    assert said["headers"]["X-Forwarded-For"] == "127.0.0.1"


def test_a_trusted_terminators_word_is_taken(tmp_path: Path) -> None:
    port, api, notifier, flower = free_ports(4)
    placeholders = caddy.environment(site=f"http://:{port}", api=api, notifier=notifier, flower=flower)
    trusting = {**placeholders, "HOLDFAST_TRUSTS": "127.0.0.1/32"}
    server = Server(caddy.program(tmp_path, trusting, tmp_path / "caddy.log"), lambda: accepts(port))
    forwarded = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
    with _echo("api", api):
        try:
            server.start()
            said = httpx.get(f"http://127.0.0.1:{port}/", headers=forwarded).json()
        finally:
            server.close()
    assert said["headers"]["X-Forwarded-For"] == "203.0.113.7", "the hop that the terminator saw, not what it was told"


def test_large_bodies_pass_and_larger_ones_do_not(door: str) -> None:
    assert httpx.post(f"http://{door}/api/", content=b"x" * 15_000_000).json()["received"] == 15_000_000
    refused = httpx.post(f"http://{door}/api/", content=b"x" * 17_000_000)
    assert (refused.status_code, refused.json()["code"], refused.json()["status"]) == (413, "body_too_large", 413)


def test_a_feed_takes_no_body(door: str) -> None:
    answer = httpx.post(f"http://{door}/ws/admin/bookings/", json={})
    assert (answer.status_code, answer.json()["code"]) == (426, "not_a_websocket")


@pytest.mark.parametrize("headers", [{"Host": ""}, {"Transfer-Encoding": "chunked"}], ids=["no host", "no chunks"])
def test_what_is_no_http_is_refused_in_the_one_error_shape(door: str, headers: dict[str, str]) -> None:
    """Not as if the part behind the door were away."""
    refused = raw_answer(door, "POST /api/ HTTP/1.1", {"Host": door, **headers}, b"no chunks\r\n\r\n")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


def test_a_part_that_is_away_is_a_503_in_the_one_error_shape(tmp_path: Path) -> None:
    port, api, notifier, flower = free_ports(4)
    placeholders = caddy.environment(site=f"http://:{port}", api=api, notifier=notifier, flower=flower)
    server = Server(caddy.program(tmp_path, placeholders, tmp_path / "caddy.log"), lambda: accepts(port))
    try:
        server.start()
        secret = "ticket=do-not-log-me"
        answer = httpx.get(f"http://127.0.0.1:{port}/api/?{secret}", headers={"Cookie": "s=secret"}, timeout=15)
    finally:
        server.close()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["code"] == "unavailable"
    assert answer.json()["message"] == answer.json()["detail"] == answer.json()["error"]
    assert "do-not-log-me" not in server.log
    assert "s=secret" not in server.log
