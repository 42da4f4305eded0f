"""A small TCP proxy in a process of its own, which cuts, delays and half-closes connections when it is told to.

`python -m tests.faults.proxy PORT TO_PORT CONTROL_PORT`; each line at the control port is a command: `cut`, `delay SECONDS`,
`half`, `calm`.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from tests.support.processes.servers import Server

CHUNK = 65_536


class Proxy(Server):
    def __init__(self, folder: Path, to_port: int, name: str = "proxy") -> None:
        self.port, self._control = free_ports(2)
        ports = (str(self.port), str(to_port), str(self._control))
        argv = (sys.executable, "-m", "tests.faults.proxy", *ports)
        environment = {"PYTHONPATH": str(ROOT)}
        super().__init__(Program(name, argv, environment, ROOT, folder / f"{name}.log"), lambda: accepts(self._control))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def instead_of(self, url: str) -> str:
        """The same address, through this proxy."""
        at = urlsplit(url)
        return url.replace(f":{at.port}", f":{self.port}", 1)

    def tell(self, words: str) -> None:
        with socket.create_connection(("127.0.0.1", self._control), timeout=10) as control:
            control.sendall(words.encode() + b"\n")
            assert control.recv(16) == b"done\n"


class _Passing:
    """The proxy itself."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._delay_s = 0.0
        self._open: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        both = (writer, to_writer)
        self._open.add(both)
        await asyncio.gather(self._pass(reader, to_writer), self._pass(to_reader, writer))
        self._open.discard(both)
        for one in both:
            with suppress(OSError):
                one.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A side that breaks off breaks off the other too: else its client would wait for nobody, until its own timeout."""
        try:
            while data := await reader.read(CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            writer.transport.abort()

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match (await reader.readline()).decode().split():
            case ["cut"]:
                for one, other in self._open:
                    one.transport.abort()
                    other.transport.abort()
            case ["half"]:  # the request has arrived, and nothing comes back
                for one, _ in self._open:
                    with suppress(OSError):
                        one.write_eof()
            case ["delay", seconds]:
                self._delay_s = float(seconds)
            case ["calm"]:
                self._delay_s = 0.0
        writer.write(b"done\n")
        await writer.drain()
        writer.close()


async def main(port: int, to_port: int, control_port: int) -> None:
    passing = _Passing(to_port)
    server = await asyncio.start_server(passing.take, "127.0.0.1", port)
    await asyncio.start_server(passing.control, "127.0.0.1", control_port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:4])))
