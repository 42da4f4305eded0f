"""A front door (Caddy) of a test's own, with the configuration that every installation has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ops.embedded import caddy
from ops.embedded.child import Program
from ops.pages import publish
from ops.ports import accepts, free_ports
from tests.support.processes.servers import Server

WAITS = "\tlb_try_duration 5s\n"
"""For a part that is starting again, says the Caddyfile."""
HARDLY_WAITS = "\tlb_try_duration 300ms\n"


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
    own_port: int | None = None,
    api_port: int | None = None,
    notifier_port: int | None = None,
    flower_port: int | None = None,
    site_host: str = "",
    environment: Mapping[str, str] | None = None,
    is_impatient: bool = False,
) -> Iterator[FrontDoor]:
    """`site_host` is the one name that it answers to, else it answers to all; `environment` goes on top.

    An impatient one answers after a moment for a part that is away: for tests of what it answers.
    """
    port, api, notifier, flower = free_ports(4)
    port = own_port or port
    api, notifier, flower = api_port or api, notifier_port or notifier, flower_port or flower
    pages = folder / "pages"
    publish(pages)
    placeholders = caddy.environment(
        site=f"http://{site_host}:{port}", api=api, notifier=notifier, flower=flower, pages=pages
    )
    program = caddy.program(folder, {**placeholders, **(environment or {})}, folder / "caddy.log")
    program = _impatient(program, folder) if is_impatient else program
    server = Server(program, lambda: accepts(port))
    try:
        server.start()
        yield FrontDoor(site_host or "127.0.0.1", port, api, notifier, flower, server)
    finally:
        server.close()


def _impatient(program: Program, folder: Path) -> Program:
    """With a Caddyfile of its own, the same but for the waiting."""
    patient, impatient = caddy.CADDYFILE.read_text(), folder / "Caddyfile"
    assert patient.count(WAITS) == 1
    impatient.write_text(patient.replace(WAITS, HARDLY_WAITS))
    return replace(
        program, argv=tuple(str(impatient) if word == str(caddy.CADDYFILE) else word for word in program.argv)
    )
