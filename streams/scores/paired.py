"""Is the other model better? An interval for the mean difference of two models' losses that may be looked at any time.

Robbins' normal mixture (Robbins 1970; Howard, Ramdas, McAuliffe, Sekhon: Time-uniform, nonparametric, nonasymptotic
confidence sequences, 2021), asymptotic in the sense of Waudby-Smith et al. (2024). The unit is the slice of prediction
time, since rows of one slice depend on each other; slices must be mature, since who answers fast labels well need not
answer slow ones well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from streams.scores.cells import means
from streams.scores.delay import Ints
from streams.scores.estimate import Estimate
from streams.scores.histogram import Floats

ALPHA = 0.05
"""How often it may ever decide although the models are equally good."""
MIN_SLICES = 20
_BEST_AT = 30
"""The interval is narrowest, for what can be known by then, at so many slices."""
_BENT = 4.0
_BY_CHANCE = 0.7
"""How much more skewness there is than a few slices show, and how much they show by chance, in standard errors. Chosen
so that log-normal losses (σ = 1.5, skewness 33) are decided wrongly in 3 of 100 runs, and normal ones as fast as without.
"""
_FURTHEST = 1 << 20


class Paired(NamedTuple):
    """The mean of loss(reference) - loss(other) over ids that both have; above 0, the other model is better.

    `n_more` is about how many ids more it takes to decide, if the difference stays what it is; None: very many.
    """

    difference: Estimate
    n: int
    n_slices: int
    verdict: Literal["better", "worse", "open"]
    n_more: int | None


def paired(sums: Floats, n: Ints, alpha: float = ALPHA, min_slices: int = MIN_SLICES) -> Paired | None:
    """Compare two models; None if there are fewer than two slices.

    Args:
        sums: of each mature slice, the sum of loss(reference) - loss(other) over its ids.
        n: how many ids that is, for each slice.
        alpha: how often it may ever decide although the models are equally good.
        min_slices: before so many, nothing is decided.
    """
    sums, n = sums[n > 0], n[n > 0]
    n_slices = len(n)
    if n_slices < 2:
        return None
    total = int(n.sum())
    mean, reach = _reach(sums, n, alpha)
    difference = interval(sums, n, alpha)
    if (reach(-1, n_slices) < mean or reach(1, n_slices) < -mean) and n_slices >= min_slices:
        return Paired(difference, total, n_slices, "better" if mean > 0 else "worse", 0)
    needed = _slices_needed(lambda slices: reach(0, slices) < abs(mean), n_slices, min_slices)
    n_more = None if needed is None else round((needed - n_slices) * total / n_slices)
    return Paired(difference, total, n_slices, "open", n_more)


def interval(sums: Floats, n: Ints, alpha: float = ALPHA) -> Estimate:
    """Return the mean difference and its interval, from two slices or more, each with an id at least."""
    mean, reach = _reach(sums, n, alpha)
    below, above = reach(-1, len(n)), reach(1, len(n))
    return Estimate(
        mean, mean - below if math.isfinite(below) else None, mean + above if math.isfinite(above) else None
    )


def _reach(sums: Floats, n: Ints, alpha: float) -> tuple[float, Callable[[float, int], float]]:
    """Return the mean difference, and what tells how far its interval reaches after so many slices, see `reaches`."""
    n_slices, total = len(n), int(n.sum())
    mean = float(sums.sum() / total)
    excess = sums - mean * n
    square, cube = float(np.square(excess).mean()), float((excess**3).mean())

    def reach(skewed: float, slices: int) -> float:
        far = float(reaches(np.array(slices), np.array(square), skewed * np.array(cube), alpha))
        return far * n_slices / total

    return mean, reach


def reaches(n_slices: Ints, square: Floats, cube: Floats, alpha: float = ALPHA) -> Floats:
    """Return how far above a mean over slices its interval reaches, in sums a slice; with -cube, how far below.

    Where the sums have a long tail on that side the bound is pushed out (Johnson: Modified t Tests and Confidence
    Intervals for Asymmetrical Populations, 1978), as far as symmetrical slices would not show the same by chance.

    Args:
        n_slices: from how many slices, two or more.
        square: mean square of what a slice's sum exceeds the usual; `cube`: its mean cube.
    """
    log = -2 * math.log(alpha)
    ahead = _BEST_AT / (log + math.log(log + 1))
    bound = np.sqrt((1 + ahead / n_slices) * (np.log1p(n_slices / ahead) + log))
    skewness = means(cube, square**1.5) - _BY_CHANCE * np.sqrt(6 / n_slices)
    bend = _BENT * np.maximum(0, skewness) / np.sqrt(n_slices)
    bound = bound + bend / 6
    inside = 1 - 4 * bend / 3 * bound
    bent = np.where(inside >= 0, 2 * bound / (1 + np.sqrt(np.maximum(inside, 0))), np.inf)
    return np.where(square > 0, bent, 0.0) * np.sqrt(square / (n_slices - 1))


def _slices_needed(decides: Callable[[int], bool], n_slices: int, min_slices: int) -> int | None:
    """Return from how many slices on it decides, None if that is more than anybody will wait for."""
    low, high = max(n_slices, min_slices - 1), 2 * max(n_slices, min_slices)
    while not decides(high):
        low, high = high, 2 * high
        if high > _FURTHEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
