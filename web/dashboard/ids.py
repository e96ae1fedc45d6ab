"""From a place in a chart to the list of its ids: the same labels, by the address of the list. Pure."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple, Self

from streams.scores.figures import Figures
from web.pairs.query import By, Query, spelled_number
from web.pairs.segment import is_known

PAGE = "/table/pairs/"
_MADE = 8192
"""Addresses that are remembered: about five pages of a month's."""


class Ids(NamedTuple):
    """The labels of figures, as a question to the list of ids: of a span, UTC epoch seconds.

    What all addresses have in common is made once: of `labels`, of labels whose delay is asked for too, and of
    `predictions`, labelled or not.
    """

    start: float
    end: float
    labels: str
    delayed_labels: str
    predictions: str

    @classmethod
    def of(cls, figures: Figures) -> Self | None:
        """Return what asks for the labels of figures; None where the list knows no such ids.

        It knows no decision times by the clock `event`, and of some segments no ids can be told.
        """
        if (figures.axis == "decided" and figures.clock == "event") or (
            figures.segment and not is_known(figures.segment)
        ):
            return None
        by: By = "predicted" if figures.axis == "predicted" else "changed"
        query = Query("matched", model=figures.model, segment=figures.segment, by=by, sort="-error")
        predictions = query._replace(state="all", sort="newest")
        asked = (query, query._replace(clock=figures.clock), predictions)
        return cls(figures.from_, figures.to, *(PAGE + each.url() for each in asked))

    def sized(self, low: float, high: float) -> str:
        """Return the address of labels whose error has a size from `low` up to, not with, `high`."""
        return self._of_span(min_error=low, max_error=below(high))

    def signed(self, low: float, high: float) -> str:
        """Return the address of labels whose error lies between both: the end that is nearer 0 is included, but for -0."""
        if high <= 0:
            return self._of_span(min_signed=above(low), max_signed=high if high else below(0.0))
        return self._of_span(min_signed=low, max_signed=below(high))

    def from_error(self, low: float | None, high: float | None) -> str:
        """Return the address of labels whose error is at least `low` and at most `high`; None: whatever it is."""
        return self._of_span(min_signed=low, max_signed=high)

    def at(self, start: float, end: float) -> str:
        """Return the address of labels of one slice of time."""
        return address(self.labels, *self._times(start, end))

    def predicted(self, start: float, end: float) -> str:
        """Return the address of all ids that were predicted then, labelled or not."""
        return address(self.predictions, *self._times(start, end))

    def delayed(self, start: float, end: float, after: float, upto: float) -> str:
        """Return the address of labels of one slice that came so many seconds after their prediction.

        Args:
            after: not included; minus infinity: whatever came first.
            upto: included; infinity: all that came later.
        """
        least, most = above(after) if math.isfinite(after) else None, upto if math.isfinite(upto) else None
        of = self.labels if least is None and most is None else self.delayed_labels
        return address(of, *self._times(start, end), min_delay=least, max_delay=most)

    def _times(self, start: float, end: float) -> tuple[float, float]:
        """Return the part of a slice that lies in the span."""
        return max(start, self.start), min(end, self.end)

    def _of_span(self, **limits: float | None) -> str:
        return address(self.labels, self.start, self.end, **limits)


@lru_cache(_MADE)
def address(of: str, start: float, end: float, **limits: float | None) -> str:
    """Return the address of the ids of a span, with limits of a `Query` by name; None: no such limit.

    Many charts lead to the same place, on wide and on narrow screens and a second later: they share its address.

    Args:
        of: the address without them.
        start: UTC epoch seconds; `end`, too, which is not included.
    """
    given = {"from": start, "to": end, **limits}
    said = "&".join(f"{name}={spelled_number(value)}" for name, value in given.items() if value is not None)
    return f"{of}{'' if of.endswith('?') else '&'}{said}"


def below(value: float) -> float:
    """Return the next smaller number."""
    return math.nextafter(value, -math.inf)


def above(value: float) -> float:
    """Return the next larger number."""
    return math.nextafter(value, math.inf)
