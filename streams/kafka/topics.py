"""The Kafka topics: their names, partitions and retention, and their declaration.

Whoever starts first creates what is missing. A topic that exists with other partitions is one clear sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from streams.kafka.admin import Admin
from streams.kafka.errors import KafkaRefused
from streams.kinds import Kind
from streams.settings import Settings

LARGEST_RECORD_BYTES = 8 << 20
SMALLEST_SEGMENT_BYTES, LARGEST_SEGMENT_BYTES = 2 << 20, 1 << 30
FOR_EVER = -1
"""A retention without an end."""
LOOKS, LOOK_EVERY_S = 100, 0.05
RETENTION_MARGIN_S = 48 * 3600.0
"""How much longer than the oldest live row the decision log is kept: the time to notice an outage and end it."""


class Topic(NamedTuple):
    """One topic as we declare it."""

    name: str
    partitions: int
    config: dict[str, str]


class TopicError(Exception):
    """A topic is not there as it must be, and to wait does not help; the message says what to do."""


class TopicMismatch(TopicError):
    """A topic exists with another number of partitions than the settings ask for."""


class TopicRefused(TopicError):
    """Kafka does not create a topic: our user has not the right, or the settings ask for what it cannot do."""


class LogTooShort(TopicError):
    """The decision log is kept for a shorter time than ids wait: decisions that still count would be removed."""


class Topics(NamedTuple):
    """All topics of one namespace.

    `pairs_log` is the decision log of the table `pairs`; `resolved` says which rows of `quarantine` were dealt with.
    """

    features: Topic
    y_true: Topic
    y_pred: Topic
    metric: Topic
    quarantine: Topic
    pairs_log: Topic
    resolved: Topic

    @property
    def alike(self) -> tuple[Topic, ...]:
        """The topics that need the same number of partitions."""
        return self.features, self.y_true, self.y_pred, self.pairs_log

    def of_kind(self, kind: Kind) -> Topic:
        """Return the topic that carries rows of `kind`."""
        topic: Topic = getattr(self, kind)
        return topic


def topics(settings: Settings) -> Topics:
    """Return the topics that these settings name."""
    ns, p = settings.namespace, settings.partitions
    large = {"max.message.bytes": str(LARGEST_RECORD_BYTES)}
    log = large | {"cleanup.policy": "delete", "retention.ms": str(round(log_retention_s(settings) * 1000))}
    return Topics(
        features=Topic(settings.topic_of("features"), p, {}),
        y_true=Topic(settings.topic_of("y_true"), p, {}),
        y_pred=Topic(settings.topic_of("y_pred"), p, {}),
        metric=Topic(f"{ns}metric", 1, large),
        quarantine=Topic(f"{ns}quarantine", 1, _bounded(settings.max_quarantine_bytes)),
        pairs_log=Topic(f"{settings.app_id}-pairs-changelog", p, log),
        resolved=Topic(f"{ns}quarantine-resolved", 1, {"cleanup.policy": "compact"}),
    )


def _bounded(max_bytes: int) -> dict[str, str]:
    """Return the settings of a topic that holds `max_bytes` at most; Kafka removes whole segments, the oldest first."""
    segment = min(max(SMALLEST_SEGMENT_BYTES, max_bytes // 8), LARGEST_SEGMENT_BYTES)
    kept = max(1, max_bytes - segment)  # the segment that is being written is not counted
    return {"retention.bytes": str(kept), "retention.ms": "-1", "segment.bytes": str(segment)}


def log_retention_s(settings: Settings) -> float:
    """Return how long the decision log keeps a record, in seconds: longer than any live row needs it."""
    return settings.waiting_s + settings.dedupe_horizon_s + RETENTION_MARGIN_S


async def declare(settings: Settings) -> list[str]:
    """Create the topics that are missing; return their names.

    Raises:
        TopicMismatch: a topic exists with another number of partitions.
        TopicRefused: Kafka does not create one that is missing.
        Unavailable: Kafka does not answer.
    """
    wanted = topics(settings)
    async with Admin(settings) as admin:
        missing = _missing(wanted, await admin.partitions())
        if missing:
            try:
                await admin.create(missing, settings.replication)
            except KafkaRefused as exc:
                raise TopicRefused(
                    f"{exc} Create it yourself, give our user the right to, or correct HINDSIGHT_REPLICATION."
                ) from None
            await _seen(admin, wanted)
    return [topic.name for topic in missing]


async def require_log_kept(settings: Settings) -> None:
    """Check that the decision log, which may have been created for a shorter window, is kept for as long as ids wait.

    Raises:
        LogTooShort: it is not.
        Unavailable: Kafka does not answer.
    """
    log = topics(settings).pairs_log
    async with Admin(settings) as admin:
        try:
            config = await admin.config(log.name)
        except KafkaRefused:
            return  # our user has not the right to look; `doctor` says so
    if said := kept_too_short(config, settings):
        raise LogTooShort(
            f"The decision log, Kafka's topic {log.name!r}, {said}, or set a shorter HINDSIGHT_JOIN_WINDOW_S."
        )


def kept_too_short(config: Mapping[str, str], settings: Settings) -> str:
    """Return what is wrong if a decision log of that configuration forgets ids that still wait, and the cure; else nothing."""
    kept_ms, wanted_ms = int(config["retention.ms"]), round(log_retention_s(settings) * 1000)
    if kept_ms == FOR_EVER or kept_ms >= wanted_ms - round(RETENTION_MARGIN_S * 1000):
        return ""
    return (
        f"is kept for {kept_ms / 3.6e6:.1f} h, and {wanted_ms / 3.6e6:.1f} h are asked for, so that ids that still wait are "
        f"forgotten: {alter(topics(settings).pairs_log.name, f'retention.ms={wanted_ms}')}"
    )


def alter(topic: str, setting: str) -> str:
    """Return the command that changes one setting of a topic."""
    return f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}"


def repartition(n_partitions: int) -> str:
    """Return the command that has the topics grow."""
    return f"faust -A streams repartition {n_partitions}"


async def _seen(admin: Admin, wanted: Topics) -> None:
    """Wait until Kafka shows the topics: what it has created, or somebody else meanwhile, it shows a moment later."""
    for _ in range(LOOKS):
        if not _missing(wanted, await admin.partitions()):
            return
        await asyncio.sleep(LOOK_EVERY_S)


def _missing(wanted: Topics, n_partitions: Mapping[str, int]) -> list[Topic]:
    if said := mismatch(wanted, n_partitions):
        raise TopicMismatch(said)
    return [topic for topic in wanted if topic.name not in n_partitions]


def mismatch(wanted: Topics, found: Mapping[str, int]) -> str:
    """Return what is wrong with the numbers of partitions that topics have, by their names, with a cure that works for all.

    Empty if nothing is wrong. Topics that are not there yet are none of `found`.
    """
    off = {
        topic.name: found[topic.name] for topic in wanted if found.get(topic.name, topic.partitions) != topic.partitions
    }
    if not off:
        return ""
    n_wanted = wanted.y_true.partitions
    there = [found[topic.name] for topic in wanted.alike if topic.name in found]
    said = ", ".join(f"{name!r} has {n}" for name, n in off.items())
    is_of_rows = set(off) <= {topic.name for topic in wanted.alike}
    if is_of_rows and len(set(there)) == 1:
        what = f"The Kafka topic {said} partitions" if len(off) == 1 else f"Of the Kafka topics, {said} partitions"
        grow = f", grow them (stop all workers and bridges, and run `{repartition(n_wanted)}`)" * (n_wanted > there[0])
        return (
            f"{what}, but {n_wanted} are required: set HINDSIGHT_PARTITIONS={there[0]}{grow}, or use topics of your own with "
            "HINDSIGHT_NAMESPACE. (All row topics need the same number, because an id is joined within its partition.)"
        )
    if is_of_rows:
        return (
            f"Kafka's topics differ in their partitions: {said}. Somebody has grown some of them, or a growth was broken off. "
            f"Stop all workers and bridges, and run `{repartition(max(there))}`: it has all topics grow, and each id in its "
            f"partition. Then set HINDSIGHT_PARTITIONS={max(there)} everywhere, and start again."
        )
    needed = ", ".join(f"{topic.name!r} {topic.partitions}" for topic in wanted if topic.name in off)
    return (
        f"Kafka's topics differ in their partitions: {said}, and needed are {needed}. What lies in the partitions beyond is not "
        "read, and Kafka cannot take partitions away. Stop the producers, set HINDSIGHT_NAMESPACE to a new name (with the "
        "HINDSIGHT_PARTITIONS that you want), start again, and have the producers write to the topics of that name."
    )
