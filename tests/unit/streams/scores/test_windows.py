"""The rolling windows: equal to a fresh summary of the same verdicts, however they came in."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from streams.scores.windows import N_WORST, Slice, Windows
from streams.wire.verdicts import Verdict, VerdictRecord

NOW = 1_700_000_000.0


def matched(i, at, error=1.0):
    return Verdict(f"id{i}", "matched", at, 100.0, 100.0 + error, at - 5.0, at - 5.0 - i % 7)


def test_a_window_holds_what_was_decided_in_it():
    windows = Windows()
    windows.take([VerdictRecord("log", 0, i, i - 1, [matched(i, NOW - i * 5.0, error=i)]) for i in range(200)])
    for span in (60.0, 300.0):
        part = windows.over(NOW - span, NOW)
        assert part.summary.n == pytest.approx(span / 5, abs=2)
        assert part.summary.mae == pytest.approx(np.mean(range(part.summary.n)), abs=2)
    assert windows.total.summary.n == 200


def test_the_worst_are_the_largest_errors():
    part = Slice.of([matched(i, NOW, error=float(i * (-1) ** i)) for i in range(100)])
    assert sorted(w.absolute_error for w in part.worst) == [float(i) for i in range(90, 100)]
    assert len(part.worst) == N_WORST


def test_pairs_that_are_too_large_to_score_are_the_worst_and_in_no_picture():
    large = [
        Verdict("a", "matched", NOW, -1e300, 1e300, NOW, NOW),
        Verdict("b", "matched", NOW, -1.7e308, 1.7e308, NOW, NOW),
    ]
    part = Slice.of([*(matched(i, NOW) for i in range(20)), *large])
    assert [(w.id, w.absolute_error) for w in sorted(part.worst, reverse=True)[:2]] == [
        ("b", sys.float_info.max),
        ("a", 2e300),
    ]
    assert (part.summary.n, part.summary.n_left_out, part.summary.mae) == (20, 2, 1.0)
    assert len(part.points) == 20


def test_unmatched_predictions_count_against_coverage():
    lonely = Verdict("x", "unmatched_pred", NOW, None, 3.0, None, NOW - 9)
    part = Slice.of([matched(1, NOW), lonely])
    assert (part.n_predictions, part.n_unmatched_pred, part.after.n) == (2, 1, 1)


@pytest.mark.parametrize(("span", "width"), [(60.0, 2.0), (300.0, 10.0), (3600.0, 60.0), (7200.0, 60.0)])
def test_a_window_is_drawn_in_the_narrowest_slices_that_reach_back_twice_as_far(span, width):
    windows = Windows()
    windows.take([VerdictRecord("log", 0, i, i - 1, [matched(i, NOW - 300.0 + i)]) for i in range(300)])
    starts = [start for start, _ in windows.series(NOW - span, NOW)]
    assert {b - a for a, b in itertools.pairwise(starts)} == {width}


def test_slices_are_forgotten():
    windows = Windows()
    windows.take([VerdictRecord("log", 0, i, i - 1, [matched(i, NOW + i * 60.0)]) for i in range(500)])
    assert windows.over(NOW, NOW + 3600).summary.n == 0
    assert windows.total.summary.n == 500
