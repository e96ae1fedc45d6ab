"""Which models read a row, by what the decision log says of each time: so that an id is looked at once for each. Pure.

A join for each model (see `streams.join.lanes`): a truth is read by all that were listed when it was decided, a prediction
by one. What was there before models were listed is the base's.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from commands.reconcile.history import History
from streams.join.decision import Checkpoint

BASE = ""
"""Stands for the model whose states have the keys of the base, and for any model where none are listed."""


class Listing(NamedTuple):
    """The model of the base, and those that are listed."""

    base: str
    listed: tuple[str, ...]

    @classmethod
    def of(cls, after: Checkpoint) -> Self:
        """Take what a decision says."""
        return cls(after.base, tuple(after.listed))

    def lane(self, model: str) -> str:
        """Return how a model is called here."""
        return BASE if model == self.base else model


class Listings(History[Listing]):
    """What was listed when, in one partition."""

    def __init__(self) -> None:
        super().__init__(Listing(BASE, ()))

    def of_truth(self, offset: int) -> list[str]:
        """Return the lanes that read a truth at an offset of y_true."""
        at = self.at_input(0, offset)
        return [at.lane(name) for name in at.listed] or [BASE]

    def at_prediction(self, offset: int) -> tuple[str, ...]:
        """Return the models that were listed when a prediction at an offset of y_pred was read."""
        return self.at_input(1, offset).listed

    def of_prediction(self, offset: int, model: str | None) -> str:
        """Return the lane that reads a prediction at an offset of y_pred."""
        at = self.at_input(1, offset)
        return at.lane(model or at.listed[0]) if at.listed else BASE

    def of_verdict(self, offset: int, model: str | None, *, is_challenger: bool) -> str:
        """Return the lane of a verdict that was given at an offset of the log."""
        at = self.at(offset)
        return at.lane(model or BASE) if is_challenger or at.listed else BASE
