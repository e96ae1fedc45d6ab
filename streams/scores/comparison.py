"""Two models on the same ids: is the second better, and may one stop now? What the page, the API and the command `compare` say.

Only slices of prediction time count that are mature: whose window is over, so that no label of theirs is still to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from streams.scores.compared_segments import ComparedSegments
from streams.scores.figures import Gap
from streams.scores.numbers import number
from streams.scores.pair_slices import LOSSES, PairSlices
from streams.scores.paired import MIN_SLICES, interval, paired
from streams.wire.checked import Finite, Natural, Time

Verdict = Literal["better", "worse", "open", "cannot tell"]
MOST_LOOKS = 120


class Counted(NamedTuple):
    """Predictions of one model in the mature slices, and how many of them have a label."""

    n_predictions: int
    n_labelled: int


class LossCompared(msgspec.Struct, frozen=True):
    """One loss: its mean of each model over the same ids, and the first's less the second's; above 0, the second is better.

    `low` and `high` are the ends of a 95% interval that may be looked at at any time; None: open on that side.
    """

    loss: str
    first: Finite
    second: Finite
    difference: Finite
    low: Finite | None
    high: Finite | None
    verdict: Verdict


class Look(msgspec.Struct, frozen=True):
    """The difference of the first loss as all ids predicted before `at` have it, and its interval."""

    at: Time
    difference: Finite
    low: Finite | None
    high: Finite | None


class Comparison(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """Two models compared on the ids that both predicted and whose truth came.

    Attributes:
        models: those that can be compared.
        from_: when the first pair was predicted; `mature_to`: until when all labels are there, or never will be.
        n_pairs: ids that count, in `n_slices` slices of prediction time; `n_immature` more are too young.
        n_only_first: ids with a truth that the second lacks, of mature slices; `n_only_second`: the other way round.
        n_unlabelled: predictions of the first in mature slices whose truth never came.
        verdict: whether the second is better, by the first of `losses`; `sentence` says it in words.
        n_more: about how many ids more will decide, if the difference stays; `more_s`: how long that takes at this traffic, in
            seconds; None: very many, or it is decided.
        complete: no row of the span is missing; else `gaps` say which.
        by_segment: the same by the segments of the key that was asked for; None: none was, or no tags are counted.
    """

    first: str
    second: str
    models: list[str]
    verdict: Verdict
    sentence: str
    now: Time | None
    from_: Time | None
    mature_to: Time | None
    n_pairs: Natural
    n_slices: Natural
    n_immature: Natural
    n_predictions_first: Natural
    n_predictions_second: Natural
    n_only_first: Natural
    n_only_second: Natural
    n_unlabelled: Natural
    n_more: Natural | None
    more_s: Time | None
    losses: list[LossCompared]
    looks: list[Look]
    gaps: list[Gap]
    complete: bool
    by_segment: ComparedSegments | None


class Kept(NamedTuple):
    """What is kept of two models; `counted` and `gaps` are of the mature slices."""

    first: str
    second: str
    models: list[str]
    slices: PairSlices
    now: float | None
    mature_to: float | None
    counted: tuple[Counted, Counted]
    gaps: list[Gap]
    by_segment: ComparedSegments | None = None


def compare(kept: Kept) -> Comparison:
    """Compare two models."""
    slices = kept.slices
    mature = slices.before(kept.mature_to)
    n, n_immature = int(mature.n.sum()), int(slices.n.sum() - mature.n.sum())
    found = paired(mature.first[:, 0] - mature.second[:, 0], mature.n)
    losses = [_loss(name, mature, i) for i, name in enumerate(LOSSES)] if n else []
    verdict: Verdict = "cannot tell" if found is None else found.verdict
    n_more = found.n_more if found is not None and found.verdict == "open" else None
    first, second = kept.counted
    return Comparison(
        first=kept.first,
        second=kept.second,
        models=kept.models,
        verdict=verdict,
        sentence=_sentence(kept, verdict, losses, n, len(mature.n), n_immature, n_more),
        now=kept.now,
        from_=float(slices.start[0]) if len(slices.n) else None,
        mature_to=kept.mature_to,
        n_pairs=n,
        n_slices=len(mature.n),
        n_immature=n_immature,
        n_predictions_first=first.n_predictions,
        n_predictions_second=second.n_predictions,
        n_only_first=max(0, first.n_labelled - n),
        n_only_second=max(0, second.n_labelled - n),
        n_unlabelled=max(0, first.n_predictions - first.n_labelled),
        n_more=n_more,
        more_s=None if n_more is None or not n else n_more * _length_s(mature) / n,
        losses=losses,
        looks=_looks(mature),
        gaps=kept.gaps,
        complete=not kept.gaps,
        by_segment=kept.by_segment,
    )


def _length_s(slices: PairSlices) -> float:
    return float(slices.start[-1] + slices.width[-1] - slices.start[0])


def _loss(name: str, slices: PairSlices, i: int) -> LossCompared:
    n = int(slices.n.sum())
    first, second = float(slices.first[:, i].sum() / n), float(slices.second[:, i].sum() / n)
    found = paired(slices.first[:, i] - slices.second[:, i], slices.n)
    if found is None:
        return LossCompared(name, first, second, first - second, None, None, "cannot tell")
    value, low, high = found.difference
    return LossCompared(name, first, second, value, low, high, found.verdict)


def _looks(slices: PairSlices) -> list[Look]:
    """Return the interval as it was after some of the slices, the last one among them."""
    sums, n_slices = slices.first[:, 0] - slices.second[:, 0], len(slices.n)
    ends = np.unique(np.linspace(2, n_slices, MOST_LOOKS).astype(int)) if n_slices >= 2 else np.array([], int)
    looks = []
    for end in ends:
        value, low, high = interval(sums[:end], slices.n[:end])
        looks.append(Look(float(slices.start[end - 1] + slices.width[end - 1]), value, low, high))
    return looks


def _sentence(
    kept: Kept,
    verdict: Verdict,
    losses: Sequence[LossCompared],
    n: int,
    n_slices: int,
    n_immature: int,
    n_more: int | None,
) -> str:
    if not losses:
        return f"Cannot tell: {_why_nothing(kept, n_immature)}."
    by = losses[0]
    size = number(abs(by.difference))
    share = f" ({abs(by.difference) / by.first:.1%})" if by.first > 0 else ""
    errs = f"{kept.second} errs {size} {'less' if by.difference >= 0 else 'more'} an id{share} than {kept.first}"
    if verdict == "cannot tell":
        return f"Cannot tell: all {n:,} ids are of one slice of time so far. {errs}."
    low, high = ("open" if end is None else number(end, signed=True) for end in (by.low, by.high))
    between = f"interval {low} to {high}"
    if verdict != "open":
        return f"{verdict.capitalize()}: {errs}; {between}."
    if n_slices < MIN_SLICES:
        return (
            f"Open: {errs}, but nothing is decided before {MIN_SLICES} slices of time are mature; there are {n_slices}."
        )
    more = (
        f"if it stays so, about {_about(n_more)} ids more will tell"
        if n_more is not None
        else "very many ids more would be needed"
    )
    return f"Open: {errs}, but the {between} still holds 0; {more}."


def _why_nothing(kept: Kept, n_immature: int) -> str:
    missing = [name for name in (kept.first, kept.second) if name not in kept.models]
    if missing:
        known = (
            f"there are {', '.join(kept.models)}"
            if kept.models
            else "no model has been joined by its name yet (HINDSIGHT_MODELS lists those that are)"
        )
        return f"no prediction of {' or '.join(missing)} is known; {known}"
    if n_immature:
        return (
            f"{n_immature:,} ids have both predictions and a truth, but are too young: a slice counts once no label of it is "
            "still to come"
        )
    return "no id has both predictions and a truth; pairs are of the first of HINDSIGHT_MODELS and each other one"


def _about(n: int) -> str:
    """Return a number of ids as well as it is known: to two digits."""
    return f"{round(n, 2 - len(str(n))):,}"


def nothing(first: str, second: str) -> Comparison:
    """Return the comparison while nothing has come yet."""
    none = np.zeros(0)
    slices = PairSlices(none, none, none.astype(np.int64), np.zeros((0, 2)), np.zeros((0, 2)))
    return compare(Kept(first, second, [], slices, None, None, (Counted(0, 0), Counted(0, 0)), []))
