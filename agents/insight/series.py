"""What cells are of: a model, a segment of its predictions, and an axis of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from streams.scores.delay import DelayBins
from streams.settings import SIZES

Axis = Literal["predicted", "decided"]
Kind = Literal["whole", "segment"]


class Series(NamedTuple):
    """Cells by when their rows were predicted, or decided; of a segment, or with an empty one of the whole model.

    Each row is counted in one model's cells; those of an empty `model` hold what names none. All together is their sum.
    """

    model: str
    segment: str = ""
    axis: Axis = "predicted"

    def is_of(self, model: str, listed: Sequence[str]) -> bool:
        """Tell whether its cells are asked for with a model; empty: with the reference, or where none is listed with all.

        What names no model is the reference's.
        """
        asked = model or (listed[0] if listed else "")
        return not asked or self.model == asked or (not self.model and asked in listed[:1])

    @property
    def key(self) -> str:
        """What its segment is by: a key of tags, or one of SIZES; empty for the whole model."""
        return self.segment.partition(":")[0]

    @property
    def kind(self) -> Kind:
        """Which levels its cells are kept at."""
        return "segment" if self.segment else "whole"

    def bins(self, bins: DelayBins) -> DelayBins:
        """Return its bins of delay: all for the whole model by prediction time, one for segments by size, else coarse ones."""
        if self.key in SIZES:
            return DelayBins(bins.ends[-1:])
        return bins if self.axis == "predicted" and not self.segment else bins.coarse()


Number = Callable[[Series], int]
"""Tells the number that cells of a series have."""
