"""What Kafka refuses of what it is given to keep: why, as a sentence, with what to do where that is known."""

from __future__ import annotations

from datetime import UTC, datetime

from aiokafka.errors import InvalidTimestampError, TopicAuthorizationFailedError

from streams.kafka.admin import Admin
from streams.kafka.errors import TOO_LARGE, reason
from streams.kafka.records import Record
from streams.process.unavailable import Unavailable
from streams.settings import Settings


def sentence(exc: BaseException, where: str, record: Record, now: float) -> str:
    """Return why Kafka at `where` refuses a record.

    Args:
        now: UTC epoch seconds, by the clock that gave the record its time.
    """
    topic = record.topic
    if isinstance(exc, TOO_LARGE):
        return f"{where} refuses a record of {len(record.value)} bytes in the topic {topic!r}: raise its max.message.bytes."
    if isinstance(exc, InvalidTimestampError):
        return (
            f"{where} refuses the time of our records: the clock here says {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} "
            f"UTC, and Kafka's differs from it by more than message.timestamp.after.max.ms of the topic {topic!r} (an hour by "
            "default). Set the wrong clock right; until then rows wait, and nothing is lost."
        )
    if isinstance(exc, TopicAuthorizationFailedError):
        return f"{where} does not let us write to the topic {topic!r}: grant our user WRITE on it."
    return f"{where} does not accept a record of the topic {topic!r}: {reason(exc)}."


async def problem_of_topic(settings: Settings, topic: str) -> str:
    """Return why a topic takes no records without a key, as a sentence; empty if it does, or Kafka does not tell us."""
    try:
        async with Admin(settings) as admin:
            policy = (await admin.config(topic)).get("cleanup.policy", "")
    except Unavailable:
        return ""
    if "compact" not in policy:
        return ""
    return (
        f"The Kafka topic {topic!r} is compacted (cleanup.policy={policy}) and takes only records with a key, one row each; "
        "ours hold the rows of many ids. Set its cleanup.policy=delete, or another topic."
    )
