"""Simulated worlds of late labels, of which the truth is known in closed form.

A prediction's error has the size exp(0.8 a), its label comes after 900 s × exp(ρ a + √(1-ρ²) b), for standard normal a
and b; with ρ > 0 the slow labels are the worse ones. 30% of the labels never come, and none after the window.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import foldnorm, norm

from streams.scores.cells import Cells
from streams.scores.cohorts import Cohorts
from streams.scores.delay import DelayBins
from streams.scores.histogram import Floats
from streams.scores.labels import Labels, cells_of_counts, cells_of_labels

WINDOW_S = 3600.0
BINS = DelayBins.of_window(WINDOW_S)
SLICE_S = 30.0
LABELLED = 0.7
MINUTE = 60.0
TRUTH_MEAN, TRUTH_DEVIATION = 10.0, 3.0
TRUTH_SIZE = float(foldnorm.mean(TRUTH_MEAN / TRUTH_DEVIATION, scale=TRUTH_DEVIATION))
"""The mean of |y_true|."""


class World(NamedTuple):
    """Predictions as columns: when each was made, how long its label takes (infinite: never), and its error's size."""

    made: Floats
    delay: Floats
    size: Floats

    def until(self, now: float) -> World:
        """Return the predictions made by then."""
        return World(*(column[self.made <= now] for column in self))


def steady(rng: np.random.Generator, minutes: float, rate: float, rho: float) -> World:
    """Return a world in which nothing ever changes; `rate` is in predictions a second."""
    n = rng.poisson(minutes * MINUTE * rate)
    a, b = rng.standard_normal((2, n))
    delay = 900 * np.exp(rho * a + math.sqrt(1 - rho * rho) * b)
    delay[(rng.random(n) > LABELLED) | (delay > WINDOW_S)] = np.inf
    return World(np.sort(rng.uniform(0, minutes * MINUTE, n)), delay, np.exp(0.8 * a))


def burst(rng: np.random.Generator, rho: float, *, rate: float) -> World:
    """Return 300 minutes in which ten times as much is predicted from minute 240 to 250."""
    calm, more = steady(rng, 300, rate, rho), steady(rng, 10, 9 * rate, rho)
    made = np.concatenate((calm.made, more.made + 240 * MINUTE))
    order = np.argsort(made)
    columns = (np.concatenate(pair) for pair in zip(calm[1:], more[1:], strict=True))
    return World(made[order], *(column[order] for column in columns))


def outage(rng: np.random.Generator, rho: float, *, rate: float) -> World:
    """Return 340 minutes in which the labels of minutes 240 to 260 all come at the end of these."""
    world = steady(rng, 340, rate, rho)
    at = world.made + world.delay
    held = (at > 240 * MINUTE) & (at < 260 * MINUTE)
    late = 260 * MINUTE + rng.uniform(0, 20, len(at)) - world.made
    return world._replace(delay=np.where(held, late, world.delay))


def changed(rng: np.random.Generator, minutes: float, rate: float, rho: float, *, at_minute: float, by: float) -> World:
    """Return a world whose errors are multiplied from one minute on."""
    world = steady(rng, minutes, rate, rho)
    return world._replace(size=np.where(world.made >= at_minute * MINUTE, world.size * by, world.size))


def true_coverage(horizon_s: float) -> float:
    """Return the share of predictions that get a label within so long."""
    return LABELLED * float(norm.cdf(math.log(horizon_s / 900)))


def true_moment(power: float, horizon_s: float, rho: float) -> float:
    """Return the mean of the error's size to a power, over the predictions labelled within so long."""
    end, slope = math.log(horizon_s / 900), 0.8 * power
    return math.exp(slope**2 / 2) * float(norm.cdf(end - slope * rho) / norm.cdf(end))


def true_scores(horizon_s: float, rho: float) -> dict[str, float]:
    """Return the scores of all predictions labelled within so long."""
    mean_square = true_moment(2, horizon_s, rho)
    return {
        "mae": true_moment(1, horizon_s, rho),
        "rmse": math.sqrt(mean_square),
        "bias": 0.0,
        "r2": 1 - mean_square / TRUTH_DEVIATION**2,
        "wape": 100 * true_moment(1, horizon_s, rho) / TRUTH_SIZE,
        "slope": 1.0,
    }


def cells(
    rng: np.random.Generator, world: World, now: float, *, bins: DelayBins = BINS, width_s: float = SLICE_S
) -> Cells:
    """Return the cells of a world as it is known at a time, in seconds since its beginning."""
    world = world.until(now)
    seen = world.made + world.delay <= now
    n = int(seen.sum())
    truth = TRUTH_MEAN + TRUTH_DEVIATION * rng.standard_normal(n)
    prediction = truth + world.size[seen] * rng.choice((-1, 1), n)
    labels = Labels([""] * n, world.made[seen], world.delay[seen], truth, prediction)
    return Cells.merge(
        [
            cells_of_counts(
                "n_predictions", world.made, np.zeros(len(world.made), np.int64), width_s=width_s, bins=bins
            ),
            cells_of_labels(labels, np.zeros(n, np.int64), width_s=width_s, bins=bins),
        ]
    )


def cohorts(rng: np.random.Generator, world: World, now: float, *, bins: DelayBins = BINS) -> Cohorts:
    """Return the slices of a world as it is known at a time."""
    return Cohorts.of(cells(rng, world, now, bins=bins), bins)
