"""What an owner is given, a Kafka record at a time, and what it asks of the worker around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, Self

from aiokafka import ConsumerRecord

from streams.table.offset_gaps import Found
from streams.wire.dead_letters import UnreadableRows


class ConsumedRecord(NamedTuple):
    """One Kafka record as it was delivered; `ack` is called once its rows, and those before it, are in the log."""

    side: int
    offset: int
    ts: float
    value: bytes
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    ack: Callable[[], Any] | None = None

    @classmethod
    def of(cls, side: int, record: ConsumerRecord[Any, Any], ack: Callable[[], Any] | None = None) -> Self:
        """Return what a Kafka record holds."""
        return cls(
            side, record.offset, record.timestamp / 1e3, record.value or b"", record.key, record.headers or (), ack
        )

    def acknowledge(self) -> None:
        """Call `ack`, if there is one."""
        if self.ack is not None:
            self.ack()


class OwnerContext(Protocol):
    """What an owner asks of the worker around it."""

    def is_caught_up(self, partition: int, side: int, input_offsets: int) -> bool:
        """Tell whether an input ends with offset `input_offsets`."""

    async def look(self, partition: int, side: int, start: int, until: int) -> Found:
        """Return what lies in an input, as `holes.find` does; nothing while Kafka is away."""

    def acknowledge(self, partition: int, side: int, offset: int) -> None:
        """Tell the consumer that a record which it did not deliver is done with."""

    async def quarantine(self, found: Sequence[UnreadableRows]) -> None:
        """Return once unreadable rows are kept."""
