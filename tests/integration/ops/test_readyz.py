"""`/readyz` names the part that is away."""

from __future__ import annotations

from core.store.connections.database import connect_lane
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


def test_without_canaries_it_blames_who_sends_them(stack: Stack, client: Client) -> None:
    with connect_lane(stack.database_url, "holdfast tests") as one:

        def sweeps_are_named() -> bool:
            one.execute("UPDATE canary SET heard_at = heard_at - interval '1 hour'")
            answer = client.get("/readyz")
            return (answer.status_code, answer.json()["down"]) == (503, ["sweeps"])

        wait_until(sweeps_are_named, "/readyz answers between two canaries")
    wait_until(lambda: client.get("/readyz").status_code == 200, "the next canary came through")
