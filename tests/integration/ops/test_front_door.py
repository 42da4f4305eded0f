"""The Caddyfile, in a real Caddy: what goes where, which doors are shut, whose word is taken."""

from __future__ import annotations

import json
import re
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

from tests.support.clients.http_client import raw_answer
from tests.support.conformance.description import description
from tests.support.processes.front_door import front_door
from tests.support.wait import wait_until

WAITED_S = 4.5
"""At least: the Caddyfile's `lb_try_duration` but for what its last pause leaves of it."""


class Echo(BaseHTTPRequestHandler):
    """Answers with what reached it, and under which name."""

    name = ""

    def do_GET(self) -> None:
        try:
            received = self._received()
        except ValueError:  # the door gave the body up
            self.close_connection = True
            return
        said = {"name": self.name, "path": self.path, "headers": dict(self.headers), "received": received}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # a body that was too large: nobody waits for the answer
            self.wfile.write(body)

    def _received(self) -> int:
        """All of the body, as the API reads it before it answers. Raises ValueError if it does not come to its end."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        received = 0
        while size := int(self.rfile.readline(), 16):
            received += len(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return received

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
    with front_door(tmp_path_factory.mktemp("caddy")) as one:
        sockets = serve(_greet, "127.0.0.1", one.notifier_port)
        with _echo("api", one.api_port), _echo("flower", one.flower_port), _running(sockets):
            yield one.address


@pytest.mark.parametrize(
    "path",
    ["/api/login/", "/oauth/google/", "/payment/", "/healthz", "/guest/", "/webs/", "/books/", "/admin/x/", "/docs/"],
)
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


TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "vendor=1"}


def test_a_client_cannot_say_that_it_is_traced(door: str) -> None:
    said = httpx.get(f"http://{door}/api/", headers=TRACE).json()
    assert not TRACE.keys() & {name.lower() for name in said["headers"]}


def test_a_trusted_terminators_word_is_taken(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7", **TRACE}
    with front_door(tmp_path, environment={"HOLDFAST_TRUSTS": "127.0.0.1/32"}) as one, _echo("api", one.api_port):
        said = httpx.get(f"{one.url}/api/x/", headers=forwarded).json()
    assert said["headers"]["X-Forwarded-For"] == "203.0.113.7", "the hop that the terminator saw, not what it was told"
    assert {name.lower(): value for name, value in said["headers"].items()}.items() >= TRACE.items()


def test_large_bodies_pass_and_larger_ones_do_not(door: str) -> None:
    assert httpx.post(f"http://{door}/api/", content=b"x" * 15_000_000).json()["received"] == 15_000_000
    refused = httpx.post(f"http://{door}/api/", content=b"x" * 17_000_000)
    assert (refused.status_code, refused.json()["code"], refused.json()["status"]) == (413, "body_too_large", 413)


def test_a_feed_takes_no_body(door: str) -> None:
    answer = httpx.post(f"http://{door}/ws/admin/bookings/", json={})
    assert (answer.status_code, answer.json()["code"]) == (426, "not_a_websocket")


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}], ids=["no body", "chunks"])
def test_a_request_without_an_upgrade_is_told_to_ask_for_a_websocket(door: str, headers: dict[str, str]) -> None:
    """By the door: a proxy may not pass on the `Upgrade` that an answer 426 must have (RFC 9110, 15.5.22)."""
    answer = raw_answer(door, "GET /ws/admin/bookings/ HTTP/1.1", {"Host": door, **headers}, b"2\r\n{}\r\n0\r\n\r\n")
    assert (answer.status_code, answer.json()["code"]) == (426, "not_a_websocket")
    assert answer.headers["Upgrade"] == "websocket"


def test_a_method_that_nobody_has_is_no_fault_of_ours(door: str) -> None:
    refused = raw_answer(door, f"{'A' * 3000} /api/ HTTP/1.1", {"Host": door})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("headers", [{"Host": ""}, {"Transfer-Encoding": "chunked"}], ids=["no host", "no chunks"])
def test_what_is_no_http_is_refused_in_the_one_error_shape(door: str, headers: dict[str, str]) -> None:
    """Not as if the part behind the door were away."""
    refused = raw_answer(door, "POST /api/ HTTP/1.1", {"Host": door, **headers}, b"no chunks\r\n\r\n")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


def test_a_part_that_is_away_is_waited_for_and_then_a_503_in_the_one_error_shape(tmp_path: Path) -> None:
    with front_door(tmp_path) as one:
        secret = "ticket=do-not-log-me"
        answer = httpx.get(f"{one.url}/api/?{secret}", headers={"Cookie": "s=secret"}, timeout=15)
    assert answer.elapsed.total_seconds() >= WAITED_S, "a part that is starting again is waited for"
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["code"] == "unavailable"
    assert answer.json()["message"] == answer.json()["detail"] == answer.json()["error"]
    assert "do-not-log-me" not in one.server.log
    assert "s=secret" not in one.server.log


ENDS = ("at once", "after the request", "by a reset", "in its answer", "with nonsense", "never")


def _request(connection: socket.socket) -> bytes:
    """Its body too, which the door may send by itself: otherwise it fails to send it, and not to get an answer."""
    got = connection.recv(65_536)
    while True:
        head, ended, body = got.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\ncontent-length: *([0-9]+)", head)
        if ended and len(body) >= (int(length[1]) if length else 0):
            return got
        more = connection.recv(65_536)
        if not more:
            return got
        got += more


@contextmanager
def _ending(port: int, how: str) -> Iterator[list[bytes]]:
    """An API that takes one request and answers nothing; what it got."""
    got: list[bytes] = []

    def serve_one(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            if how == "at once":
                return
            got.append(_request(connection))
            match how:
                case "by a reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                case "in its answer":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
                case "with nonsense":
                    connection.sendall(b"nonsense\r\n\r\n")
                case "never":
                    connection.recv(1)  # until the door gives up

    with socket.create_server(("127.0.0.1", port), reuse_port=True) as listener:
        thread = threading.Thread(target=serve_one, args=(listener,))
        thread.start()
        yield got
        thread.join()


@contextmanager
def _held(port: int) -> Iterator[None]:
    """Nobody else on this machine can listen there. Whoever calls it gets a refusal, as if it were free."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", port))
        yield


@pytest.fixture(scope="module")
def door_to_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """host:port of a front door that waits a second for answers, and the API's port, where nobody listens."""
    with (
        front_door(tmp_path_factory.mktemp("caddy"), environment={"HOLDFAST_ANSWER_TIMEOUT": "1s"}) as one,
        _held(one.api_port),
    ):
        yield one.address, one.api_port


@pytest.fixture(scope="module")
def impatient_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a front door with nobody behind it, which waits for nobody."""
    with front_door(tmp_path_factory.mktemp("caddy"), is_impatient=True) as one, _held(one.api_port):
        yield one.address


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


def test_a_write_that_was_never_sent_was_not_done(impatient_door: str) -> None:
    answer = httpx.post(f"http://{impatient_door}/api/x/", timeout=15)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "Location" not in answer.headers


def _validate(body: object) -> None:
    """As `ErrorBody` is described."""
    schemas = description()["components"]["schemas"]
    jsonschema_rs.validate({**schemas["ErrorBody"], "components": {"schemas": schemas}}, body)


OWN = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def strict(answer: httpx.Response) -> dict[str, str]:
    assert not {"Server", "Via"} & set(answer.headers), answer.headers
    return {name: answer.headers.get(name, "missing") for name in OWN}


def test_every_answer_of_the_door_itself_is_strict(door: str, impatient_door: str) -> None:
    """Also what an inner part says that sets none of these."""
    large = b"x" * 17_000_000
    told = [
        httpx.get(f"http://{door}/flower/metrics"),
        httpx.options(f"http://{door}/ws/calendar/"),
        httpx.post(f"http://{door}/ws/calendar/", json={}),
        httpx.request("GET", f"http://{door}/ws/calendar/", content=b"{}"),
        httpx.post(f"http://{door}/api/", content=large),
        httpx.get(f"http://{impatient_door}/api/", timeout=15),
        httpx.get(f"http://{door}/api/"),
    ]
    assert [answer.status_code for answer in told] == [404, 204, 426, 426, 413, 503, 200]
    assert [strict(answer) for answer in told] == [OWN] * len(told)
    assert all("Strict-Transport-Security" not in answer.headers for answer in told), "people come by http here"


def test_a_site_that_is_called_by_https_has_browsers_stay_there(tmp_path: Path) -> None:
    where = {"HOLDFAST_PUBLIC_URL": "https://booking.example.com"}
    with front_door(tmp_path, environment=where, is_impatient=True) as door:
        for path in ("/flower/metrics", "/api/"):
            assert httpx.get(door.url + path, timeout=15).headers["Strict-Transport-Security"] == "max-age=31536000"


def test_flower_s_pages_may_have_scripts_of_their_own_and_no_others(door: str) -> None:
    policy = strict(httpx.get(f"http://{door}/flower/"))["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "frame-ancestors 'none'" in policy


def test_where_flower_is_off_there_is_nothing(tmp_path: Path) -> None:
    with front_door(tmp_path, environment={"HOLDFAST_FLOWER_IS_ON": "0"}) as door:
        for path in ("/flower", "/flower/", "/flower/workers"):
            answer = httpx.get(door.url + path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_feed_says_what_it_allows(door: str) -> None:
    assert httpx.options(f"http://{door}/ws/calendar/").headers["Allow"] == "GET, HEAD, OPTIONS"


CALLBACK = "/oauth/google/login/callback/"


@pytest.mark.parametrize(("method", "how"), [*(("GET", how) for how in ENDS), ("HEAD", "after the request")])
def test_a_sign_in_whose_answer_was_lost_is_not_sent_again(
    door_to_nobody: tuple[str, int], how: str, method: str
) -> None:
    """The provider's code in it is good for once: a second try would fail after the first had signed somebody in."""
    door, api = door_to_nobody
    with _ending(api, how) as got:
        answer = httpx.request(method, f"http://{door}{CALLBACK}?code=secret&state=x", timeout=15)
    assert answer.status_code == 503
    assert answer.headers["Location"].startswith("/api/commands/")
    assert method == "HEAD" or answer.json()["code"] == "unknown_outcome"
    assert len(got) <= 1


LINK_TOKEN = "t0kEn-" + "k_X9" * 10
"""As long as what stands in a link of a mail or a calendar."""


def test_what_the_door_answers_itself_is_logged_without_secrets(tmp_path: Path) -> None:
    """By the id that the API was given, with the path and the reason."""
    with front_door(tmp_path, environment={"HOLDFAST_ANSWER_TIMEOUT": "1s"}, is_impatient=True) as door:
        lost = httpx.get(
            f"{door.url}/api/rooms/?secret=do-not-log-me", headers={"Cookie": "s=do-not-log-me"}, timeout=15
        )
        with _ending(door.api_port, "after the request"):
            unknown = httpx.post(
                f"{door.url}/api/guest/bookings/{LINK_TOKEN}/?secret=do-not-log-me",
                json={"note": "do-not-log-me"},
                timeout=15,
            )
        wait_until(lambda: door.server.log.count("handled request") == 2, "both are logged")
    first, second = [json.loads(line) for line in door.server.log.splitlines() if "handled request" in line]
    assert lost.json()["code"] == "unavailable"
    assert (first["path"], first["status"]) == ("/api/rooms/", 503)
    assert first["problem"].startswith("dial tcp")
    assert UUID(first["id"]).version == 4
    assert (second["id"], second["path"]) == (unknown.json()["id"], "/api/guest/bookings/.../")
    assert second["request"]["uri"] == "/api/guest/bookings/.../?..."
    assert "EOF" in second["problem"]
    assert "do-not-log-me" not in door.server.log
    assert LINK_TOKEN not in door.server.log


def test_what_others_answer_is_not_logged(tmp_path: Path) -> None:
    with front_door(tmp_path) as door, _echo("api", door.api_port):
        assert httpx.get(f"{door.url}/api/").status_code == 200
    assert "handled request" not in door.server.log


LENGTHS = ["", "-1", "+5", "5,5", "5 5", "0x5", "5.0", "five", "\u0665", "9" * 20, "9" * 5_000]
"""No number at all, and numbers that no body has."""


@pytest.mark.parametrize("length", LENGTHS, ids=[f"{number}" for number in range(len(LENGTHS))])
def test_a_length_that_is_none_gets_an_answer(door: str, length: str) -> None:
    head = b"POST /api/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + length.encode() + b"\r\n\r\n"
    assert first_line(door, head).split()[1] in {b"400", b"413"}


def test_two_lengths_get_an_answer(door: str) -> None:
    head = b"POST /api/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
    assert first_line(door, head).split()[1] == b"400"


def first_line(address: str, sent: bytes) -> bytes:
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        connection.sendall(sent)
        return connection.makefile("rb").readline()
