"""Are Kafka's topics as the join needs them?"""

from __future__ import annotations

from typing import NamedTuple

from commands.doctor.finding import Finding, note, ok, wrong
from streams.kafka.admin import Admin
from streams.kafka.topics import RETENTION_MARGIN_S, Topic, log_retention_s, mismatch, topics
from streams.settings import Settings

LARGEST_PACKET_BYTES = 1_000_000
"""The bridge's largest packet, with what Kafka puts around it."""
DELETE = "delete"
FOR_EVER = -1


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
            wrong(what, f"takes records of {allowed:,} bytes at most: {_alter(topic, f'max.message.bytes={least}')}")
        )
    return found


def log_faults(topic: Topic, config: dict[str, str], settings: Settings) -> list[Finding]:
    """Return what is wrong with how the decision log is kept."""
    what = f"topic {topic.name}"
    found: list[Finding] = []
    if config["cleanup.policy"] != DELETE:
        cure = _alter(topic, f"cleanup.policy={DELETE}")
        found.append(
            wrong(what, f"has cleanup.policy={config['cleanup.policy']}, which removes decisions that count: {cure}")
        )
    kept_ms, wanted_ms = int(config["retention.ms"]), round(log_retention_s(settings) * 1000)
    if kept_ms == FOR_EVER or kept_ms >= wanted_ms:
        return found
    least_ms = wanted_ms - round(RETENTION_MARGIN_S * 1000)
    said = f"is kept for {kept_ms / 3.6e6:.1f} h, and {wanted_ms / 3.6e6:.1f} h are asked for"
    cure = _alter(topic, f"retention.ms={wanted_ms}")
    if kept_ms < least_ms:
        found.append(wrong(what, f"{said}, so that ids that still wait are forgotten: {cure}"))
    else:
        found.append(note(what, f"{said}, which leaves less time to end an outage: {cure}"))
    return found


def _alter(topic: Topic, setting: str) -> str:
    return f"kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} --add-config {setting}"


def _shown(n_partitions: int) -> str:
    return f"{n_partitions} partition{'s' if n_partitions != 1 else ''}"
