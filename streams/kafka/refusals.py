"""What Kafka refuses although it is there: why, as a sentence, and whose fault it is."""

from __future__ import annotations

from datetime import UTC, datetime

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnsupportedForMessageFormatError,
)

from streams.kafka.client import kafka_client
from streams.settings import Settings

CLOCK_S = 10.0
"""How long it is between two looks at whether a clock was set right: each is a connection."""
OF_THE_RECORD = (UnknownError, CorruptRecordException, UnsupportedForMessageFormatError)
"""What may be a record's own fault. `UnknownError` is any code that aiokafka 0.14 has no name for, such as that of a record
without a key in a compacted topic."""


def sentence(exc: BaseException, where: str, now: float) -> str:
    """Return why Kafka at `where` refuses records, with what to do where that is known.

    Args:
        now: UTC epoch seconds, by the clock that gave the records their time.
    """
    if isinstance(exc, InvalidTimestampError):
        return (
            f"{where} refuses the time of our records: the clock here says {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} "
            "UTC, and Kafka's differs from it by more than message.timestamp.after.max.ms of the topic (an hour by "
            "default). Set the wrong clock right; until then rows wait, and nothing is lost."
        )
    if isinstance(exc, TopicAuthorizationFailedError):
        return f"{where} does not let us write to the topic {exc}: grant our user WRITE on it."
    return f"{where} does not take a record: {text(exc)}."


def pause_s(exc: BaseException, otherwise_s: float) -> float:
    """Return how long to wait before the next attempt: what a person has to put right is not looked at every second."""
    return CLOCK_S if isinstance(exc, InvalidTimestampError) else otherwise_s


def text(exc: BaseException) -> str:
    """Return what a client of Kafka raised, for people."""
    return f"{type(exc).__name__} {exc}".rstrip() if isinstance(exc, KafkaError) else str(exc) or type(exc).__name__


async def problem_of_topic(settings: Settings, topic: str) -> str:
    """Return why a topic takes no records without a key, as a sentence; empty if it does, or Kafka does not tell us."""
    try:
        policy = await _cleanup_policy(settings, topic)
    except KafkaError:
        return ""
    if "compact" not in policy:
        return ""
    return (
        f"The Kafka topic {topic!r} is compacted (cleanup.policy={policy}) and takes only records with a key, one row each; "
        "ours hold the rows of many ids. Set its cleanup.policy=delete, or another topic."
    )


async def _cleanup_policy(settings: Settings, topic: str) -> str:
    admin = AIOKafkaAdminClient(**kafka_client(settings))
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    entries = [entry for resource in answer.resources for entry in resource[4]]
    return next((str(entry[1]) for entry in entries if entry[0] == "cleanup.policy"), "")
