"""What an owner asks of the worker around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.table.forwarder import Forwarding
from streams.wire.dead_letters import UnreadableRows


class OwnerContext(Protocol):
    """What an owner asks of the worker around it."""

    def is_heard(self, partition: int, side: int) -> bool:
        """Tell whether Kafka answered fetches of an input lately."""

    def applied(self, partition: int, input_offsets: Sequence[int]) -> None:
        """Note how far the inputs of a partition are applied: the last offset of each."""

    async def forward(self, forwarding: Forwarding) -> None:
        """Take rows for other partitions; wait while too many are waiting."""

    async def quarantine(self, found: Sequence[UnreadableRows]) -> None:
        """Return once unreadable rows are kept."""
