"""By how many partitions ids were placed, by what the decision log says of each time: the topics may have grown. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from streams.wire.partition import partition_of


class Placing(NamedTuple):
    """Of a decision on: it is at `offset` of the log, and read the inputs behind `inputs`."""

    offset: int
    inputs: tuple[int, int]
    n_partitions: int


class Placings:
    """By how many when, in one partition: in the order of its log. Programs of before say nothing of it: it is 0 then."""

    def __init__(self) -> None:
        self.known: list[Placing] = []

    def take(self, offset: int, before: Sequence[int], n_partitions: int) -> None:
        """Take the next decision.

        Args:
            before: the last offsets of the inputs that the decision before it had applied.
        """
        if n_partitions and (not self.known or self.known[-1].n_partitions != n_partitions):
            self.known.append(Placing(offset, (before[0], before[1]), n_partitions))

    def at(self, offset: int) -> int:
        """Return by how many at an offset of the log."""
        return self._last([one.offset for one in self.known], offset)

    def at_input(self, side: int, offset: int) -> int:
        """Return by how many when a row at an offset of an input was read."""
        return self._last([one.inputs[side] + 1 for one in self.known], offset)

    def has_left(self, row_id: str, partition: int, offset: int) -> bool:
        """Tell whether an id that waited at an offset of this partition's log has another one since the topics grew."""
        now = self.known[-1].n_partitions if self.known else 0
        return self.at(offset) != now and partition_of(row_id, now) != partition

    def _last(self, begins: Sequence[int], offset: int) -> int:
        """Return what held; what lies before all that is known was as the first."""
        return self.known[max(0, bisect_right(begins, offset) - 1)].n_partitions if self.known else 0
