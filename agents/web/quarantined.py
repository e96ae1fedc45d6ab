"""The newest records of the topic `quarantine`, read from Kafka when somebody looks; their bytes are only ever text."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams import connect
from streams.settings import Settings
from streams.topics import topics

TIMEOUT_S = 3.0
SHOWN_BYTES = 2000
MOST_RECORDS = 100


class QuarantineUnavailable(Exception):
    """Kafka did not answer in time."""


async def newest(settings: Settings, n: int) -> list[dict[str, Any]]:
    """Return up to `n` records, the newest first.

    Raises:
        QuarantineUnavailable: Kafka does not answer in time.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _newest(settings, min(n, MOST_RECORDS))
    except (KafkaError, OSError, TimeoutError) as exc:
        raise QuarantineUnavailable(f"Kafka did not show the topic quarantine: {type(exc).__name__}.") from exc


async def _newest(settings: Settings, n: int) -> list[dict[str, Any]]:
    tp = TopicPartition(topics(settings).quarantine.name, 0)
    consumer = AIOKafkaConsumer(**connect.kafka_client(settings), group_id=None)
    await consumer.start()
    try:
        consumer.assign([tp])
        first, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
        start = max(first, end - n)
        consumer.seek(tp, start)
        found: list[dict[str, Any]] = []
        while start < end:
            fetched = (await consumer.getmany(tp, timeout_ms=500)).get(tp, [])
            found += [_shown(record) for record in fetched]
            start = fetched[-1].offset + 1 if fetched else end
        return found[::-1]
    finally:
        await consumer.stop()


def _shown(record: Any) -> dict[str, Any]:
    headers = {name: value.decode("utf-8", "backslashreplace") for name, value in record.headers}
    raw = bytes(record.value or b"")
    return {
        "offset": record.offset,
        "at": _number(headers.get("at", "")) or record.timestamp / 1000,
        "reason": headers.get("reason", ""),
        "detail": headers.get("detail", ""),
        "source": headers.get("source", ""),
        "part": headers.get("part", "1/1"),
        "properties": headers.get("properties", ""),
        "n_bytes": len(raw),
        "text": raw[:SHOWN_BYTES].decode("utf-8", "backslashreplace"),
        "is_cut": len(raw) > SHOWN_BYTES,
    }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
