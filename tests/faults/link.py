"""A TCP proxy between our processes and one broker, which can do to them what networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress

from tests.brokers import HOST

CHUNK = 1 << 16
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST."""


class Link:
    """A port that leads to a broker, and the knobs to spoil it. `up` is towards the broker, `down` away from it.

    Args:
        broker: `host:port`.
        is_kafka: it tells its clients its own address, and is made to tell this one's.
    """

    def __init__(self, broker: str, *, is_kafka: bool) -> None:
        host, port = broker.split(":")
        self._broker = (host, int(port))
        self.slice_bytes = CHUNK
        self.bytes_per_s: float | None = None
        self._loop = asyncio.new_event_loop()
        self._open = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._sockets: set[socket.socket] = set()
        listening = socket.create_server((HOST, 0))
        self.port = listening.getsockname()[1]
        self.address = f"{HOST}:{self.port}"
        self._is_kafka = is_kafka
        self._told = HOST.encode() + struct.pack(">i", int(port)), HOST.encode() + struct.pack(">i", self.port)
        self._thread = threading.Thread(target=self._run, args=(listening,), daemon=True)
        self._thread.start()
        self.heal()

    def block(self, *directions: str) -> None:
        """Let nothing through any more in these directions, and say so to nobody: a black hole."""
        for direction in directions or ("up", "down"):
            self._loop.call_soon_threadsafe(self._open[direction].clear)

    def heal(self) -> None:
        """Let all through at full speed; what was held back goes on."""
        self.slice_bytes, self.bytes_per_s = CHUNK, None
        for event in self._open.values():
            self._loop.call_soon_threadsafe(event.set)

    def crawl(self) -> None:
        """Let little through at a time: what comes through is some milliseconds old."""
        self.slice_bytes, self.bytes_per_s = 32, 6400.0

    def reset(self) -> None:
        """Break every connection with a RST."""
        self._loop.call_soon_threadsafe(self._reset)

    def close(self) -> None:
        """Break every connection, and listen no more."""
        self.heal()
        self.reset()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self, listening: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._through, sock=listening))
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=2))
        self._loop.close()

    def _reset(self) -> None:
        for held in self._sockets:
            with suppress(OSError):
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                held.shutdown(socket.SHUT_RD)

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = {writer.get_extra_info("socket")}
        try:
            broker_reader, broker_writer = await asyncio.open_connection(*self._broker)
        except OSError:
            writer.transport.abort()
            return
        held.add(broker_writer.get_extra_info("socket"))
        self._sockets |= held
        try:
            pumps = [
                asyncio.create_task(self._pump("up", reader, broker_writer)),
                asyncio.create_task(self._pump("down", broker_reader, writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._sockets -= held
            writer.transport.abort()
            broker_writer.transport.abort()

    async def _pump(self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Frames(*self._told) if self._is_kafka and direction == "down" else None
        with suppress(OSError):
            while data := await reader.read(self.slice_bytes):
                await self._open[direction].wait()
                if frames is not None:
                    data = frames.translated(data)
                at = 0
                while at < len(data):
                    piece = data[at : at + self.slice_bytes]
                    at += len(piece)  # not `slice_bytes`: it may be another one by now
                    writer.write(piece)
                    await writer.drain()
                    if self.bytes_per_s is not None:
                        await asyncio.sleep(len(piece) / self.bytes_per_s)


class Frames:
    """Kafka's answers, each of which says its length first: passed on whole, with one address for another."""

    def __init__(self, theirs: bytes, ours: bytes) -> None:
        self._theirs, self._ours, self._rest = theirs, ours, b""

    def translated(self, data: bytes) -> bytes:
        """Return the answers that are complete with this data."""
        self._rest += data
        whole = 0
        while len(self._rest) >= whole + 4:
            end = whole + 4 + int.from_bytes(self._rest[whole : whole + 4], "big")
            if end > len(self._rest):
                break
            whole = end
        answers, self._rest = self._rest[:whole], self._rest[whole:]
        return answers.replace(self._theirs, self._ours)
