"""Which segments the loss is in, and why it changed between two spans: other rows, or another error on the same ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from streams.scores.answer import label_delay
from streams.scores.cells import Cells
from streams.scores.cohorts import Cohorts
from streams.scores.delay import Clock, DelayBins
from streams.scores.figures import Gap
from streams.scores.histogram import Floats
from streams.scores.maturity import Expected, expected, so_far
from streams.scores.mix import split
from streams.wire.checked import Natural, Share, Size, Time

MOSTLY = 0.75
"""A change of which one part makes this share or more is that part's."""


class Segment(msgspec.Struct, frozen=True):
    """One segment in a span, or all of a key together.

    Attributes:
        name: as it can be asked for, such as country:DE; its `value` is empty for predictions without the tag.
        share_of_predictions: of those of the key; `share_of_loss`: of the absolute errors of its labels so far.
        mae: so far; `mae_expected`: of all, with its interval; None where nothing can be said, and `why` says why.
        coverage: the share of predictions that have a label; `coverage_final`: that will. None where predictions are not
            counted when they come.
        maturity: the share of the labels expected that is there; `delay_p50`: half of all labels come within, seconds.
    """

    name: str
    value: str
    n_predictions: Natural
    n_labelled: Natural
    share_of_predictions: Share | None
    share_of_loss: Share | None
    mae: Size | None
    bias: Size | None
    mae_expected: Size | None
    mae_low: Size | None
    mae_high: Size | None
    coverage: Share | None
    coverage_final: Share | None
    maturity: Share | None
    delay_p50: Time | None
    horizon_s: Time | None
    why: str


class Part(msgspec.Struct, frozen=True):
    """What one segment adds to a change: since its share changed (`mix`), and since its own error did (`model`)."""

    name: str
    value: str
    mix: Size
    model: Size


class Change(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """How the mean absolute error changed against a span before, split exactly: `mae` - `mae_before` = `mix` + `model`.

    Attributes:
        basis: what is compared: `expected` errors, or those of labels `so far`, where not every segment has the first.
        says: `mix`, `model`, `both`, or `none` where the change is not beyond chance or there is nothing to compare.
        parts: of each segment, the one that adds most first.
    """

    from_: Time
    to: Time
    basis: str
    mae_before: Size | None
    mae: Size | None
    mix: Size | None
    model: Size | None
    says: str
    sentence: str
    parts: list[Part]


class Breakdown(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The segments of one key in a span, those with the largest share of the loss first.

    Attributes:
        key: what they are by; `keys` are what can be asked for, tags first.
        total: all together. `since`: from when on segments of this key are counted, UTC epoch seconds; 0: always.
        of_truths: truths brought tags of this key that their predictions did not have: nothing is corrected.
        n_other: tags of all keys that came as `other`, since there were too many to tell apart, of all time.
        n_bad_tags: tags that could not be used, of all time.
        n_sampled: labels that are in while their bins of size are not known yet, which `n_needed` labels tell; then they
            count. 0 for other keys, and once the bins are known.
        gaps: rows that are missing, and why.
    """

    key: str
    keys: list[str]
    from_: Time
    to: Time
    now: Time | None
    clock: Clock
    model: str
    models: list[str]
    segments: list[Segment]
    total: Segment
    change: Change
    since: Time
    of_truths: bool
    n_other: Natural
    n_bad_tags: Natural
    n_sampled: Natural
    n_needed: Natural
    gaps: list[Gap]


class Span(NamedTuple):
    """The cells of each segment of a key in a span, by name, and the span's ends; UTC epoch seconds."""

    cells: Mapping[str, Cells]
    start: float
    end: float


class _Figures(NamedTuple):
    cells: Cells
    so_far: dict[str, float | None]
    expected: Expected | None

    @property
    def n_labels(self) -> int:
        return int(self.cells.n.sum())

    @property
    def mae(self) -> tuple[float | None, float | None, float | None]:
        found = self.expected.scores.get("mae") if self.expected else None
        return (found.value, found.low, found.high) if found else (None, None, None)


def segments(span: Span, bins: DelayBins, now: float | None, why: str) -> tuple[list[Segment], Segment]:
    """Return the figures of each segment of a span, and of all together.

    Args:
        bins: of the cells.
        now: what time it is by the clock of the delays; None: not known.
        why: why nothing can be corrected; empty if it can.
    """
    whole = _figures(Cells.together(span.cells.values(), len(bins.ends)), bins, now, why)
    loss, n = float(whole.cells.sum_of("absolute").sum()), int(whole.cells.count_of("n_predictions").sum())
    found = [
        _segment(name, _figures(cells, bins, now, why), bins, loss, n, why)
        for name, cells in span.cells.items()
        if cells.counts.any() or cells.n.any()
    ]
    found.sort(key=lambda each: (each.share_of_loss or 0.0, each.n_predictions, each.name), reverse=True)
    return found, _segment("", whole, bins, loss, n, why)


def change(before: Span, span: Span, bins: DelayBins, now: float | None, why: str) -> Change:
    """Explain how the mean absolute error changed from one span to another.

    Args:
        bins, now, why: as for `segments`.
    """
    names = sorted({*before.cells, *span.cells})
    sides = [
        [_figures(each.cells.get(name, Cells.none(len(bins.ends))), bins, now, why) for name in names]
        for each in (before, span)
    ]
    is_expected = all(one.mae[0] is not None or not one.n_labels for side in sides for one in side)
    weights, losses = zip(*(_means(side, is_expected=is_expected) for side in sides), strict=True)
    basis = "expected" if is_expected else "so far"
    if not all(weight.sum() > 0 for weight in weights):
        which = "in the span before" if not weights[0].sum() else "in this span"
        said = f"There is no label {which}: nothing can be compared."
        return Change(before.start, before.end, basis, None, None, None, None, "none", said, [])
    parts = split(weights[0], losses[0], weights[1], losses[1])
    mix, model = float(parts.mix.sum()), float(parts.model.sum())
    means = [
        float((weight * np.nan_to_num(loss)).sum() / weight.sum()) for weight, loss in zip(weights, losses, strict=True)
    ]
    is_chance = is_expected and _overlap(before, span, bins, now)
    says = "none" if is_chance else _says(mix, model)
    found = [
        Part(*item) for item in zip(names, map(_value, names), parts.mix.tolist(), parts.model.tolist(), strict=True)
    ]
    found = sorted((part for part in found if part.mix or part.model), key=lambda part: -abs(part.mix + part.model))
    sentence = _SENTENCES[says]
    return Change(before.start, before.end, basis, means[0], means[1], mix, model, says, sentence, found)


_SENTENCES = {
    "none": "The change is not beyond chance.",
    "mix": "It is the mix, not the model: other segments came.",
    "model": "It is the model, not the mix: its error within segments changed.",
    "both": "It is both: other segments came, and the error within them changed.",
}


def _says(mix: float, model: float) -> str:
    whole = mix + model
    if not whole:
        return "none"
    if mix / whole >= MOSTLY:
        return "mix"
    return "model" if model / whole >= MOSTLY else "both"


def _overlap(before: Span, span: Span, bins: DelayBins, now: float | None) -> bool:
    """Tell whether the intervals of both spans, all segments together, have a value in common."""
    ends = [
        _figures(Cells.together(each.cells.values(), len(bins.ends)), bins, now, "").mae[1:] for each in (before, span)
    ]
    (low, high), (other_low, other_high) = ends
    if low is None or high is None or other_low is None or other_high is None:
        return False
    return low <= other_high and other_low <= high


def _means(side: Sequence[_Figures], *, is_expected: bool) -> tuple[Floats, Floats]:
    """Return of each segment how many labels it has, or will have, and their mean loss; NaN where there is none."""
    if is_expected:
        weight = [(one.expected.n_expected or 0.0) if one.expected and one.mae[0] is not None else 0.0 for one in side]
        loss = [one.mae[0] for one in side]
    else:
        weight, loss = [float(one.n_labels) for one in side], [one.so_far["mae"] for one in side]
    return np.array(weight, np.float64), np.array([np.nan if mean is None else mean for mean in loss])


def _figures(cells: Cells, bins: DelayBins, now: float | None, why: str) -> _Figures:
    cohorts = Cohorts.of(cells, bins)
    return _Figures(cells, so_far(cohorts), expected(cohorts, now) if now is not None and not why else None)


def _segment(name: str, found: _Figures, bins: DelayBins, loss: float, n_all: int, why: str) -> Segment:
    cells, of_all = found.cells, found.expected
    n_predictions = int(cells.count_of("n_predictions").sum())
    n_labelled = found.n_labels + int(cells.count_of("n_left_out").sum())
    mae, low, high = found.mae
    final = None if of_all is None or of_all.coverage is None else min(1.0, max(0.0, of_all.coverage.value))
    upto = of_all.curve if of_all is not None and len(of_all.curve) else np.cumsum(cells.n.sum(axis=0))
    delay = None if why else label_delay(upto, bins.ends)
    more: dict[str, Any] = {
        "share_of_predictions": min(1.0, n_predictions / n_all) if n_all else None,
        "share_of_loss": min(1.0, float(cells.sum_of("absolute").sum()) / loss) if loss > 0 else None,
        "coverage": min(1.0, n_labelled / n_predictions) if n_predictions and not why else None,
        "coverage_final": final,
        "maturity": min(1.0, n_labelled / of_all.n_expected) if of_all is not None and of_all.n_expected else None,
        "delay_p50": None if delay is None else delay.p50,
        "horizon_s": None if of_all is None else of_all.horizon_s,
        "why": why or (of_all.why if of_all is not None else ""),
    }
    return Segment(
        name=name,
        value=_value(name),
        n_predictions=n_predictions,
        n_labelled=n_labelled,
        mae=found.so_far["mae"],
        bias=found.so_far["bias"],
        mae_expected=mae,
        mae_low=low,
        mae_high=high,
        **more,
    )


def _value(name: str) -> str:
    return name.partition(":")[2]
