"""The numbers of the dashboard: what the worker that writes the metric log tells the others, the API and the charts.

What could not be drawn cannot be built: a worker of another version, or a stranger in Kafka's group, may send anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.wire.checked import Finite, Natural, Share, Size, Time

Span = Literal["1m", "5m", "1h", "all"]
QUANTILES = ("p50", "p90", "p99")

Line = tuple[Time, Size, Size, Size, Natural]
"""Of one slice of time: its start, p50, p90 and p99 of the error, and its pairs."""
Point = tuple[Size, Size]
"""Of one pair: y_true and y_pred."""
Covered = tuple[Time, Share]
"""Of an age in seconds: the share of predictions that had their truth by then."""
SCORE_NAMES = ("mae", "rmse", "bias", "r2")
Scores = Annotated[dict[str, Size | None], Meta(extra_json_schema={"$ref": "#/components/schemas/Scores"})]
"""By name, the quantiles of the absolute error too; `n` is how many pairs they are of. `n_left_out` more are too large."""


class Bins(msgspec.Struct):
    """A histogram: edges, which increase, and pairs between them; `previous` are those of the time before, or empty.

    `n_below` and `n_beyond` are outside of the edges. `is_log`: the edges stand at equal ratios.
    """

    edges: list[Size]
    counts: list[Natural]
    previous: list[Size]
    n_previous: Natural
    n_below: Natural
    n_beyond: Natural
    is_log: bool

    def __post_init__(self) -> None:
        """Raise ValueError if they are no bins."""
        n = len(self.counts)
        if len(self.edges) != n + 1 or len(self.previous) not in (0, n) or not n:
            raise ValueError("edges and counts do not belong together")
        if not _increase(self.edges) or (self.is_log and not 0 < 1.001 * self.edges[0] < self.edges[-1]):
            raise ValueError("edges increase, and lie above 0 if they are logarithmic")


class Worst(msgspec.Struct, frozen=True):
    """A pair with one of the largest errors."""

    absolute_error: Finite
    id: str
    y_true: Finite
    y_pred: Finite


class Delay(msgspec.Struct, frozen=True):
    """By how many seconds the truth happened after the prediction: quantiles."""

    p10: Time
    p50: Time
    p90: Time
    p99: Time
    max: Time


class Ended(msgspec.Struct, frozen=True):
    """How many ids got which verdict, and how many any."""

    matched: Natural
    unmatched_true: Natural
    unmatched_pred: Natural
    n: Natural


class Dashboard(msgspec.Struct):
    """One window: scores and charts, and those of the window before; `drawn` are the scores that the picture shows.

    `is_writer` tells whether it is of the worker that writes the metric log: others know no pairs.
    """

    is_writer: bool
    last: Span
    at: Time
    drawn_at: Time | None
    drawn: Scores | None
    scores: Scores
    previous: Scores
    histogram: Bins | None
    signed: Bins | None
    series: list[Line]
    points: list[Point]
    worst: list[Worst]
    delay: Delay | None
    delay_before: Delay | None
    coverage: list[Covered]
    ended: Ended
    ended_before: Ended
    n_truth_first: Natural

    def __post_init__(self) -> None:
        """Raise ValueError if it cannot be drawn."""
        if not _increase([line[0] for line in self.series]) or not _increase([age for age, _ in self.coverage]):
            raise ValueError("times increase")
        for found in (self.scores, self.previous, self.drawn):
            if found is not None and not found.keys() >= {*SCORE_NAMES, *QUANTILES, "n", "n_left_out"}:
                raise ValueError("a score is missing")


def _increase(values: Sequence[float]) -> bool:
    return all(low < high for low, high in pairwise(values))
