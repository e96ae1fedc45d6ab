"""From a place in a chart to the list of its ids: the same labels, by the address of the list. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

from streams.scores.figures import Figures
from web.pairs.query import By, Query
from web.pairs.segment import is_known

PAGE = "/table/pairs/"


class Ids(NamedTuple):
    """The labels of figures, as a question to the list of ids, and the addresses made of it so far.

    Many charts lead to the same place, each on wide and on narrow screens: its address is made once.
    """

    query: Query
    made: dict[Query, str]

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
        query = Query(
            "matched",
            model=figures.model,
            segment=figures.segment,
            from_=figures.from_,
            to=figures.to,
            by=by,
            clock=figures.clock,
            sort="-error",
        )
        return cls(query, {})

    def sized(self, low: float, high: float) -> str:
        """Return the address of labels whose error has a size from `low` up to, not with, `high`."""
        return self._address(min_error=low, max_error=below(high))

    def signed(self, low: float, high: float) -> str:
        """Return the address of labels whose error lies between both: the end that is nearer 0 is included, but for -0."""
        if high <= 0:
            return self._address(min_signed=above(low), max_signed=high if high else below(0.0))
        return self._address(min_signed=low, max_signed=below(high))

    def from_error(self, low: float | None, high: float | None) -> str:
        """Return the address of labels whose error is at least `low` and at most `high`; None: whatever it is."""
        return self._address(min_signed=low, max_signed=high)

    def at(self, start: float, end: float) -> str:
        """Return the address of labels of one slice of time."""
        return self._address(**self._times(start, end))

    def predicted(self, start: float, end: float) -> str:
        """Return the address of all ids that were predicted then, labelled or not."""
        return self._address(**self._times(start, end), state="all", sort="newest")

    def delayed(self, start: float, end: float, after: float, upto: float) -> str:
        """Return the address of labels of one slice that came so many seconds after their prediction.

        Args:
            after: not included; minus infinity: whatever came first.
            upto: included; infinity: all that came later.
        """
        return self._address(
            **self._times(start, end),
            min_delay=above(after) if math.isfinite(after) else None,
            max_delay=upto if math.isfinite(upto) else None,
        )

    def _times(self, start: float, end: float) -> dict[str, float]:
        """Return the part of a slice that lies in the span."""
        assert self.query.from_ is not None and self.query.to is not None, "figures have a span"  # noqa: PT018
        return {"from_": max(start, self.query.from_), "to": min(end, self.query.to)}

    def _address(self, **changes: object) -> str:
        asked = self.query._replace(**changes)  # type: ignore[arg-type]
        used = asked if asked.min_delay is not None or asked.max_delay is not None else asked._replace(clock="arrival")
        if used not in self.made:
            self.made[used] = PAGE + used.url()
        return self.made[used]


def below(value: float) -> float:
    """Return the next smaller number."""
    return math.nextafter(value, -math.inf)


def above(value: float) -> float:
    """Return the next larger number."""
    return math.nextafter(value, math.inf)
