"""A notifier of a test's own, in a thread, and clients that listen to it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, TypeVar
from urllib.parse import quote

import psycopg
from websockets.datastructures import HeadersLike
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from core.identity import users
from core.identity.credentials import agent_keys, api_tokens, login_sessions, lookup, websocket_tickets
from core.identity.credentials.agent_keys import NewKey
from core.identity.credentials.login_sessions import NewLogin
from core.identity.principals import How, Principal, PrincipalKind, issue_access_token
from core.settings import Settings
from core.store.feed import number_events
from notifier.limits import Limits
from notifier.server import Notifier
from ops.ports import accepts, free_ports
from tests.support.engine.lanes import Pipeline
from tests.support.processes.servers import settings_for
from tests.support.wait import READY_WITHIN_S, wait_until

T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]


class Listener:
    """One WebSocket client. Messages come parsed; heartbeats and `reload` too."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def next(self, within_s: float = READY_WITHIN_S) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=within_s))
        return message

    def next_of(self, type_: str, within_s: float = READY_WITHIN_S) -> dict[str, Any]:
        message = self.next(within_s)
        assert message["type"] == type_, message
        return message

    def hears_nothing(self, for_s: float = 0.3) -> bool:
        """Silence has no end to wait for, so this takes its time: several looks of a notifier with a short `poll_s`."""
        try:
            message = self.next(for_s)
        except TimeoutError:
            return True
        raise AssertionError(f"heard {message}")

    def close_code(self, within_s: float = READY_WITHIN_S) -> int | None:
        """Read on until the notifier closes."""
        try:
            while True:
                self.next(within_s)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


@dataclass
class Running:
    """A notifier that serves, and who may listen to it."""

    notifier: Notifier
    settings: Settings
    stop: threading.Event

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.settings.notifier_port}"

    def catch_up_with(self, pipeline: Pipeline) -> None:
        """Wait until all that is numbered is delivered."""
        (head,) = pipeline.row("SELECT last_position FROM feed")
        wait_until(lambda: self.notifier.hub.delivered >= head, f"event {head} is delivered")

    @contextmanager
    def listen(self, path: str = "/ws/admin/bookings/", headers: HeadersLike | None = None) -> Iterator[Listener]:
        with connect(self.url + path, additional_headers=headers, compression=None, close_timeout=1) as socket:
            yield Listener(socket)

    def refusal(self, path: str = "/ws/admin/bookings/", headers: HeadersLike | None = None) -> tuple[int, Any]:
        """Status and JSON body of a handshake that must fail."""
        try:
            with self.listen(path, headers):
                raise AssertionError("the handshake was accepted")
        except InvalidStatus as refused:
            return refused.response.status_code, json.loads(refused.response.body)

    def login(self, user_id: int) -> NewLogin:
        async def begin() -> NewLogin | None:
            async with await psycopg.AsyncConnection.connect(self.settings.database_url, autocommit=True) as connection:
                cursor = await connection.execute("SELECT auth_epoch FROM user_account WHERE id = %s", [user_id])
                row = await cursor.fetchone()
                assert row is not None
                return await login_sessions.begin(connection, user_id, row[0], "", with_body_family=False)

        login = asyncio.run(begin())
        assert login is not None
        return login

    def cookie(self, user_id: int) -> dict[str, str]:
        return {"Cookie": f"theme=dark; holdfast_session={self.login(user_id).session_token}"}

    def access_token(self, user_id: int) -> str:
        return issue_access_token(self.settings, self.login(user_id).claims, datetime.now(UTC))

    def ticket(self, user_id: int) -> str:
        login = self.login(user_id)
        principal = Principal(
            PrincipalKind.USER, user_id, session_id=login.claims.session_id, auth_epoch=login.claims.epoch
        )
        return self._ask(lambda connection: websocket_tickets.issue(connection, principal))

    def ticket_of_a_token(self, user_id: int) -> str:
        """A ticket that was asked for with a new API token."""

        async def issue(connection: Connection) -> str:
            user = await users.by_id(connection, user_id)
            token = await api_tokens.issue(connection, user) if user is not None else None
            found = await lookup.by_api_token(connection, token or "")
            assert found is not None
            return await websocket_tickets.issue(connection, found.principal(How.TOKEN))

        return self._ask(issue)

    def agent_key(self, *networks: str) -> dict[str, str]:
        """The header of a new agent key that may come from `networks`, or from anywhere."""
        new = NewKey("test", [ip_network(network) for network in networks])
        made = self._ask(lambda connection: agent_keys.make(connection, new, None))
        assert made is not None
        return {"Authorization": f"Token {made[1]}"}

    def _ask(self, asking: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        async def ask() -> T:
            async with await psycopg.AsyncConnection.connect(self.settings.database_url, autocommit=True) as connection:
                return await asking(connection)

        return asyncio.run(ask())


STAFF, USER = 2, 1
PEOPLE = """
INSERT INTO user_account (id, username, username_key, first_name, last_name, is_staff)
VALUES (1, 'uma', 'uma', 'Uma', 'User', false), (2, 'stan', 'stan', 'Stan', 'Staff', true);
SELECT setval(pg_get_serial_sequence('user_account', 'id'), 2);
"""


def populate(pipeline: Pipeline) -> None:
    """A user and a member of staff; everything in one lane."""
    pipeline.one_lane()
    pipeline.connection.execute(PEOPLE)


def tell(pipeline: Pipeline) -> None:
    """Decide what waits and number its events, as a lane worker and the relay do."""
    pipeline.worker().visit_until_done()
    number_events(pipeline.connection)


@contextmanager
def running_notifier(database_url: str, redis_url: str, **limits: Any) -> Iterator[Running]:
    """Serve until the block ends; `limits` narrow `notifier.limits.Limits`."""
    (port,) = free_ports(1)
    settings = replace(settings_for(database_url, redis_url), notifier_port=port)
    narrowed = Limits(**limits)
    ready, stop = threading.Event(), threading.Event()
    made: list[Notifier] = []
    problems: list[BaseException] = []

    async def serve() -> None:
        wish = asyncio.Event()
        made.append(Notifier(settings, narrowed))
        ready.set()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(made[0].run(wish))
            await asyncio.wait(
                [serving, tasks.create_task(asyncio.to_thread(stop.wait))], return_when="FIRST_COMPLETED"
            )
            stop.set()
            wish.set()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as problem:  # noqa: BLE001 - raised again below
            problems.append(problem)
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    try:
        wait_until(lambda: bool(problems) or (bool(made[0].hub.epoch) and accepts(port)), "the notifier serves")
        yield Running(made[0], settings, stop)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive(), "the notifier did not stop"
    if problems:
        raise problems[0]


def at(path: str, position: str) -> str:
    return f"{path}?last_position={quote(position)}"
