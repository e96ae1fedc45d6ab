"""Figures of errors of every shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.scores.answer import figures
from streams.scores.figures import Figures
from streams.scores.histogram import Floats
from tests.unit.streams.scores.test_answer import kept, of_labels

random = np.random.default_rng(3)


def figures_of(
    errors: Sequence[float] | Floats, more_true: Sequence[float] = (), more_pred: Sequence[float] = ()
) -> Figures:
    """Return the figures of errors of a truth of 0, and of further pairs."""
    y_true, y_pred = [*np.zeros(len(errors)), *more_true], [*errors, *more_pred]
    return figures(kept(of_labels([60.0 * (i % 60) for i in range(len(y_true))], y_true, y_pred)))


SHAPES = {
    "nothing": figures_of([]),
    "one pair": figures_of([42.5]),
    "two far apart": figures_of([3.0, 500.0]),
    "exact": figures_of(np.zeros(50)),
    "mostly exact": figures_of([0.0] * 99 + [1.0]),
    "all equal": figures_of(np.full(500, -7.3)),
    "normal": figures_of(random.normal(1.3, 52, 30_000)),
    "biased": figures_of(1000 + random.normal(0, 1, 4000)),
    "an outlier": figures_of(np.append(random.normal(0, 50, 5000), 1e9)),
    "heavy tails": figures_of(np.exp(random.normal(0, 4, 20_000))),
    "tiny": figures_of(random.normal(0, 1e-6, 3000)),
    "huge": figures_of(random.normal(0, 1e60, 3000)),
    "left out": figures_of([], [1.0, 1e300], [2.0, -1e300]),
}
