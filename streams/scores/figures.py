"""One answer to "how wrong is the model": what the page, the API, /metrics, `status` and the picture all show.

`streams.scores.answer` makes it from cells. What could not be drawn cannot be built: another worker may send anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.scores.delay import Clock
from streams.scores.metrics import QUANTILES, SCORES
from streams.wire.checked import Finite, Natural, Share, Size, Time

Axis = Literal["predicted", "decided"]
Chosen = Literal["card", "first", "span"]
SPANS = {"5m": 300.0, "1h": 3600.0, "24h": 86_400.0, "7d": 604_800.0, "30d": 2_592_000.0, "all": math.inf}
"""The spans that are offered, in seconds up to now; others can be asked for in the same way."""
_LENGTH = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
REACHES = 0.999
"""A horizon of this share of the window is the whole of it."""
ENDS = ("low", "high")
"""Of an interval: `mae_low` is where that of `mae` begins."""
EXPECTED_NAMES = tuple(name for score in SCORES for name in (score.name, *(f"{score.name}_{end}" for end in ENDS)))
SoFar = Annotated[dict[str, Size | None], Meta(extra_json_schema={"$ref": "#/components/schemas/SoFar"})]
"""The scores of the labels that are there, and the quantiles of their absolute error, by name; `n` is how many they are of."""
Expected = Annotated[dict[str, Size | None], Meta(extra_json_schema={"$ref": "#/components/schemas/Expected"})]
"""The scores that all predictions will have, by name, and the ends of their 95% intervals as `mae_low` and `mae_high`."""
Covered = tuple[Time, Share]
"""Of an age in seconds: the share of predictions that have their label by then."""


def length_s(last: str) -> float | None:
    """Return how long a span is, in seconds: `all`, or a number and a unit such as `90s`, `5m`, `3h`, `7d`; else None."""
    if last in SPANS:
        return SPANS[last]
    found = _LENGTH.fullmatch(last)
    return float(found[1]) * _UNIT_S[found[2]] if found else None


class Gap(msgspec.Struct, frozen=True):
    """Rows of these times are missing, and why."""

    start: Time
    end: Time
    why: str


class Mark(msgspec.Struct, frozen=True):
    """Something that happened to the worker, such as a restart, in words."""

    at: Time
    kind: str
    text: str


MARKS = {"opened": "restart", "model": "new model", "quarantine": "refused rows"}
"""What a mark of each kind is called where there is little room; one of an alert has its name as its text."""


class LabelOutage(msgspec.Struct, frozen=True):
    """No label came from `start` to `end` while predictions did; about `n_missing` were missing."""

    start: Time
    end: Time
    n_predictions: Natural
    n_missing: Size


class Changed(msgspec.Struct, frozen=True):
    """From `at` on, the loss is `ratio` times what it was before in the span, at equal delays; None: not comparable yet."""

    at: Time
    ratio: Size | None
    low: Size | None
    high: Size | None


class Referred(msgspec.Struct, frozen=True):
    """Scores of when the model was known to be good, of labels that took as long at the most as those of the figures.

    `chosen`: of a `span` that a person named, of the `first` labels, or held-out scores of the model's `card`, which has no
    `start` and `end`. `n` are the labels.
    """

    chosen: Chosen
    start: Time | None
    end: Time | None
    n: Natural
    scores: dict[str, Size | None]

    def __post_init__(self) -> None:
        """Raise ValueError if a score is missing."""
        if not self.scores.keys() >= {score.name for score in SCORES}:
            raise ValueError("a score is missing")


class WorstLabel(msgspec.Struct, frozen=True):
    """A label with one of the largest errors."""

    absolute_error: Finite
    id: str
    y_true: Finite
    y_pred: Finite


class Dominated(msgspec.Struct, frozen=True):
    """One label carries this share, more than half, of what a score is the mean of."""

    score: str
    id: str
    share: Share


class Coverage(msgspec.Struct, frozen=True):
    """The share of predictions that have a label: now, and in the end, with its 95% interval.

    `final` is of those that get it within the horizon, the curve's last age. None where nothing can be said.
    """

    so_far: Share | None
    final: Share | None
    low: Size | None
    high: Size | None
    curve: list[Covered]

    def __post_init__(self) -> None:
        """Raise ValueError if the curve goes back."""
        if not _increase([age for age, _ in self.curve]):
            raise ValueError("ages increase")


class LabelDelay(msgspec.Struct, frozen=True):
    """How long labels take after their prediction, in seconds: quantiles, as exact as the bins of delay, a fifth."""

    p50: Time
    p90: Time
    p99: Time


class Slice(msgspec.Struct, frozen=True):
    """What was predicted, or decided, in one bar's width of time.

    `mae_expected` is of all of its predictions within the horizon: what is there of the delays that the slice is old
    enough for, and for the others what the whole span has at those delays. `is_mature`: no label of the window is still
    to come. `complete`: the bar's whole width is in the span and over, and no row is missing; else `why` says why not.
    """

    start: Time
    width_s: Time
    n_predictions: Natural
    n_labelled: Natural
    mae_so_far: Size | None
    mae_expected: Size | None
    mae_low: Size | None
    mae_high: Size | None
    bias: Size | None
    mean_true: Size | None
    mean_pred: Size | None
    is_mature: bool
    complete: bool
    why: str


class Triangle(msgspec.Struct, frozen=True):
    """Labels by prediction time (a row each) and delay (a column each).

    `ends` are the columns' longest delays in seconds; the first holds labels that came before their prediction. `n` is
    None where the row is not old enough for any label of that delay; `mae` is None where there is none.
    """

    starts: list[Time]
    width_s: Time
    ends: list[Time]
    n: list[list[Natural | None]]
    mae: list[list[Size | None]]

    def __post_init__(self) -> None:
        """Raise ValueError if it is no table."""
        for table in (self.n, self.mae):
            if len(table) != len(self.starts) or any(len(row) != len(self.ends) for row in table):
                raise ValueError("rows and columns do not belong together")
        if not _increase(self.starts) or not _increase(self.ends):
            raise ValueError("starts and ends increase")


class Bars(msgspec.Struct, frozen=True):
    """A histogram of errors: edges, which increase, and labels between them: exact counts. Those beyond are counted apart.

    `is_log`: the edges stand at about equal ratios.
    """

    edges: list[Size]
    counts: list[Natural]
    n_below: Natural
    n_beyond: Natural
    is_log: bool

    def __post_init__(self) -> None:
        """Raise ValueError if they are no bars."""
        if not self.counts or len(self.edges) != len(self.counts) + 1 or not _increase(self.edges):
            raise ValueError("edges and counts do not belong together")
        if self.is_log and not 0 < 1.001 * self.edges[0] < self.edges[-1]:
            raise ValueError("logarithmic edges lie above 0")


class Tails(msgspec.Struct, frozen=True):
    """The errors that a twentieth of all labels does not exceed (`low`), and that a twentieth exceeds or equals (`high`).

    Between them lies the majority; quantiles of errors with their sign, as exact as the bins.
    """

    low: Size
    high: Size


class Figures(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """How wrong a model is, of the predictions of one span; by `decided`, of the labels that came in it.

    Attributes:
        from_: the span that is counted, UTC epoch seconds: the one asked for, out to the slices that are kept.
        now: what time it is by `clock`; None: no truth has been read yet.
        model: empty for all together; likewise `segment`. `models` and `segments` are what can be asked for.
        n_labelled: predictions that have a label; `n_left_out` of them are too large to score, and in no figure.
        n_unmatched_pred: predictions whose label did not come within the window; `n_unmatched_true`: the other way round.
        n_late: labels that came after their prediction was given up; `n_refused`: rows that could not be used.
        maturity: the share of the labels expected within the horizon that is there.
        horizon_s: no expected figure reaches past labels of this delay.
        label_delay: of the labels expected within the horizon; by `decided`, of those that came.
        expected: None if nothing can be said, and `why` says why.
        quantiles_exact: whether p50, p90, p99 are; else they are at most 3% off, and to be shown with ≈.
        tails: of the errors; None where there is no label.
        change: the span holds a change of the model, so that its figures mix what was before and after.
        complete: no row of the span is missing; else `gaps` say which.
        reference: what the scores are to be held against; None where nothing is known, and of a segment.
    """

    axis: Axis
    from_: Time
    to: Time
    now: Time | None
    clock: Clock
    model: str
    segment: str
    models: list[str]
    segments: list[str]
    window_s: Time
    n_predictions: Natural
    n_labelled: Natural
    n_left_out: Natural
    n_unmatched_pred: Natural
    n_unmatched_true: Natural
    n_late: Natural
    n_refused: Natural
    maturity: Share | None
    horizon_s: Time | None
    so_far: SoFar
    expected: Expected | None
    why: str
    coverage: Coverage
    label_delay: LabelDelay | None
    quantiles_exact: bool
    slices: list[Slice]
    triangle: Triangle | None
    histogram: Bars | None
    signed: Bars | None
    worst: list[WorstLabel]
    dominated: list[Dominated]
    outages: list[LabelOutage]
    change: Changed | None
    gaps: list[Gap]
    marks: list[Mark]
    complete: bool
    tails: Tails | None = None
    reference: Referred | None = None

    @property
    def reaches_deadline(self) -> bool:
        """Whether predictions are old enough to speak of all labels, up to the deadline."""
        return self.horizon_s is not None and self.horizon_s >= REACHES * self.window_s

    def __post_init__(self) -> None:
        """Raise ValueError if it cannot be drawn."""
        if not _increase([part.start for part in self.slices]):
            raise ValueError("slices increase")
        if not self.so_far.keys() >= {"n", *QUANTILES, *(score.name for score in SCORES)}:
            raise ValueError("a score is missing")
        if self.expected is not None and not self.expected.keys() >= {*EXPECTED_NAMES}:
            raise ValueError("an expected score is missing")


def _increase(values: Sequence[float]) -> bool:
    return all(low < high for low, high in pairwise(values))
