"""Cells equal a plain count of the same rows, however the rows were cut into batches."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.cells import COUNTS, N_WORST, SUMS, Cells, Worst
from streams.scores.delay import DelayBins
from streams.scores.labels import Labels, cells_of_counts, cells_of_labels
from streams.scores.losses import LARGEST, LOSSES

BINS = DelayBins(np.array([0.0, 10.0, 100.0]))
WIDTH_S = 10.0
y = st.one_of(st.floats(-1e6, 1e6), st.integers(-3, 3).map(float), st.just(2 * LARGEST))
row = st.tuples(st.integers(0, 2), st.floats(0, 50), st.floats(-20, 200), y, y)
batches = st.lists(st.lists(row, min_size=1, max_size=12), min_size=1, max_size=5)


def of(rows: list[tuple[int, float, float, float, float]], width_s: float = WIDTH_S) -> Cells:
    series, time, delay, y_true, y_pred = (np.array(column) for column in zip(*rows, strict=True))
    labels = Labels([f"{row}" for row in rows], time, delay, y_true, y_pred)
    return cells_of_labels(labels, series, width_s=width_s, bins=BINS)


def assert_same(one: Cells, other: Cells) -> None:
    for exact in ("series", "start", "width", "counts", "n", "error_min", "error_max"):
        assert getattr(one, exact).tolist() == getattr(other, exact).tolist(), exact
    np.testing.assert_allclose(one.sums, other.sums, rtol=1e-9, atol=1e-3)
    for rows, others in zip(one.worst, other.worst, strict=True):
        assert [w.absolute_error for w in rows] == pytest.approx([w.absolute_error for w in others], rel=1e-9)
    assert [column.tolist() for column in one.errors[:3]] == [column.tolist() for column in other.errors[:3]]


@given(batches, st.randoms())
def test_merging_batches_in_any_order_equals_summing_all_rows_at_once(batches, random):
    whole = of([row for batch in batches for row in batch])
    assert_same(Cells.merge([of(batch) for batch in random.sample(batches, len(batches))]), whole)


@given(batches)
def test_rolling_up_equals_summing_in_wider_slices(batches):
    narrow = Cells.merge([of(batch) for batch in batches])
    wide = narrow._replace(start=narrow.start // 30.0 * 30.0, width=np.full(len(narrow.start), 30.0))
    assert_same(Cells.merge([wide]), of([row for batch in batches for row in batch], width_s=30.0))


@given(batches)
def test_every_figure_of_a_cell_is_that_of_its_rows(batches):
    rows = [row for batch in batches for row in batch]
    cells = Cells.merge([of(batch) for batch in batches])
    assert len(cells.start) == len({(series, time // WIDTH_S) for series, time, *_ in rows})
    for i, (series, start) in enumerate(zip(cells.series.tolist(), cells.start.tolist(), strict=True)):
        mine = [row for row in rows if row[0] == series and row[1] // WIDTH_S * WIDTH_S == start]
        scored = [row for row in mine if max(abs(row[3]), abs(row[4])) <= LARGEST]
        assert cells.count_of("n_left_out")[i] == len(mine) - len(scored)
        errors = [row[4] - row[3] for row in scored]
        assert (cells.error_min[i], cells.error_max[i]) == (min(errors, default=np.inf), max(errors, default=-np.inf))
        worst = sorted((abs(error) for error in errors), reverse=True)[:N_WORST]
        assert [w.absolute_error for w in sorted(cells.worst[i], reverse=True)] == pytest.approx(worst, rel=1e-9)
        for k in range(len(BINS.ends)):
            y_true, y_pred = (np.array([row[c] for row in scored if BINS.of(row[2]) == k]) for c in (3, 4))
            assert cells.n[i, k] == len(y_true)
            for loss in LOSSES:
                losses = loss.of(y_true, y_pred)
                assert cells.sum_of(loss.name)[i, k] == pytest.approx(losses.sum())
                assert cells.sum_of(f"{loss.name}_squares")[i, k] == pytest.approx(np.square(losses).sum())
            assert cells.sum_of("error")[i, k] == pytest.approx((y_pred - y_true).sum(), abs=1e-6)
            assert cells.sum_of("truth")[i, k] == pytest.approx(y_true.sum(), abs=1e-6)
            deviation = np.square(y_true - y_true.mean()).sum() if len(y_true) else 0
            assert cells.sum_of("truth_deviation")[i, k] == pytest.approx(deviation, rel=1e-9, abs=1e-3)
            error = y_pred - y_true
            together = ((error - error.mean()) * (y_true - y_true.mean())).sum() if len(y_true) else 0
            assert cells.sum_of("error_truth")[i, k] == pytest.approx(together, rel=1e-9, abs=1e-3)
            assert cells.sum_of("truth_size")[i, k] == pytest.approx(np.abs(y_true).sum())


@pytest.mark.parametrize("name", COUNTS)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1e11)), min_size=1))
def test_what_is_no_label_is_counted_under_its_name(name, rows):
    series, times = (np.array(column) for column in zip(*rows, strict=True))
    cells = cells_of_counts(name, times, series, width_s=WIDTH_S, bins=BINS)
    found = dict(zip(zip(cells.series.tolist(), cells.start.tolist(), strict=True), cells.count_of(name), strict=True))
    assert found == Counter((s, t // WIDTH_S * WIDTH_S) for s, t in rows)
    assert cells.counts.sum() == len(rows)
    assert not cells.n.any()
    assert not cells.sums.any()


def test_counts_and_labels_of_one_slice_are_one_cell():
    predictions = cells_of_counts("n_predictions", np.full(5, 12.0), np.zeros(5, np.int64), width_s=WIDTH_S, bins=BINS)
    both = Cells.merge([predictions, of([(0, 13.0, 5.0, 1.0, 3.0)])])
    assert (len(both.start), both.count_of("n_predictions")[0], both.n[0].tolist()) == (1, 5, [0, 1, 0])
    assert both.worst == [[Worst(2.0, "(0, 13.0, 5.0, 1.0, 3.0)", 1.0, 3.0)]]


def test_the_spread_of_the_truth_stays_exact_where_sums_of_squares_would_cancel():
    truth = 1e9 + np.random.default_rng(5).normal(0, 0.01, 10_000)
    parts = [of([(0, 1.0, 5.0, t, t) for t in truth[i : i + 100].tolist()]) for i in range(0, 10_000, 100)]
    deviation = Cells.merge(parts).sum_of("truth_deviation").sum()
    assert deviation == pytest.approx(np.square(truth - truth.mean()).sum(), rel=1e-6)


def test_each_loss_is_a_column():
    assert {loss.name for loss in LOSSES} <= set(SUMS)
    assert len(set(SUMS)) == len(SUMS)


def test_rows_are_taken_as_often_as_they_are_named():
    labels = Labels(["a", "b"], *(np.array([i, i + 1.0]) for i in range(4)))
    assert labels.take(np.array([1, 1, 0])).ids == ["b", "b", "a"]
    assert labels.take(np.array([1, 1, 0])).y_pred.tolist() == [4, 4, 3]
