"""People who look: fifty open streams of events, ten of them never read, and a page loaded each second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

N_STREAMS, N_DEAF = 50, 10
PAGES = ("/", "/table/pairs/?n=100", "/?last=1h", "/table/pairs/?state=waiting")
HTML = {"Accept": "text/html"}
ASK = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@contextmanager
def watchers(port: int) -> Iterator[None]:
    """Hold them watching the worker on this port."""
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_watch(port, stop)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _watch(port: int, stop: threading.Event) -> None:
    tasks = [asyncio.create_task(_stream(port, reads=n >= N_DEAF)) for n in range(N_STREAMS)]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=HTML) as session:
        n = 0
        while not stop.is_set():
            async with session.get(PAGES[n % len(PAGES)]) as answer:
                await answer.read()
            n += 1
            await asyncio.sleep(1.0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _stream(port: int, *, reads: bool) -> None:
    """Listen for as long as the worker lets us, again and again; a deaf one has a small buffer and never empties it."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(OSError), socket.socket() as channel:
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            channel.setblocking(False)
            await loop.sock_connect(channel, ("127.0.0.1", port))
            await loop.sock_sendall(channel, ASK)
            if not reads:
                await asyncio.Event().wait()
            while await loop.sock_recv(channel, 65536):
                pass
        await asyncio.sleep(1.0)
