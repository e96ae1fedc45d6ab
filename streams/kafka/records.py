"""Records as they go to Kafka and come from it, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class TP(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One record to write."""

    topic: str
    partition: int
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes | None = None


class StoredRecord(Protocol):
    """One record as it was read; `timestamp` is in UTC epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
