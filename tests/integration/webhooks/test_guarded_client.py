"""The guarded client against real servers: which are called, how long, how much of an answer is read, and what is told."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest

from core.outbound.client import (
    EXCERPT_CHARS,
    GuardedClient,
    Limits,
    NoAnswerError,
    RefusedAddressError,
    tls_context,
)
from core.outbound.resolver import UnresolvedError, resolve
from core.outbound.targets import Target
from ops.ports import free_ports
from tests.support.processes.store_proxies import Certificate, certificate
from tests.support.wait import wait_until

NAME = "hooks.example.com"
LIMITS = Limits(resolve_s=20, connect_s=20, read_s=20, total_s=60)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Talk = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"), f"DNS:{NAME},IP:127.0.0.1")


class Server:
    """Answers each connection with a talk; `heard` holds what was sent to it, by connection."""

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None) -> None:
        self.heard: list[bytes] = []
        self.names: list[str | None] = []
        """What the client said by SNI that it wants."""
        self.over = Event()
        self._talk, self._tls = talk, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        if tls is not None:
            tls.sni_callback = lambda _sock, name, _context: self.names.append(name)
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._answer(self._listener.accept()[0])

    def _answer(self, plain: socket.socket) -> None:
        with suppress(OSError), plain, self._tls.wrap_socket(plain, server_side=True) if self._tls else plain as sock:
            self.heard.append(b"")
            while not whole(self.heard[-1]):
                if not (block := sock.recv(65_536)):
                    return
                self.heard[-1] += block
            self._talk(sock)


def whole(request: bytes) -> bool:
    head, blank, body = request.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    return bool(blank) and len(body) >= (lengths or [0])[0]


@contextmanager
def serving(talk: Talk, signed: Certificate | None = None) -> Iterator[Server]:
    tls = None
    if signed is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(signed.file, signed.key)
    server = Server(talk, tls)
    try:
        yield server
    finally:
        server.close()


def saying(*pieces: bytes) -> Talk:
    return lambda sock: sock.sendall(b"".join(pieces))


class Names:
    """A stand-in for DNS: each look-up of a name has the next answer, and the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, _name: str, _within_s: float) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def client(
    *addresses: str, signed: Certificate | None = None, names: Names | None = None, **more: bool
) -> GuardedClient:
    tls = tls_context()
    if signed is not None:
        tls.load_verify_locations(signed.authority)
    resolver = names or Names(addresses or ("127.0.0.1",))
    return GuardedClient(loopback=more.get("loopback", True), limits=LIMITS, resolver=resolver, certificates=tls)


def to(port: int, *, is_https: bool = False, host: str = NAME) -> Target:
    return Target(is_https=is_https, host=host, port=port, path="/hook?key=1")


def test_a_request_goes_over_tls_to_the_checked_address_and_says_its_name(signed: Certificate) -> None:
    with serving(saying(OK), signed) as server:
        answer = client(signed=signed).post(to(server.port, is_https=True), {"webhook-id": "1"}, b"{}")
    assert (answer.status, answer.excerpt, answer.retry_after) == (200, "ok", None)
    assert server.names == [NAME]
    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?key=1 HTTP/1.1\r\n")
    assert f"Host: {NAME}:{server.port}".encode() in head
    assert b"webhook-id: 1" in head
    assert body == b"{}"


def test_a_certificate_of_another_authority_is_not_accepted(signed: Certificate) -> None:
    with serving(saying(OK), signed) as server, pytest.raises(NoAnswerError, match="certificate is not accepted"):
        client().post(to(server.port, is_https=True), {}, b"{}")
    assert server.heard == []


def test_a_certificate_of_another_name_is_not_accepted(signed: Certificate) -> None:
    with serving(saying(OK), signed) as server, pytest.raises(NoAnswerError, match="certificate is not accepted"):
        client(signed=signed).post(to(server.port, is_https=True, host="other.example.com"), {}, b"{}")
    assert server.heard == []


def test_a_name_that_changes_its_mind_is_asked_once_and_changes_nothing() -> None:
    with serving(saying(OK)) as server:
        names = Names(("127.0.0.1",), ("127.0.0.2",), ("10.0.0.1",))
        assert client(names=names).post(to(server.port), {}, b"{}").status == 200
    assert names.asked == 1


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["10.0.0.1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["8.8.8.8", "127.0.0.1"]],
    ids=["loopback", "loopback v6", "private", "metadata", "mapped", "one of several"],
)
def test_a_name_with_an_address_that_may_not_be_called_is_not_called_at_all(addresses: list[str]) -> None:
    with serving(saying(OK)) as server, pytest.raises(RefusedAddressError, match=f"not sent: an address of {NAME} is"):
        client(*addresses, loopback=False).post(to(server.port), {}, b"{}")
    assert server.heard == []


def test_with_loopback_allowed_other_addresses_are_refused_as_ever() -> None:
    with pytest.raises(RefusedAddressError, match="private"):
        client("127.0.0.1", "192.168.0.1").post(to(9), {}, b"{}")


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with serving(saying(OK)) as other:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 0\r\n\r\n".encode()
        with serving(saying(moved)) as server:
            assert client().post(to(server.port), {}, b"{}").status == 302
        assert other.heard == []


def test_the_next_address_is_tried_where_one_takes_no_connection() -> None:
    with serving(saying(OK)) as server:
        assert client("127.0.0.2", "127.0.0.1").post(to(server.port), {}, b"{}").status == 200


def test_nobody_who_listens_is_told_as_such() -> None:
    with pytest.raises(NoAnswerError, match="refused"):
        client().post(to(free_ports(1)[0]), {}, b"{}")


def trickle_headers(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    _trickle(sock)


def trickle_body(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n")
    _trickle(sock)


def trickle_until_closed(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    _trickle(sock)


def say_continue(sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.05)


def say_nothing(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.recv(1)


def _trickle(sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            sock.sendall(b"x")
            time.sleep(0.05)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("talk", [trickle_headers, trickle_body, trickle_until_closed, say_continue, say_nothing])
def test_a_request_is_over_in_time_whatever_the_other_side_does(talk: Talk, signed: Certificate, scheme: str) -> None:
    is_https = scheme == "https"
    with serving(talk, signed if is_https else None) as server:
        asker = GuardedClient(
            loopback=True,
            limits=Limits(resolve_s=2, connect_s=20, read_s=20, total_s=0.3),
            resolver=Names(("127.0.0.1",)),
            certificates=trusting(signed),
        )
        with pytest.raises(NoAnswerError, match=r"no whole answer within 0\.3 s"):
            asker.post(to(server.port, is_https=is_https), {}, b"{}")


def trusting(signed: Certificate) -> ssl.SSLContext:
    tls = tls_context()
    tls.load_verify_locations(signed.authority)
    return tls


def test_an_endless_answer_is_read_as_far_as_its_beginning() -> None:
    def endless(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(OSError):
            while True:
                sock.sendall(b"x" * 65_536)

    with serving(endless) as server:
        answer = client().post(to(server.port), {}, b"{}")
    assert (answer.status, answer.excerpt) == (200, "x" * EXCERPT_CHARS)


def test_what_would_control_a_terminal_or_cannot_be_seen_is_not_kept() -> None:
    body = "a\x1b[31mb\0c\r\nd\u202ee\u200bf é".encode() + b"\xff"
    with serving(saying(b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n", body)) as server:
        assert client().post(to(server.port), {}, b"{}").excerpt == "a [31mb c d e f é\ufffd"


def test_a_pause_that_is_asked_for_is_told() -> None:
    with serving(saying(b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n")) as server:
        assert client().post(to(server.port), {}, b"{}").retry_after == "120"


@pytest.mark.parametrize("said", [b"", b"220 mail.example.com ESMTP\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000])
def test_what_is_no_http_is_no_answer(said: bytes) -> None:
    with serving(saying(said)) as server, pytest.raises(NoAnswerError):
        client().post(to(server.port), {}, b"{}")


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(OK)) as proxy, serving(saying(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        client().post(to(server.port), {}, b"{}")
        assert (len(proxy.heard), len(server.heard)) == (0, 1)


def test_the_systems_resolver_is_asked_within_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "127.0.0.1" in resolve("localhost", 10)
    released = Event()

    def hang(*_: object, **__: object) -> list[object]:
        released.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(UnresolvedError, match=r"within 0\.01 s"):
        resolve(NAME, 0.01)
    released.set()


def test_a_name_that_does_not_exist_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoAnswerError, match="cannot be resolved: Name or service not known"):
        GuardedClient(limits=LIMITS).post(to(443, is_https=True), {}, b"{}")


def again_and_again(answer: bytes) -> Talk:
    """Keep the connection open and answer all that comes over it."""

    def talk(sock: socket.socket) -> None:
        sock.sendall(answer)
        heard = b""
        while block := sock.recv(65_536):
            heard += block
            if whole(heard):
                sock.sendall(answer)
                heard = b""

    return talk


@pytest.mark.parametrize("is_https", [False, True])
def test_several_requests_go_over_one_connection_while_it_is_kept_open(signed: Certificate, *, is_https: bool) -> None:
    names = Names(("127.0.0.1",))
    with (
        serving(again_and_again(OK), signed if is_https else None) as server,
        client(signed=signed, names=names).calls(to(server.port, is_https=is_https)) as calls,
    ):
        assert [calls.post({}, b"{}").excerpt for _ in range(3)] == ["ok"] * 3
        assert (len(server.heard), names.asked) == (1, 1)


def test_a_connection_that_was_closed_is_made_anew_and_its_address_checked_again() -> None:
    names = Names(("127.0.0.1",), ("10.0.0.1",))
    with serving(saying(OK)) as server, client(names=names).calls(to(server.port)) as calls:
        assert calls.post({}, b"{}").status == 200
        wait_until(lambda: calls.is_closed, "the other side's end has come")
        with pytest.raises(RefusedAddressError):
            calls.post({}, b"{}")


def test_what_is_left_of_a_long_answer_is_not_taken_for_the_next_one() -> None:
    long = b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n" + b"HTTP/1.1 200 OK\r\n\r\n" * 5_263 + b"123"
    with serving(again_and_again(long)) as server, client().calls(to(server.port)) as calls:
        assert [calls.post({}, b"{}").status for _ in range(2)] == [500, 500]
        assert len(server.heard) == 2
