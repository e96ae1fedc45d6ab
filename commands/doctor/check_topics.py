"""Are Kafka's topics as the join needs them?"""

from __future__ import annotations

from typing import NamedTuple

from commands.doctor.finding import Finding, note, ok, wrong
from streams.kafka.admin import Admin
from streams.kafka.topics import Topic, alter, kept_too_short, log_retention_s, mismatch, topics
from streams.settings import Settings

LARGEST_PACKET_BYTES = 1_000_000
"""The bridge's largest packet, with what Kafka puts around it."""
DELETE = "delete"


class There(NamedTuple):
    """What was found of all topics, and how many partitions the decision log has (0: there is none)."""

    found: list[Finding]
    log_partitions: int


async def findings(admin: Admin, settings: Settings) -> There:
    """Check every topic of these settings.

    Raises:
        Unavailable: Kafka does not answer.
    """
    wanted = topics(settings)
    partitions = await admin.partitions()
    configs = {topic.name: await admin.config(topic.name) for topic in wanted if topic.name in partitions}
    said = mismatch(wanted, partitions)
    found = [wrong("partitions of the topics", said)] if said else []
    for topic in wanted:
        if topic.name not in partitions:
            found.append(ok(f"topic {topic.name}", "missing; whichever process starts first creates it"))
            continue
        wrongs = faults(topic, configs[topic.name])
        if topic is wanted.pairs_log:
            wrongs += log_faults(topic, configs[topic.name], settings)
        found += wrongs or [ok(f"topic {topic.name}", _shown(partitions[topic.name]))]
    return There(found, partitions.get(wanted.pairs_log.name, 0))


def faults(topic: Topic, config: dict[str, str]) -> list[Finding]:
    """Return what is wrong with the record size of a topic."""
    what, found = f"topic {topic.name}", []
    least = int(topic.config.get("max.message.bytes", LARGEST_PACKET_BYTES))
    allowed = int(config["max.message.bytes"])
    if allowed < least:
        found.append(
            wrong(
                what, f"takes records of {allowed:,} bytes at most: {alter(topic.name, f'max.message.bytes={least}')}"
            )
        )
    return found


def log_faults(topic: Topic, config: dict[str, str], settings: Settings) -> list[Finding]:
    """Return what is wrong with how the decision log is kept."""
    what = f"topic {topic.name}"
    found: list[Finding] = []
    if config["cleanup.policy"] != DELETE:
        cure = alter(topic.name, f"cleanup.policy={DELETE}")
        found.append(
            wrong(what, f"has cleanup.policy={config['cleanup.policy']}, which removes decisions that count: {cure}")
        )
    if said := kept_too_short(config, settings):
        found.append(wrong(what, said))
        return found
    kept_ms, wanted_ms = int(config["retention.ms"]), round(log_retention_s(settings) * 1000)
    if not 0 <= kept_ms < wanted_ms:
        return found
    said = f"is kept for {kept_ms / 3.6e6:.1f} h, and {wanted_ms / 3.6e6:.1f} h are asked for"
    cure = alter(topic.name, f"retention.ms={wanted_ms}")
    found.append(note(what, f"{said}, which leaves less time to end an outage: {cure}"))
    return found


def _shown(n_partitions: int) -> str:
    return f"{n_partitions} partition{'s' if n_partitions != 1 else ''}"
