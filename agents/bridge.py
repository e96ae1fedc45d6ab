"""The bridge inside the worker's process, where `HINDSIGHT_BRIDGE_IN_WORKER` asks for it."""

from __future__ import annotations

import asyncio

from agents.worker import worker
from bridge.app import Bridge
from streams.faust_app import app
from streams.kafka.topics import TopicError
from streams.process.fatal import fatal
from streams.settings import SettingsError


@app.on_before_start
def start_bridge() -> None:
    """Start the bridge in the worker's event loop; it waits for its brokers by itself."""
    assert worker.bridge is not None, "this module is imported only where the setting asks for it"
    stop = asyncio.Event()
    running = asyncio.create_task(_run(worker.bridge, stop))

    async def close() -> None:
        stop.set()
        await running

    app.closers.append(close)


async def _run(bridge: Bridge, stop: asyncio.Event) -> None:
    try:
        await bridge.run(stop)
    except (SettingsError, TopicError) as exc:
        fatal(str(exc))
    except Exception as exc:
        fatal(f"the bridge cannot continue: {exc!r}.")
