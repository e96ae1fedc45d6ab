"""What the scores will be of all predictions that get a label, while the slow labels are still on their way.

Kaplan and Meier's estimator (1958) gives the share of predictions that get a label within each delay, from slices of
prediction time that are old enough for it; each bin of delay then counts by its share, not by what is there so far.
Censoring is by age alone, which is known. It cannot see labels that never come because of the error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

import numpy as np

from streams.scores.cells import means
from streams.scores.cohorts import Cohorts
from streams.scores.delay import Ints
from streams.scores.estimate import Estimate, Z, jackknife_deviation, t_quantile
from streams.scores.histogram import Floats
from streams.scores.losses import LOSSES
from streams.scores.metrics import SCORES, Moments, Score
from streams.scores.wording import length

MIN_PREDICTIONS = 50
"""Predictions that must be older than a bin's end, or no figure reaches past it."""
MIN_LABELS = 30
"""Of fewer labels, the spread says nothing about how sure a figure is."""
N_GROUPS = 20
_SQUARES = {loss.name: f"{loss.name}_squares" for loss in LOSSES} | {"error": "squared"}


class Expected(NamedTuple):
    """What is expected of all predictions of a span that get a label within `horizon_s` of their time.

    `coverage` is the share of predictions that do, `curve` that share by the end of each bin up to the horizon, shape
    (K,). `scores` are by name; None where there is none. With a horizon of None nothing can be said, and `why` says
    why not.
    """

    n_predictions: int
    n_labels: int
    horizon_s: float | None
    coverage: Estimate | None
    curve: Floats
    scores: Mapping[str, Estimate | None]
    why: str

    @property
    def n_expected(self) -> float | None:
        """Labels that all predictions of the span will have within the horizon, those that are there included."""
        return None if self.coverage is None else self.coverage.value * self.n_predictions


def so_far(cohorts: Cohorts) -> dict[str, float | None]:
    """Return the scores of the labels that are there, each label counting the same."""
    n = np.maximum(cohorts.n.sum(), 1)
    moments = {name: np.asarray(column.sum() / n) for name, column in cohorts.columns.items()}
    return {score.name: _or_none(score.of(moments)) if cohorts.n.any() else None for score in SCORES}


def expected(cohorts: Cohorts, now: float) -> Expected:
    """Correct the scores of a span for labels that are not there yet.

    Args:
        now: what time it is, by the clock that the delays were read from; UTC epoch seconds.
    """
    n_predictions, n_labels = int(cohorts.n_predictions.sum()), int(cohorts.n.sum())
    delays = _Delays.of(cohorts, now)
    horizon_s = float(cohorts.ends[delays.n_bins - 1]) if delays.n_bins else 0.0
    if horizon_s <= 0:  # bin 0 alone knows nothing of labels that take time
        why = f"fewer than {MIN_PREDICTIONS} predictions are old enough to say anything"
        return Expected(n_predictions, n_labels, None, None, np.zeros(0), {}, why)
    curve = np.cumsum(delays.share[0])
    coverage = delays.estimate(delays.share.sum(axis=1), delays.deviation(np.ones(delays.n_bins)))
    if not delays.came[0].any():
        why = f"no prediction has got its label within {length(horizon_s)}"
        return Expected(n_predictions, n_labels, horizon_s, coverage, curve, {}, why)
    scores = _scores(cohorts.matured(now), delays)
    return Expected(n_predictions, n_labels, horizon_s, coverage, curve, scores, "")


class _Delays(NamedTuple):
    """When labels come, by bin up to the horizon: once from all slices, then without each of the groups; (1 + G, K).

    `weight` are the groups' predictions, shape (G,).
    """

    weight: Floats
    at_risk: Floats
    came: Floats
    hazard: Floats
    share: Floats

    @classmethod
    def of(cls, cohorts: Cohorts, now: float) -> Self:
        mature = cohorts.mature(now)
        old = np.where(mature, cohorts.n_predictions[:, None], 0)
        n_bins = _reach(old)
        labelled_before = np.cumsum(cohorts.n, axis=1) - cohorts.n
        at_risk = _without_each(np.where(mature, old - labelled_before, 0))[:, :n_bins]
        came = _without_each(np.where(mature, cohorts.n, 0))[:, :n_bins]
        hazard = np.minimum(means(came, at_risk), 1.0)  # more labels than predictions: rows are missing
        return cls(_by_group(cohorts.n_predictions), at_risk, came, hazard, hazard * _survival(hazard))

    @property
    def n_bins(self) -> int:
        return len(self.share[0])

    def deviation(self, weight: Floats) -> float:
        """Return the standard deviation of the sum of share × weight, if predictions are independent (Greenwood 1926)."""
        at_risk, hazard, share = self.at_risk[0], self.hazard[0], self.share[0]
        later = np.cumsum((share * weight)[::-1])[::-1] - share * weight
        gradient = _survival(hazard) * weight - means(later, 1 - hazard)
        return float(np.sqrt((np.square(gradient) * means(hazard * (1 - hazard), at_risk)).sum()))

    def estimate(self, values: Floats, deviation: float) -> Estimate | None:
        """Return the first value, which is that of all slices; its interval the wider of two: from the others, or as given."""
        if not np.isfinite(values[0]):
            return None
        if self.came[0].sum() < MIN_LABELS:
            return Estimate(float(values[0]))
        spread = float(jackknife_deviation(values[:1], values[None, 1:], self.weight)[0])
        n_groups = int(np.count_nonzero(self.weight))
        return Estimate.around(float(values[0]), max(t_quantile(n_groups) * spread, Z * deviation))


def _reach(old: Ints) -> int:
    """Return for how many bins, from the first, enough predictions are old enough, in two groups at least."""
    in_two_groups = np.count_nonzero(_by_group(old), axis=0) >= 2
    enough = in_two_groups & (old.sum(axis=0) >= MIN_PREDICTIONS)
    return int(np.logical_and.accumulate(enough).sum())


def _survival(hazard: Floats) -> Floats:
    """Return the share of predictions that has no label before each bin."""
    shifted = np.concatenate((np.zeros_like(hazard[..., :1]), hazard[..., :-1]), axis=-1)
    return np.asarray(np.cumprod(1 - shifted, axis=-1), np.float64)


def _by_group(values: Floats | Ints) -> Floats:
    """Return the sums over the slices of each group; every slice is of another group than the one before."""
    rounds = -(-len(values) // N_GROUPS)
    padded = np.zeros((rounds * N_GROUPS, *values.shape[1:]))
    padded[: len(values)] = values
    sums: Floats = padded.reshape(rounds, N_GROUPS, *values.shape[1:]).sum(axis=0)
    return sums


def _without_each(values: Floats | Ints) -> Floats:
    """Return the sums over slices, once of all and then of all but each group."""
    sums = _by_group(values)
    whole = sums.sum(axis=0, keepdims=True)
    return np.concatenate((whole, whole - sums))


def _scores(matured: Cohorts, delays: _Delays) -> dict[str, Estimate | None]:
    whole = delays.share.sum(axis=1, keepdims=True)
    part = np.divide(delays.share, whole, out=np.full_like(delays.share, np.nan), where=whole > 0)
    by_bin = {
        name: means(_without_each(column)[:, : delays.n_bins], delays.came) for name, column in matured.columns.items()
    }
    moments = {name: (part * mean).sum(axis=1) for name, mean in by_bin.items()}
    scores: dict[str, Estimate | None] = {}
    for score in SCORES:
        deviation = 0.0
        if score.column:
            mean, squares = by_bin[score.column][0], by_bin[_SQUARES[score.column]][0]
            of_labels = np.square(part[0]) * means(np.maximum(squares - np.square(mean), 0), delays.came[0])
            of_delays = delays.deviation((mean - moments[score.column][0]) / delays.share[0].sum())
            deviation = _passed_on(score, moments, np.hypot(np.sqrt(of_labels.sum()), of_delays))
        scores[score.name] = delays.estimate(score.of(moments), deviation)
    return scores


def _passed_on(score: Score, moments: Moments, deviation: float) -> float:
    """Return the standard deviation of a score whose own moment has this one."""
    whole = {name: moment[:1] for name, moment in moments.items()}
    ends = [score.of(whole | {score.column: whole[score.column] + step}) for step in (deviation, -deviation)]
    return float(np.abs(ends[0] - ends[1])[0] / 2)


def _or_none(value: Floats) -> float | None:
    return float(value) if np.isfinite(value) else None
