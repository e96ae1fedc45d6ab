"""What came out: the row topics, quarantine, the topic `metric` and the two files, as the oracle takes them."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from tests.faults.checker import Seen, Verdict

N_PARTITIONS = {"y_true": 4, "y_pred": 4, "quarantine": 1, "metric": 1}
"""As the settings' defaults have it."""
COPY = "hindsight-forwarded"
"""Has a header of this name what a worker sent on from another partition, where somebody else had put it."""
BAD = "bad-"
"""So begin the ids of what cannot be read; in the row topics it lies beside rows where others have written it."""


def read(kafka: str, namespace: str, logs: Sequence[Path], counts: dict[str, Any]) -> Seen:
    """Read all of it; `logs` are the directories that hold the two files, or held them."""
    seen = Seen(counts=counts)
    tags: set[tuple[str, int, int]] = set()
    for topic, record in asyncio.run(_records(kafka, namespace)):
        if topic == "quarantine":
            seen.quarantined.update(_pieces(record.value.decode()))
        elif topic == "metric":
            _add_verdicts(seen, _json(record.value), tags)
        elif COPY not in dict(record.headers):
            found = json.loads(record.value)
            rows = found if isinstance(found, list) else [found]
            seen.rows.update((topic, row["id"]) for row in rows if not row["id"].startswith(BAD))
    for directory in logs:
        _add_files(seen, directory)
    return seen


def _json(raw: bytes | None) -> dict[str, Any]:
    """Read a record of the topic `metric`; nothing of one that somebody else has written there."""
    try:
        found = json.loads(raw or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _pieces(kept: str) -> list[str]:
    """Return what was refused one by one, and is kept together as an array: the load's rows hold no `},{` of their own."""
    is_array = kept.startswith("[") and kept.endswith("]")
    return ["{" + piece + "}" for piece in kept[2:-2].split("},{")] if is_array and "{" in kept else [kept]


def _add_files(seen: Seen, directory: Path) -> None:
    for row in _lines(directory / "metric_log.csv"):
        verdict = Verdict("matched", float(row["y_true"]), float(row["y_pred"]))
        seen.logged.setdefault(row["id"], []).append(verdict)
    for row in _lines(directory / "unmatched_log.csv"):
        y, is_true = float(row["value"]), row["verdict"] == "unmatched_true"
        verdict = Verdict(row["verdict"], y if is_true else None, None if is_true else y)
        seen.logged.setdefault(row["id"], []).append(verdict)


def _add_verdicts(seen: Seen, record: dict[str, Any], tags: set[tuple[str, int, int]]) -> None:
    if not {"log", "partition", "offset", "rows"} <= record.keys():
        return
    tag = (record["log"], record["partition"], record["offset"])
    if tag in tags:
        return
    tags.add(tag)
    for row in record["rows"]:
        verdict = Verdict(row["verdict"], row.get("y_true"), row.get("y_pred"))
        seen.sent.setdefault(row["id"], []).append(verdict)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    if path.exists():
        with path.open(newline="") as file:
            yield from csv.DictReader(file)


async def _records(kafka: str, namespace: str) -> list[tuple[str, ConsumerRecord]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, max_partition_fetch_bytes=8 << 20, isolation_level="read_committed"
    )
    await consumer.start()
    try:
        existing = await consumer.topics()
        parts = [
            TopicPartition(namespace + topic, partition)
            for topic, n in N_PARTITIONS.items()
            if namespace + topic in existing
            for partition in range(n)
        ]
        ends = await consumer.end_offsets(parts)
        consumer.assign([part for part in parts if ends[part]])
        await consumer.seek_to_beginning()
        left = {part for part in parts if ends[part]}
        found = []
        while left:
            for part, records in (await consumer.getmany(timeout_ms=1000)).items():
                found += [(part.topic.removeprefix(namespace), record) for record in records]
            left = {part for part in left if await consumer.position(part) < ends[part]}
        return found
    finally:
        await consumer.stop()
