"""Cells as rows and back, without a bit lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.insight import histograms, rows
from agents.insight.schema import CELL_COLUMNS
from streams.scores.cells import Cells
from streams.scores.error_bins import ErrorBins
from streams.scores.labels import Labels, cells_of_counts, cells_of_labels
from tests.unit.agents.insight.worlds import FRAME, NOON

y = st.one_of(st.floats(-1e60, 1e60), st.integers(-3, 3).map(float))
labels = st.tuples(st.integers(1, 3), st.floats(0, 300), st.floats(-20, 7000), y, y, st.text(min_size=1, max_size=5))


def cells_of(some: list[tuple[int, float, float, float, float, str]]) -> Cells:
    series, time, delay, y_true, y_pred = (np.array(column) for column in list(zip(*some, strict=True))[:5])
    rows_ = Labels([row[5] for row in some], NOON + time, delay, y_true, y_pred)
    return cells_of_labels(rows_, series, width_s=FRAME.slice_s, bins=FRAME.bins)


def in_order(cells: Cells) -> ErrorBins:
    return ErrorBins.merge([cells.errors], [np.arange(len(cells.start))])


@given(st.lists(labels, min_size=1, max_size=60))
def test_what_is_read_back_is_what_was_written(some):
    cells = cells_of(some)
    encoded = list(rows.encode(cells))
    assert {len(row) for row in encoded} == {len(CELL_COLUMNS)}
    found = rows.decode(encoded, details=True)
    for name in ("series", "start", "width", "counts", "n", "sums", "error_min", "error_max"):
        assert getattr(found, name).tolist() == getattr(cells, name).tolist(), name
    assert found.worst == cells.worst
    for column, expected in zip(in_order(found), cells.errors, strict=True):
        assert np.array_equal(column, expected, equal_nan=True)


def test_cells_without_labels_are_written_too():
    counted = cells_of_counts("n_refused", np.array([NOON]), np.array([1]), width_s=30.0, bins=FRAME.bins)
    (row,) = rows.encode(counted)
    as_dict = dict(zip(CELL_COLUMNS, row, strict=True))
    assert (as_dict["n_refused"], as_dict["n_labels"], as_dict["error_min"], as_dict["worst"]) == (1, 0, None, "[]")
    assert rows.decode([row], details=True).error_min.tolist() == [np.inf]


def test_without_details_there_are_no_histograms():
    cells = cells_of([(1, 0.0, 5.0, 1.0, 3.0, "a")])
    found = rows.decode(list(rows.encode(cells)), details=False)
    assert (len(found.errors.code), found.worst) == (0, [[]])
    assert found.sums.tolist() == cells.sums.tolist()


def test_totals_stand_in_columns_of_their_own():
    (row,) = rows.encode(cells_of([(1, 0.0, 5.0, 1.0, 3.0, "a"), (1, 1.0, 900.0, 1.0, 0.0, "b")]))
    as_dict = dict(zip(CELL_COLUMNS, row, strict=True))
    found = {name: as_dict[name] for name in ("n_labels", "sum_absolute", "sum_squared", "sum_error", "sum_truth")}
    assert found == {"n_labels": 2, "sum_absolute": 3, "sum_squared": 5, "sum_error": 1, "sum_truth": 2}
    assert (as_dict["error_min"], as_dict["error_max"]) == (pytest.approx(-1), 2)


@pytest.mark.parametrize("count", [1, 255, 256, 65_535, 65_536, 1 << 33])
def test_counts_of_any_size_are_kept(count):
    errors = ErrorBins(np.array([0, 0, 2]), np.array([-40_000, 7, 9]), np.array([3, count, count]), np.full(3, np.nan))
    found = histograms.decode(histograms.encode(errors, 3))
    assert [column.tolist() for column in found[:3]] == [[0, 0, 2], [7, -40_000, 9], [count, 3, count]]


def test_cells_without_errors_take_no_bytes():
    none = ErrorBins.merge([], [])
    assert histograms.encode(none, 2) == [b"", b""]
    assert len(histograms.decode([b"", b""]).code) == 0
