"""Do a worker and a bridge run? Without them everything may be right, and still no row moves."""

from __future__ import annotations

import asyncio

from commands.doctor.finding import Finding, note, ok, wrong
from commands.probes import Unavailable, kafka_group, processes
from commands.probes.processes import Ready
from streams.amqp import queue_depths
from streams.kafka import probe
from streams.settings import Settings, SettingsError

NONE = "none is running"


def check(settings: Settings) -> list[Finding]:
    """Ask both, and where they do not answer, Kafka's group and RabbitMQ's queues."""
    found = [_worker(settings)]
    if settings.queues and not settings.has_bridge_inside:
        found.append(_bridge(settings))
    return found


def missing(found: list[Finding]) -> list[str]:
    """Return which of the two does not run anywhere."""
    return [each.what for each in found if each.said.startswith(NONE)]


def _worker(settings: Settings) -> Finding:
    here = processes.worker(settings)
    if here.ready is not None:
        return _running("worker", here)
    try:
        elsewhere = asyncio.run(_in_group(settings))
    except (Unavailable, SettingsError) as exc:
        return note("worker", f"{_silent(here)}, and whether one runs elsewhere is unknown: {exc}")
    if elsewhere:
        return ok(
            "worker", f"{len(elsewhere)} in Kafka's group {settings.app_id!r}: {', '.join(filter(None, elsewhere))}"
        )
    return note("worker", f"{NONE}: nothing is joined. `faust -A streams worker -l info` starts one.")


async def _in_group(settings: Settings) -> list[str]:
    await probe.probe(settings)
    return await kafka_group.workers(settings)


def _bridge(settings: Settings) -> Finding:
    here = processes.bridge(settings)
    if here.ready is not None:
        return _running("bridge", here)
    try:
        unread = [one.name for one in queue_depths.queues(settings, settings.queue_names) if not one.consumers]
    except (Unavailable, SettingsError) as exc:
        return note("bridge", f"{_silent(here)}, and whether one runs elsewhere is unknown: {exc}")
    if not unread:
        return note(
            "bridge",
            f"{_silent(here)}, but the queues have consumers: a bridge runs elsewhere (name its host in "
            "HINDSIGHT_BRIDGE_HOST), or another program takes the rows.",
        )
    return note("bridge", f"{NONE}: nobody reads the queues {', '.join(unread)}. `faust -A streams bridge` starts one.")


def _running(what: str, here: Ready) -> Finding:
    return (ok if here.ready else wrong)(what, f"{here.said}: {here.url}")


def _silent(here: Ready) -> str:
    return f"{here.url}: {here.said}"
