"""Batches of labels and predictions, and the store that they go to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agents.insight.series import Series
from agents.insight.store import Frame, Store
from streams.scores.cells import Cells
from streams.scores.delay import DelayBins
from streams.scores.error_bins import ErrorBins
from streams.scores.labels import Labels, cells_of_counts, cells_of_labels

WINDOW_S = 3600.0
FRAME = Frame(WINDOW_S, 30.0, 3660.0, "arrival")
MODEL = Series("ridge")
NOON = 1_764_331_200.0
DAY_S = 86_400.0


def labels(rng: np.random.Generator, n: int, start: float, span_s: float) -> Labels:
    """Return labels of predictions of a span."""
    truth = 10 + 3 * rng.standard_normal(n)
    prediction = truth + rng.lognormal(0, 0.8, n) * rng.choice((-1, 1), n)
    delay = np.minimum(900 * np.exp(rng.standard_normal(n)), WINDOW_S)
    return Labels([f"order-{i}" for i in range(n)], start + rng.uniform(0, span_s, n), delay, truth, prediction)


def cells_of(some: Labels, number: int = 1, *, bins: DelayBins = FRAME.bins, width_s: float = FRAME.slice_s) -> Cells:
    """Return the cells of labels, and of as many predictions and half as many again that have none."""
    n = len(some.ids)
    made = np.concatenate((some.time, some.time[: n // 2]))
    series = np.full(len(made), number)
    predictions = cells_of_counts("n_predictions", made, series, width_s=width_s, bins=bins)
    return Cells.merge([predictions, cells_of_labels(some, series[:n], width_s=width_s, bins=bins)])


def opened(directory: Path, frame: Frame = FRAME) -> Store:
    """Return the store of a directory, which knows MODEL."""
    store = Store.open(directory, frame)
    assert store.number(MODEL) == 1
    return store


def assert_same(one: Cells, other: Cells) -> None:
    """Hold cells against each other: counts exactly, sums to rounding."""
    for exact in ("series", "start", "width", "counts", "n", "error_min", "error_max"):
        assert getattr(one, exact).tolist() == getattr(other, exact).tolist(), exact
    np.testing.assert_allclose(one.sums, other.sums, rtol=1e-9, atol=1e-9)
    assert _errors(one) == _errors(other)
    assert one.worst == other.worst


def _errors(cells: Cells) -> list[list[float]]:
    in_order = ErrorBins.merge([cells.errors], [np.arange(len(cells.start))])
    return [column.tolist() for column in in_order[:3]]
