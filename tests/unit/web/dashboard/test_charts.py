"""The charts: no label on another, and no pair left out."""

from __future__ import annotations

import itertools
import re

import numpy as np

from streams.scores.summary import ErrorSummary
from web.dashboard import charts, summaries, svg
from web.dashboard.data import Bins


def test_labels_of_a_chart_do_not_lie_on_each_other():
    for wanted in (
        [200.0, 100.0, 100.0],
        [200.0, 30.0, 30.0],
        [26.0, 26.0, 26.0],
        [256.0, 256.0, 256.0],
        [200, 150, 50],
    ):
        placed = svg.apart(wanted, 13, 256, 26)
        assert all(below - above >= 13 for below, above in itertools.pairwise(placed)), wanted
        assert 26 <= min(placed) <= max(placed) <= 256
    assert svg.apart([200, 150, 50], 13, 256, 26) == [200, 150, 50]


def test_equal_quantiles_are_labelled_above_each_other():
    data = Bins([0.0, 1.0, 2.0], [3, 4], [], 0, 0, 0, is_log=False)
    drawn = str(charts.histogram(data, {"n": 7, "p50": 1.0, "p90": 1.0, "p99": 1.0}, log=False))
    heights = re.findall(r'y="([0-9.]+)" class="strong" text-anchor="middle">p[0-9]+ 1.000', drawn)
    assert len(heights) == 6
    assert len(set(heights)) == 3


def test_errors_with_their_sign_are_in_bins_about_zero_that_hold_every_pair():
    summary = ErrorSummary.of(np.zeros(200), np.arange(-100.0, 100.0))
    found = summaries._signed(summary, ErrorSummary.of(np.zeros(3), np.array([-1.0, 0.0, 1.0])))
    edges, counts = found.edges, found.counts
    assert edges == sorted(edges)
    assert [-edge for edge in reversed(edges)] == edges
    assert sum(counts) + found.n_beyond == 200
    middle = edges.index(0.0)
    assert sum(counts[:middle]) == 100
    assert (sum(found.previous[:middle]), sum(found.previous)) == (1, 3)
    drawn = str(charts.histogram(found, summaries.scores(summary), log=False, signed=True))
    assert "bias −0.5000" in drawn
    assert ">0</text>" in drawn


def test_squares_of_predicted_against_actual_hold_every_pair_but_the_outermost():
    points = [(float(i % 50), float(i % 47)) for i in range(1000)]
    cells = charts.cells(points)
    assert 980 <= sum(cell.n for cell in cells) <= 1000
    assert all(low < high for cell in cells for low, high in (cell.actual, cell.predicted))
    assert charts.cells([(1.0, 1.0)] * 9) == []
