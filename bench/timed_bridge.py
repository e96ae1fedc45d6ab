"""Our bridge, timed from within: `python -m bench.timed_bridge N QUEUE`, set up by the environment as always."""

from __future__ import annotations

import asyncio
import os
import sys

from bench.peers.drained import Clock
from bridge import counts
from bridge.app import Bridge
from streams.settings import load

LOOK_S = 0.002


async def main(n_messages: int, queue: str) -> None:
    """Run the bridge until it has acknowledged so many messages, and print what it took."""
    clock, stop = Clock(n_messages), asyncio.Event()
    running = asyncio.create_task(Bridge(load(os.environ)).run(stop))
    acked = counts.acked.labels(queue)
    while not running.done():
        await asyncio.sleep(LOOK_S)
        if clock.tick(int(acked._value.get())):
            break
    stop.set()
    await running


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
