"""Kafka's password is changed while a worker runs: its clients keep the one that they were made with."""

from __future__ import annotations

import asyncio

from streams.kafka.probe import probe
from streams.process.fatal import fatal
from streams.process.unavailable import Unavailable
from streams.settings import Settings

LOOK_EVERY_S = 5.0


async def end_when_rotated(settings: Settings) -> None:
    """End the process once Kafka accepts the password that its file holds now, and no longer the one that was loaded.

    Whoever runs the worker starts it again, with the new one. Until then its connections may well live on.
    """
    former = settings.as_loaded()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if settings.secret("kafka_password") == former.secret("kafka_password"):
            continue
        if await _is_accepted(settings) and not await _is_accepted(former):
            fatal(
                "Kafka refuses the password that this worker was started with, and accepts the one that the file of "
                "HINDSIGHT_KAFKA_PASSWORD_FILE holds now: start it again."
            )


async def _is_accepted(settings: Settings) -> bool:
    try:
        await probe(settings)
    except Unavailable:
        return False
    return True
