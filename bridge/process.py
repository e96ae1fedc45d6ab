"""The bridge as a process of its own: signals, log, health pages, exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from prometheus_client import disable_created_metrics

from bridge.app import Bridge
from bridge.health import pages
from streams.kafka.topics import TopicError
from streams.process.stopping import end_within
from streams.settings import Settings, SettingsError, settings

log = logging.getLogger("bridge")

STOP_WITHIN_S = 8.0
"""Docker waits 10 s before it kills."""


def main() -> int:
    """Run the bridge until SIGTERM or SIGINT; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs every attempt; the links say what matters
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        asyncio.run(_run(settings()))
    except (SettingsError, TopicError) as exc:
        log.error(str(exc))
        return 1
    return 0


async def _run(settings: Settings) -> None:
    if not settings.queues:
        raise SettingsError("HINDSIGHT_QUEUES is off: there is nothing for the bridge to move, so none is needed.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stop)
    bridge = Bridge(settings)
    async with pages(bridge, settings):
        await bridge.run(stop)
    log.info("Stopped: what Kafka has is acknowledged; RabbitMQ will redeliver the rest.")


def _stop(stop: asyncio.Event) -> None:
    """End in order at the first signal, within some seconds, and at once at the second."""
    if stop.is_set():
        os._exit(1)
    stop.set()
    log.info("Stopping: delivering what was read.")
    end_within(STOP_WITHIN_S)
