"""What held when in one partition, by what its decision log says of each time. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class _Since(NamedTuple, Generic[T]):
    """What holds from a decision on: it is at `offset` of the log, and read the inputs behind `inputs`."""

    offset: int
    inputs: tuple[int, int]
    value: T


class History(Generic[T]):
    """In the order of the log; what lies before all that is known was as the first."""

    def __init__(self, unknown: T) -> None:
        """Take what holds where nothing is known."""
        self.known: list[_Since[T]] = []
        self._unknown = unknown

    def take(self, offset: int, before: Sequence[int], value: T) -> None:
        """Take what the next decision says.

        Args:
            before: the last offsets of the inputs that the decision before it had applied.
        """
        if not self.known or self.known[-1].value != value:
            self.known.append(_Since(offset, (before[0], before[1]), value))

    @property
    def now(self) -> T:
        """What holds since the last decision."""
        return self.known[-1].value if self.known else self._unknown

    def at(self, offset: int) -> T:
        """Return what held at an offset of the log."""
        return self._last(offset, lambda one: one.offset)

    def at_input(self, side: int, offset: int) -> T:
        """Return what held when a row at an offset of an input was read."""
        return self._last(offset, lambda one: one.inputs[side] + 1)

    def _last(self, offset: int, begins: Callable[[_Since[T]], int]) -> T:
        if not self.known:
            return self._unknown
        return self.known[max(0, bisect_right(self.known, offset, key=begins) - 1)].value
