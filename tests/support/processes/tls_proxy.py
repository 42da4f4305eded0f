"""`python -m tests.support.processes.tls_proxy HOST PORT TO_PORT CERTIFICATE KEY`: TLS outside, plain text to 127.0.0.1 inside."""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress

BLOCK_BYTES = 65_536


async def hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
    writer.close()


async def serve(host: str, port: int, to_port: int, context: ssl.SSLContext) -> None:
    async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", to_port)
        await asyncio.gather(hand_on(reader, inner_writer), hand_on(inner_reader, writer))

    server = await asyncio.start_server(let_in, host, port, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    host, port, to_port, certificate, key = sys.argv[1:]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    asyncio.run(serve(host, int(port), int(to_port), tls))
