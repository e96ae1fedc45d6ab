"""Do rows come that cannot be read?"""

from __future__ import annotations

import asyncio
import time

from commands.doctor.finding import Finding, note, ok, wrong
from commands.probes import Unavailable
from commands.probes.kafka_ranges import ranges
from commands.quarantine.selection import refusals
from streams.kafka import probe
from streams.settings import Settings, SettingsError
from streams.wire.refusals import RECENT_S, Refusals

WHAT = "rows that cannot be read"
CURE = (
    "Have the publisher repaired, or name its field in the setting. Then `faust -A streams quarantine requeue` reads them "
    "again, and `drop` takes them off this list."
)


def check(settings: Settings) -> list[Finding]:
    """Look at the newest rows in quarantine; without Kafka there is nothing to say, which another check does."""
    try:
        return findings(asyncio.run(_refusals(settings)), time.time())
    except (Unavailable, SettingsError):
        return []


def findings(found: list[Refusals], now: float) -> list[Finding]:
    """Return a finding for each kind of rows: it is wrong as long as such rows come, and for an hour after."""
    if not found:
        return [ok(WHAT, "none")]
    return [(wrong if now - one.at < RECENT_S else note)(WHAT, f"{one.sentence()}. {CURE}") for one in found]


async def _refusals(settings: Settings) -> list[Refusals]:
    await probe.probe(settings)
    async with ranges(settings) as kafka:
        return await refusals(kafka, settings)
