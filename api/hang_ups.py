"""Clients that vanish, or fall silent, in the middle of a body.

Falcon ends a body's stream alike whether the body was whole or its sender hung up. Where half a body
must never be taken for a whole one, this tells them apart. Who sends nothing for as long as gunicorn
waits (its `timeout`) is taken for gone, though an answer still reaches them.
"""

from __future__ import annotations

from typing import Any

import falcon.asgi

_HUNG_UP = "holdfast.hung_up"


class App(falcon.asgi.App[Any, Any]):
    """Falcon's, which notes in the ASGI scope that the client went away."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # type: ignore[override]  # its WSGI parent differs
        async def receive_noting() -> Any:
            event = await receive()
            if event["type"] == "http.disconnect":
                scope[_HUNG_UP] = True
            return event

        await super().__call__(scope, receive_noting, send)


def hung_up(req: falcon.asgi.Request) -> bool:
    """Whether its client is taken for gone."""
    return bool(req.scope.get(_HUNG_UP))
