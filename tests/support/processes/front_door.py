"""A front door (Caddy) of a test's own, with the configuration that every installation has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.embedded import caddy
from ops.ports import accepts, free_ports
from tests.support.processes.servers import Server


@dataclass(frozen=True)
class FrontDoor:
    """Ports that the test did not name are free: its stand-ins can listen there."""

    host: str
    port: int
    api_port: int
    notifier_port: int
    flower_port: int
    server: Server

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """No slash at the end."""
        return f"http://{self.address}"


@contextmanager
def front_door(
    folder: Path,
    *,
    api_port: int | None = None,
    notifier_port: int | None = None,
    flower_port: int | None = None,
    site_host: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[FrontDoor]:
    """`site_host` is the one name that it answers to, else it answers to all; `environment` goes on top."""
    port, api, notifier, flower = free_ports(4)
    api, notifier, flower = api_port or api, notifier_port or notifier, flower_port or flower
    placeholders = caddy.environment(site=f"http://{site_host}:{port}", api=api, notifier=notifier, flower=flower)
    program = caddy.program(folder, {**placeholders, **(environment or {})}, folder / "caddy.log")
    server = Server(program, lambda: accepts(port))
    try:
        server.start()
        yield FrontDoor(site_host or "127.0.0.1", port, api, notifier, flower, server)
    finally:
        server.close()
