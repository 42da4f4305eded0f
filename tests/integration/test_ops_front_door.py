"""The Caddyfile, in a real Caddy: what goes where, which doors are shut, whose word is taken."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import jsonschema_rs
import pytest
from websockets.sync.client import connect
from websockets.sync.server import Server as WebSocketServer
from websockets.sync.server import ServerConnection, serve

from ops.embedded import caddy
from ops.ports import accepts, free_ports
from tests.client import raw_answer
from tests.described import description
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


def test_a_client_cannot_choose_an_id(door: str) -> None:
    """The door chooses a new one for each request, whatever came with it."""
    mine = str(uuid4())
    said = [httpx.post(f"http://{door}/api/", headers={"Holdfast-Command": mine}).json() for _ in range(2)]
    chosen = [one["headers"]["Holdfast-Command"] for one in said]
    assert len({mine, *chosen}) == 3
    assert {UUID(one).version for one in chosen} == {4}


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


ENDS = ("at once", "after the request", "by a reset", "in its answer", "with nonsense", "never")


@contextmanager
def _ending(port: int, how: str) -> Iterator[list[bytes]]:
    """An API that takes one request and answers nothing; what it got."""
    got: list[bytes] = []

    def serve_one(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            if how == "at once":
                return
            got.append(connection.recv(65_536))
            match how:
                case "by a reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                case "in its answer":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
                case "with nonsense":
                    connection.sendall(b"nonsense\r\n\r\n")
                case "never":
                    connection.recv(1)  # until the door gives up

    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=serve_one, args=(listener,))
        thread.start()
        yield got
        thread.join()


@pytest.fixture(scope="module")
def door_to_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """host:port of a front door that waits a second for answers, and the API's port, where nobody listens."""
    folder = tmp_path_factory.mktemp("caddy")
    port, api, notifier, flower = free_ports(4)
    placeholders = caddy.environment(site=f"http://:{port}", api=api, notifier=notifier, flower=flower)
    placeholders["HOLDFAST_ANSWER_TIMEOUT"] = "1s"
    server = Server(caddy.program(folder, placeholders, folder / "caddy.log"), lambda: accepts(port))
    server.start()
    yield f"127.0.0.1:{port}", api
    server.close()


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_write_whose_answer_was_lost_is_told_where_to_look(
    door_to_nobody: tuple[str, int], how: str, method: str
) -> None:
    """In the one error shape, under the id that the API got with the request."""
    door, api = door_to_nobody
    content = b"{}" if method == "POST" else b""
    with _ending(api, how) as got:
        answer = httpx.request(method, f"http://{door}/api/x/?a=1", content=content, timeout=15)
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (503, 503, "unknown_outcome")
    assert body["message"] == body["detail"] == body["error"]
    assert answer.headers["Location"] == body["status_url"] == f"/api/commands/{body['id']}/"
    assert answer.headers["Holdfast-Command"] == body["id"]
    assert answer.headers["Retry-After"] == "2"
    assert all(f"Holdfast-Command: {body['id']}".encode() in request for request in got)
    _validate(body)


def test_a_batch_whose_answer_was_lost_is_looked_for_among_batches(door_to_nobody: tuple[str, int]) -> None:
    door, api = door_to_nobody
    with _ending(api, "after the request"):
        answer = httpx.post(f"http://{door}/api/agent/bookings/bulk/?mode=each", json=[], timeout=15)
    assert answer.headers["Location"] == f"/api/agent/bookings/bulk/{answer.json()['id']}/"


def test_a_write_that_was_never_sent_was_not_done(door_to_nobody: tuple[str, int]) -> None:
    answer = httpx.post(f"http://{door_to_nobody[0]}/api/x/", timeout=15)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "Location" not in answer.headers


def _validate(body: object) -> None:
    """As `ErrorBody` is described."""
    schemas = description()["components"]["schemas"]
    jsonschema_rs.validate({**schemas["ErrorBody"], "components": {"schemas": schemas}}, body)
