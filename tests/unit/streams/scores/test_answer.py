"""The figures of a span: against brute force over the rows, and against worlds of which the truth is known."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.scores.answer import DECIDED, NO_TRUTH, Came, Kept, figures
from streams.scores.cells import Cells
from streams.scores.figures import Figures, Gap
from streams.scores.labels import Labels, cells_of_counts, cells_of_labels
from streams.scores.metrics import SCORES
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import BINS, MINUTE, SLICE_S, WINDOW_S, true_coverage, true_scores

LATER = 100 * WINDOW_S
"""So late that every label is there."""


def kept(cells: Cells, now: float | None = LATER, **changes: object) -> Kept:
    """Return cells as they are read of a file: of all that there is, one model, nothing missing."""
    over, under = cells.errors.histograms(
        least=cells.error_min.min(initial=np.inf), largest=cells.error_max.max(initial=-np.inf)
    )
    found = Kept(
        axis="predicted",
        model="",
        segment="",
        models=["ridge"],
        segments=[],
        clock="event",
        bins=BINS,
        start=float(cells.start.min(initial=0.0)),
        end=float((cells.start + cells.width).max(initial=1.0)),
        now=now,
        cells=cells,
        over=over,
        under=under,
        worst=sorted((label for labels in cells.worst for label in labels), reverse=True)[:10],
        came=Came(SLICE_S, {}),
        gaps=[],
        marks=[],
    )
    return found._replace(**changes)


def of_world(rng: np.random.Generator, world: label_worlds.World, minute: float, since_minute: float = 0.0) -> Figures:
    """Return the figures of a world from one minute on, as it is known at another."""
    cells = label_worlds.cells(rng, world, minute * MINUTE)
    cells = cells.take(cells.start >= since_minute * MINUTE)
    return figures(kept(cells, minute * MINUTE, end=minute * MINUTE))


def of_labels(time: list[float], y_true: list[float], y_pred: list[float]) -> Cells:
    """Return the cells of labels that came at once."""
    columns = [np.array(column, float) for column in (time, [1.0] * len(time), y_true, y_pred)]
    series = np.zeros(len(time), np.int64)
    labels = Labels([f"id-{i}" for i in range(len(time))], *columns)
    predictions = cells_of_counts("n_predictions", columns[0], series, width_s=SLICE_S, bins=BINS)
    return Cells.merge([predictions, cells_of_labels(labels, series, width_s=SLICE_S, bins=BINS)])


value = st.floats(-1e3, 1e3).map(lambda x: round(x, 2))
rows = st.lists(st.tuples(st.floats(0, 20_000), value, value), min_size=1, max_size=80)


@settings(deadline=None)
@given(rows)
def test_what_is_counted_and_summed_is_what_the_rows_say(rows):
    time, y_true, y_pred = (np.array(column) for column in zip(*rows, strict=True))
    found = figures(kept(of_labels(*(column.tolist() for column in (time, y_true, y_pred)))))
    error = y_pred - y_true
    assert (found.n_predictions, found.n_labelled, found.so_far["n"]) == (len(rows),) * 3
    assert found.so_far["mae"] == pytest.approx(np.abs(error).mean(), abs=1e-9)
    assert found.so_far["bias"] == pytest.approx(error.mean(), abs=1e-9)
    for part in found.slices:
        mine = (time >= part.start) & (time < part.start + part.width_s)
        assert (part.n_predictions, part.n_labelled) == (mine.sum(), mine.sum())
        if mine.any():
            assert part.mae_so_far == pytest.approx(np.abs(error[mine]).mean(), abs=1e-9)
            assert part.mean_true == pytest.approx(y_true[mine].mean(), abs=1e-9)
            assert part.mean_pred == pytest.approx(y_pred[mine].mean(), abs=1e-9)
    assert sum(part.n_predictions for part in found.slices) == len(rows)
    assert len(found.slices) <= 122
    assert sum(n for row in found.triangle.n for n in row if n is not None) == len(rows)
    assert found.worst[0].absolute_error == np.abs(error).max()


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.integers(-5, 5).map(float), min_size=1, max_size=300))
def test_every_bar_is_a_count_of_errors_not_an_estimate(errors):
    sizes = np.abs(np.array(errors) + 0.0)
    sizes[sizes < 1e-200] = 0
    errors = np.copysign(sizes, errors)
    found = figures(kept(of_labels([0.0] * len(errors), [0.0] * len(errors), errors.tolist())))
    for bars, values in ((found.histogram, sizes), (found.signed, errors)):
        edges = np.array(bars.edges)
        expected = [
            int(((values >= low) & (values < high)).sum())
            if low >= 0
            else int(((values > low) & (values <= high)).sum())
            for low, high in pairwise(edges)
        ]
        if bars is found.signed:  # an error of 0 is above, not below
            expected[len(edges) // 2 - 1] -= int((values == 0).sum())
        assert bars.counts == expected
        assert sum(bars.counts) + bars.n_below + bars.n_beyond == len(errors)


@pytest.mark.parametrize("rho", [0.7, -0.7])
@pytest.mark.parametrize("minute", [62, 180])
def test_from_one_window_on_what_is_expected_is_within_two_per_cent_of_the_truth(rho, minute):
    rng = np.random.default_rng(minute)
    found = of_world(rng, label_worlds.steady(rng, minute, 20, rho), minute)
    truth = true_scores(WINDOW_S, rho)["mae"]
    assert found.horizon_s == WINDOW_S
    assert found.expected["mae"] == pytest.approx(truth, rel=0.02)
    assert found.expected["mae_low"] < found.expected["mae"] < found.expected["mae_high"]
    assert found.coverage.final == pytest.approx(true_coverage(WINDOW_S), abs=0.02)
    assert found.coverage.so_far < found.coverage.final


def test_at_minute_ten_the_answer_speaks_of_nine_minutes():
    rng = np.random.default_rng(10)
    found = of_world(rng, label_worlds.steady(rng, 10, 20, 0.7), 10)
    assert found.horizon_s == pytest.approx(9 * MINUTE, abs=10)
    assert found.expected["mae"] == pytest.approx(0.641, abs=0.03)
    assert found.coverage.final == pytest.approx(true_coverage(found.horizon_s), abs=0.02)
    assert found.coverage.curve[-1] == (found.horizon_s, pytest.approx(found.coverage.final, abs=1e-9))
    assert 0.4 < found.maturity < 1


@pytest.mark.parametrize("minute", [245, 250, 265, 280])
def test_a_tenfold_burst_moves_the_answer_by_less_than_one_per_cent(minute):
    rng = np.random.default_rng(1)
    found = of_world(rng, label_worlds.burst(rng, 0.7, rate=10), minute, since_minute=minute - 120)
    assert found.expected["mae"] == pytest.approx(true_scores(WINDOW_S, 0.7)["mae"], rel=0.01)


def test_the_slices_of_a_model_that_never_changes_are_flat_although_the_youngest_have_fast_labels_only():
    rng = np.random.default_rng(2)
    found = of_world(rng, label_worlds.steady(rng, 240, 60, 0.7), 240)
    truth = true_scores(WINDOW_S, 0.7)["mae"]
    told = [part for part in found.slices if part.mae_low is not None and part.complete]
    held = [part.mae_low <= truth <= part.mae_high for part in told]
    assert len(told) > 100
    assert np.mean(held) > 0.88
    young = [part for part in told if not part.is_mature]
    assert np.mean([part.mae_expected for part in young]) == pytest.approx(truth, rel=0.05)
    assert young[-1].mae_so_far < 0.7 * truth


def test_of_slices_whose_labels_are_all_there_what_is_expected_is_what_is_there():
    rng = np.random.default_rng(3)
    cells = label_worlds.cells(rng, label_worlds.steady(rng, 60, 5, 0.7), 120 * MINUTE)
    found = figures(kept(cells, 125 * MINUTE))
    assert found.maturity == pytest.approx(1)
    for part in found.slices:
        assert part.is_mature
        assert part.mae_expected == pytest.approx(part.mae_so_far, rel=1e-9)
    assert found.expected["mae"] == pytest.approx(found.so_far["mae"], rel=1e-9)


def test_slices_are_as_wide_as_the_widest_cell_and_those_that_are_cut_or_under_way_say_so():
    cells = of_labels([3600.0, 4000.0, 7300.0], [0.0] * 3, [1.0] * 3)
    wide = cells.start == 3600.0
    cells = cells._replace(start=np.where(wide, 3600.0, cells.start), width=np.where(wide, 600.0, cells.width))
    found = figures(kept(cells, 7315.0, start=3900.0, end=7320.0))
    assert {part.width_s for part in found.slices} == {600.0}
    assert found.from_ == 3600.0
    assert [part.why for part in found.slices if not part.complete] == ["it is not over yet"]
    cut = figures(kept(of_labels([3700.0], [0.0], [1.0]), 9000.0, start=3690.0, end=20_000.0))
    assert (cut.slices[0].complete, cut.slices[0].why) == (False, "it begins before the span")
    past = figures(kept(of_labels([3700.0], [0.0], [1.0]), 90_000.0, start=3600.0, end=20_000.0))
    assert [part.why for part in past.slices if not part.complete] == ["it ends after the span"]


def test_a_span_that_reaches_into_the_future_ends_now():
    found = figures(kept(of_labels([0.0, 3600.0], [0.0] * 2, [1.0] * 2), 4000.0, end=1e11))
    assert (found.to, len(found.slices)) == (4000.0, 67)
    to_come = figures(kept(Cells.none(len(BINS.ends)), 4000.0, start=1e9, end=1e11))
    assert (to_come.to, to_come.slices) == (1e9, [])


def test_slices_with_missing_rows_say_why():
    cells = of_labels([60.0 * i for i in range(60)], [0.0] * 60, [1.0] * 60)
    gap = Gap(600.0, 700.0, "Kafka no longer had them")
    found = figures(kept(cells, gaps=[gap]))
    assert not found.complete
    assert {part.start for part in found.slices if part.why == gap.why} == {600.0, 630.0, 660.0, 690.0}


def test_nothing_is_drawn_for_times_without_predictions():
    found = figures(kept(of_labels([0.0, 3600.0], [0.0] * 2, [1.0] * 2)))
    assert found.slices[0].mae_so_far == found.slices[-1].mae_so_far == 1.0
    assert {part.mae_so_far for part in found.slices[1:-1]} == {None}


def test_few_distinct_errors_have_exact_quantiles_and_many_are_said_to_be_about_right():
    few = figures(kept(of_labels([0.0] * 976, [0.0] * 976, [1.0] * 971 + [-2.0] * 5)))
    assert (few.so_far["p50"], few.so_far["p90"], few.quantiles_exact) == (1.0, 1.0, True)
    rng = np.random.default_rng(1)
    many = figures(kept(of_labels([0.0] * 5000, [0.0] * 5000, rng.lognormal(size=5000).tolist())))
    assert not many.quantiles_exact


def test_a_score_that_one_label_carries_says_so():
    found = figures(kept(of_labels([0.0] * 100, [0.0] * 100, [1.0] * 99 + [1e6])))
    by_score = {one.score: one for one in found.dominated}
    assert by_score["mae"].id == "id-99"
    assert by_score["mae"].share == pytest.approx(1e6 / (1e6 + 99))
    assert {"mae", "rmse"} <= by_score.keys()
    assert not figures(kept(of_labels([0.0] * 100, [0.0] * 100, [1.0] * 100))).dominated


def test_values_too_large_to_score_are_labels_that_are_in_no_figure():
    found = figures(kept(of_labels([0.0] * 3, [1e99, 0.0, 0.0], [0.0, 1.0, 3.0])))
    assert (found.n_labelled, found.n_left_out, found.so_far["n"], found.so_far["mae"]) == (3, 1, 2, 2.0)


def test_by_decision_time_nothing_is_on_its_way():
    found = figures(kept(of_labels([0.0] * 3, [0.0] * 3, [1.0] * 3), axis="decided"))
    assert (found.expected, found.why, found.triangle) == (None, DECIDED, None)
    assert found.so_far["mae"] == 1.0


def test_without_a_truth_the_event_clock_does_not_know_what_time_it_is():
    found = figures(kept(of_labels([0.0], [0.0], [1.0]), None))
    assert (found.expected, found.why, found.now) == (None, NO_TRUTH, None)


def test_of_nothing_there_are_no_figures_and_no_error():
    found = figures(kept(Cells.none(len(BINS.ends))))
    assert (found.n_predictions, found.expected, found.histogram, found.coverage.so_far) == (0, None, None, None)
    assert {found.so_far[score.name] for score in SCORES} == {None}


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 5e-324, 1e-300, 1e-289, 1e-281, 1e-200, 1.0, 1e70]), min_size=1, max_size=60))
def test_errors_of_any_size_have_bars_that_count_all_of_them(sizes):
    found = figures(kept(of_labels([0.0] * len(sizes), [0.0] * len(sizes), sizes)))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Figures) == found
    for bars in (found.histogram, found.signed):
        assert sum(bars.counts) + bars.n_below + bars.n_beyond == len(sizes)


def test_a_span_that_holds_a_change_says_since_when():
    rng = np.random.default_rng(5)
    world = label_worlds.changed(rng, 240, 20, 0.7, at_minute=120, by=2.0)
    found = of_world(rng, world, 240)
    assert found.change.at == pytest.approx(120 * MINUTE, abs=5 * MINUTE)
    assert found.change.low < 2 < found.change.high
    assert of_world(rng, label_worlds.steady(rng, 240, 20, 0.7), 240).change is None


def test_a_label_outage_is_named():
    rng = np.random.default_rng(6)
    world = label_worlds.outage(rng, 0.7, rate=10)
    at = world.made + world.delay
    came = np.bincount((at[at < 300 * MINUTE] // SLICE_S).astype(int))
    cells = label_worlds.cells(rng, world, 300 * MINUTE)
    found = figures(kept(cells, 300 * MINUTE, came=Came(SLICE_S, dict(enumerate(came.tolist())))))
    (one,) = found.outages
    assert (one.start, one.end) == pytest.approx((240 * MINUTE, 260 * MINUTE), abs=2 * SLICE_S)
    assert one.n_missing > 1000


def test_one_label_of_long_ago_does_not_hide_an_outage_of_today_nor_take_for_ever():
    today = 2_000_000_000
    times = [0.0, *(float(today + i) for i in range(60))]
    cells = of_labels(times, [0.0] * len(times), [1.0] * len(times))
    came = {0: 1} | {today + i: 20 for i in range(30)} | {today + 58: 20}
    found = figures(kept(cells._replace(width=np.ones(len(cells.start))), today + 60.0, came=Came(1.0, came)))
    assert [(one.start, one.end) for one in found.outages] == [(today + 30, today + 58)]


def test_the_answer_survives_the_way_to_another_worker():
    rng = np.random.default_rng(7)
    found = of_world(rng, label_worlds.steady(rng, 90, 5, 0.7), 90)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Figures) == found
    assert msgspec.to_builtins(found)["from"] == found.from_
