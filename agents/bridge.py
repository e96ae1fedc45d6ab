"""The bridge inside the worker's process, where `HINDSIGHT_BRIDGE_IN_WORKER` asks for it."""

from __future__ import annotations

import asyncio
import logging

from bridge.app import Bridge
from streams.faust_app import app, settings
from streams.kafka.topics import TopicMismatch
from streams.process.fatal import fatal
from streams.settings import SettingsError

logger = logging.getLogger("hindsight.bridge")


bridge: Bridge


@app.on_before_start
def start_bridge() -> None:
    """Start the bridge in the worker's event loop; it waits for its brokers by itself."""
    global bridge
    bridge = Bridge(settings)
    stop = asyncio.Event()
    running = asyncio.create_task(_run(stop))

    async def close() -> None:
        stop.set()
        await running

    app.closers.append(close)


async def _run(stop: asyncio.Event) -> None:
    try:
        await bridge.run(stop)
    except (SettingsError, TopicMismatch) as exc:
        fatal(str(exc))
    except Exception as exc:
        logger.exception("the bridge failed")
        fatal(f"the bridge cannot go on: {exc!r}.")
