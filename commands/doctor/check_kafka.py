"""Is Kafka there, can its brokers be reached from here, and does its clock agree with ours?"""

from __future__ import annotations

import asyncio
import time

from commands.doctor.check_topics import findings
from commands.doctor.finding import Finding, note, ok, wrong
from commands.probes import Unavailable
from commands.probes.kafka_topics import join_now
from streams.kafka import probe
from streams.kafka.admin import Admin
from streams.settings import Settings, SettingsError

WHAT = "Kafka"
TIMEOUT_S = 5.0
CLOCK_S = 5.0


def check(settings: Settings) -> list[Finding]:
    """Check the connection, then the topics and the clock."""
    found: list[Finding] = []
    try:
        asyncio.run(_check(settings, found))
    except (Unavailable, SettingsError) as exc:
        found.append(wrong(WHAT, str(exc)))
    return found


async def _check(settings: Settings, found: list[Finding]) -> None:
    brokers = await probe.probe(settings)
    for broker in brokers:
        await probe.require_listening(broker)
    found.append(_brokers(brokers, settings))
    async with Admin(settings, timeout_s=TIMEOUT_S) as admin:
        there = await findings(admin, settings)
    found += there.found
    if there.log_partitions:
        found += clock((await join_now(settings, there.log_partitions)).decided_at, time.time())


def _brokers(brokers: list[probe.Server], settings: Settings) -> Finding:
    where = f"reached at {settings.kafka_address}, {len(brokers)} broker{'s' if len(brokers) != 1 else ''}"
    if settings.replication > len(brokers):
        return wrong(
            WHAT, f"{where}, and HINDSIGHT_REPLICATION={settings.replication} asks for more: lower it, or add brokers."
        )
    return ok(WHAT, where)


def clock(decided_at: float | None, now: float) -> list[Finding]:
    """Hold the time of the last decision against our clock: it cannot lie ahead of it."""
    if decided_at is None or decided_at <= now + CLOCK_S:
        return []
    return [
        note(
            "clock",
            f"the last decision in Kafka is dated {decided_at - now:.0f} s ahead of this machine's clock: one of the "
            "two machines is off. Times of waiting are counted by the clock of the worker: set both by NTP.",
        )
    ]
