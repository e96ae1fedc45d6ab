"""By how many partitions ids were placed, by what the decision log says of each time: the topics may have grown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from commands.reconcile.history import History
from streams.wire.partition import partition_of


class Placings(History[int]):
    """By how many when, in one partition. Programs of before say nothing of it: it is 0 then."""

    def __init__(self) -> None:
        super().__init__(0)

    def take(self, offset: int, before: Sequence[int], value: int) -> None:
        """Take by how many the next decision says; 0 says nothing."""
        if value:
            super().take(offset, before, value)

    def has_left(self, row_id: str, partition: int, offset: int) -> bool:
        """Tell whether an id that waited at an offset of this partition's log has another one since the topics grew."""
        return self.at(offset) != self.now and partition_of(row_id, self.now) != partition
