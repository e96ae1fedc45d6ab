"""One sentence on how the model does: against its reference, and only as sure as the figures are. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from streams.scores.equal_delays import Ratio
from streams.scores.figures import Figures
from streams.scores.numbers import number
from streams.scores.watch import Watch

_MOST = 100_000_000
"""Evidence is said as a number up to here: it grows beyond all bounds while an alarm stands."""
WIDE = 0.25
"""An interval that reaches farther than this to either side, in multiples of the reference, tells nothing as usual."""
NO_DELAYS = " The reference shown is the model's card, which knows no label delays."
Word = Literal["alarm", "worse", "better", "as usual", "cannot tell"]


class Verdict(msgspec.Struct, frozen=True):
    """How the model does; `evidence` says on what that rests, empty where nothing can be told."""

    word: Word
    sentence: str
    evidence: str = ""


def verdict(figures: Figures, ratio: Ratio | None, watch: Watch | None, why: str) -> Verdict:
    """Return the verdict on the span of some figures.

    Args:
        ratio: of MAE by the reference at equal delays, None if it is not known; `why` says why.
        watch: the evidence of the alarm, None if there is none yet.
    """
    labels = _labels_in(figures)
    if not figures.n_labelled:
        return Verdict("cannot tell", "Nothing can be said of the error yet: no label has come.")
    if is_away(figures):
        return Verdict(
            "cannot tell", "No label comes, while predictions do: nothing can be said of the error now.", labels
        )
    if watch is not None and watch.share >= 1:
        rise = "" if ratio is None else f": MAE is {_times(ratio)} the reference at equal label delays"
        since = figures.change.at if figures.change else watch.onset
        sentence = f"Alarm{rise}, since {datetime.fromtimestamp(since, UTC):%H:%M} UTC."
        return Verdict("alarm", sentence, f"{_evidence(watch)}; {labels}")
    if ratio is None or ratio.estimate.low is None or ratio.estimate.high is None:
        known = why or "too few labels to compare"
        shown = NO_DELAYS if figures.reference is not None and figures.reference.chosen == "card" else ""
        return Verdict("cannot tell", f"Whether the error is as usual cannot be told: {known}.{shown}", labels)
    evidence = "; ".join(part for part in (_evidence(watch), f"{ratio.n:,} labels compared", labels) if part)
    if ratio.estimate.low > 1:
        return Verdict(
            "worse", f"Worse: MAE is {_times(ratio)} the reference at equal label delays; no alarm.", evidence
        )
    if ratio.estimate.high < 1:
        return Verdict("better", f"Better: MAE is {_times(ratio)} the reference at equal label delays.", evidence)
    if ratio.estimate.high - ratio.estimate.low > 2 * WIDE:
        said = f"MAE is {_times(ratio)} the reference at equal label delays: too wide to tell."
        return Verdict("cannot tell", f"Whether the error is as usual cannot be told yet. {said}", evidence)
    return Verdict("as usual", f"As good as the reference: MAE is {_times(ratio)}, no real difference.", evidence)


def is_away(figures: Figures) -> bool:
    """Tell whether no label comes now, while predictions do, or what was held back is in only now."""
    bar_s = figures.slices[-1].width_s if figures.slices else 0.0
    return bool(figures.outages) and figures.outages[-1].end >= figures.to - 2 * bar_s


def _times(ratio: Ratio) -> str:
    value, low, high = ratio.estimate
    interval = "" if low is None or high is None else f" ({number(low)} to {number(high)})"
    return f"{number(value)}{interval} ×"


def _evidence(watch: Watch | None) -> str:
    """Return the alarm's evidence by what it takes."""
    if watch is None:
        return ""
    level = float(watch.detector.level)
    said = f"{level:,.0f}" if level < _MOST else f"more than {_MOST:,}"
    return f"evidence {said} of {watch.needed:,.0f}"


def _labels_in(figures: Figures) -> str:
    if figures.maturity is None:
        return f"{figures.n_labelled:,} labels"
    return f"{figures.maturity:.0%} of the labels to be expected are in"
