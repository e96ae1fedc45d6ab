"""Which models read a row, by what the decision log says of each time: so that an id is looked at once for each. Pure.

A join for each model (see `streams.join.lanes`): a truth is read by all that were listed when it was decided, a prediction
by one. What was there before models were listed is the base's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from streams.join.decision import Checkpoint

BASE = ""
"""Stands for the model whose states have the keys of the base, and for any model where none are listed."""


class Listing(NamedTuple):
    """What is listed from a decision on: it is at `offset` of the log, and read the inputs behind `inputs`."""

    offset: int
    inputs: tuple[int, int]
    base: str
    listed: tuple[str, ...]

    def lane(self, model: str) -> str:
        """Return how a model is called here."""
        return BASE if model == self.base else model


class Listings:
    """What was listed when, in one partition: in the order of its log."""

    def __init__(self) -> None:
        self.known: list[Listing] = []

    def take(self, offset: int, before: Sequence[int], after: Checkpoint) -> None:
        """Take the next decision.

        Args:
            before: the last offsets of the inputs that the decision before it had applied.
        """
        found = Listing(offset, (before[0], before[1]), after.base, tuple(after.listed))
        if not self.known or self.known[-1][2:] != found[2:]:
            self.known.append(found)

    def of_truth(self, offset: int) -> list[str]:
        """Return the lanes that read a truth at an offset of y_true."""
        at = self._at_input(0, offset)
        return [at.lane(name) for name in at.listed] or [BASE]

    def at_prediction(self, offset: int) -> tuple[str, ...]:
        """Return the models that were listed when a prediction at an offset of y_pred was read."""
        return self._at_input(1, offset).listed

    def of_prediction(self, offset: int, model: str | None) -> str:
        """Return the lane that reads a prediction at an offset of y_pred."""
        at = self._at_input(1, offset)
        return at.lane(model or at.listed[0]) if at.listed else BASE

    def of_verdict(self, offset: int, model: str | None, *, is_challenger: bool) -> str:
        """Return the lane of a verdict that was given at an offset of the log."""
        at = self._last([one.offset for one in self.known], offset)
        return at.lane(model or BASE) if is_challenger or at.listed else BASE

    def _at_input(self, side: int, offset: int) -> Listing:
        return self._last([one.inputs[side] + 1 for one in self.known], offset)

    def _last(self, begins: Sequence[int], offset: int) -> Listing:
        """Return the listing that held; what lies before all that is known was as the first."""
        if not self.known:
            return Listing(-1, (-1, -1), BASE, ())
        return self.known[max(0, bisect_right(begins, offset) - 1)]
