"""Ports that lead to a broker once they are opened."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from tests.brokers import free_port


class Door:
    """A port of loopback that nobody answers until it is opened; then it leads to a broker."""

    def __init__(self) -> None:
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"

    def open(self, broker: str) -> None:
        """Lead every connection to the broker from now on, for as long as the tests run."""
        host, port = broker.split(":")

        async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            broker_reader, broker_writer = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_copy(reader, broker_writer), _copy(broker_reader, writer))

        async def serve() -> None:
            async with await asyncio.start_server(through, "127.0.0.1", self._port) as server:
                await server.serve_forever()

        threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
