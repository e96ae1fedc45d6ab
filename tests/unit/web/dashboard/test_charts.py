"""The other charts: parts of labels, coverage, the triangle, the distribution."""

from __future__ import annotations

import itertools
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.web.dashboard.drawings import Drawing, drawings
from tests.unit.web.dashboard.test_over_time import LOOKS, T0, WIDTH_S, frame_of
from web.dashboard.coverage import coverage
from web.dashboard.distribution import Bins, distribution
from web.dashboard.labels_bar import Parts, bar, strip
from web.dashboard.triangle import MIN_LABELS, STEPS, cells, shade, triangle

SHARES = st.floats(0, 1)


def sound(chart: Drawing) -> None:
    """Check that a chart has numbers alone, no label over another, and no two ticks that say the same."""
    assert all(math.isfinite(n) for n in chart.numbers())
    assert chart.overlaps() == []
    assert chart.repeated() == []


def widths(chart: Drawing, kind: str) -> float:
    """Return how wide the shapes of a class are together."""
    return sum(float(rect.get("width", "")) for rect in chart.of(kind))


def test_the_bar_of_labels_has_three_parts_as_long_as_their_shares() -> None:
    (chart,) = drawings(bar(Parts(1000, 620, 20.0, is_final=True)))
    assert widths(chart, "f-data") == pytest.approx(0.62 * 376, abs=0.2)
    assert widths(chart, "f-tocome") == pytest.approx(0.02 * 376, abs=0.2)
    assert [label.words for label in chart.labels()] == ["62% in", "36% not expected", "2% to come"]


def test_what_nobody_can_know_yet_is_hatched_and_not_called_unexpected() -> None:
    (chart,) = drawings(bar(Parts(1000, 100, None, is_final=False)))
    assert chart.hatched() == [pytest.approx((37.6, 376.0))]
    assert [label.words for label in chart.labels()] == ["10% in", "90% not known yet"]


@settings(max_examples=50)
@given(st.integers(0, 10**12), st.integers(0, 10**12), st.none() | st.floats(0, 1e12), st.booleans())
def test_whatever_the_parts_their_words_have_room_and_they_fill_the_bar(
    n: int, n_in: int, n_to_come: float | None, is_final: bool
) -> None:
    parts = Parts(n, n_in, n_to_come, is_final)
    assert sum(parts.shares) == pytest.approx(1)
    (chart,) = drawings(bar(parts))
    sound(chart)


def test_a_slice_without_predictions_has_no_column() -> None:
    parts = [Parts(100, 50, 10.0, is_final=True), Parts(0, 0, None, is_final=True)]
    (chart,) = drawings(strip(parts, frame_of(2), [LOOKS["wide"]]))
    assert len(chart.of("f-data")) == 1
    sound(chart)
    assert strip(parts[1:], frame_of(1), [LOOKS["wide"]]) is None


def test_coverage_past_the_oldest_age_is_hatched_up_to_the_deadline() -> None:
    (chart,) = drawings(coverage([60.0, 300.0, 600.0], [0.1, 0.3, 0.4], deadline_s=3600.0))
    ((left, right),) = chart.hatched()
    assert (left - 44) / (right - 44) == pytest.approx(1 / 6, abs=0.01)
    assert "deadline" in [label.words for label in chart.labels()]
    sound(chart)


def test_coverage_that_reaches_the_deadline_is_not_hatched() -> None:
    (chart,) = drawings(coverage([60.0, 3600.0], [0.1, 0.64], deadline_s=3600.0))
    assert chart.hatched() == []
    assert coverage([], [], deadline_s=3600.0) is None


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1e11), SHARES), min_size=1, max_size=30), st.floats(0, 1e11))
def test_whatever_the_curve_of_coverage_its_words_have_room(
    points: list[tuple[float, float]], deadline_s: float
) -> None:
    ages = sorted({age for age, _ in points})
    shares = sorted(share for _, share in points)[: len(ages)]
    (chart,) = drawings(coverage(ages, shares, deadline_s=deadline_s))
    assert all(math.isfinite(n) for n in chart.numbers())


def test_a_change_of_the_model_stands_straight_up_in_the_triangle() -> None:
    n = [[100, 100]] * 4
    mae = [[1.0, 2.0], [1.0, 2.0], [2.0, 4.0], [2.0, 4.0]]
    found = cells(n, mae)
    assert [cell.ratio for cell in found] == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2 / 3, 4 / 3, 4 / 3, 4 / 3, 4 / 3])


def test_too_few_labels_are_not_compared_and_none_is_no_cell() -> None:
    few, none = cells([[MIN_LABELS - 1, 0, None]], [[3.0, None, None]]), cells([[None]], [[None]])
    assert [(cell.n, cell.error, cell.ratio) for cell in few] == [(MIN_LABELS - 1, 3.0, None)]
    assert none == []


def test_shades_rise_from_better_to_worse_about_what_is_usual() -> None:
    assert shade(None) == "d-few"
    assert shade(1.0) == "d2"
    assert [shade(step) for step in (0.5, *STEPS)] == ["d0", "d1", "d2", "d3", "d4", "d5"]


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_the_triangle_hatches_what_no_label_can_have_reached(look: str) -> None:
    ends = [0.0, 30.0, 60.0, 150.0, 600.0, 3600.0]
    found = cells([[30] * 6] * 5, [[1.0] * 6] * 5)
    now = T0 + 5 * WIDTH_S
    (chart,) = drawings(triangle(found, ends, frame_of(5), LOOKS[look], now=now))
    assert len(chart.hatched()) == 5
    assert len([title for title in chart.titles() if "30 labels" in title]) == 30
    assert chart.overlaps() == []
    assert triangle([], ends, frame_of(5), LOOKS[look], now=now) is None


def test_a_bar_of_the_distribution_says_its_count() -> None:
    (chart,) = drawings(
        distribution(Bins([0.0, 1.0, 2.0], [971, 5], is_log=False), {}, log=False, title="", below="error")
    )
    assert chart.titles() == ["0 to 1: 971 labels", "1 to 2: 5 labels"]


def test_one_pair_has_the_counts_0_and_1_on_its_axis() -> None:
    (chart,) = drawings(distribution(Bins([0.0, 1.0], [1], is_log=False), {}, log=False, title="", below="error"))
    assert [label.words for label in chart.labels() if label.right < 52] == ["0", "1", "labels"]


def test_equal_quantiles_are_labelled_above_each_other() -> None:
    marks = {"p50 1": 1.0, "p90 1": 1.0, "p99 1": 1.0}
    (chart,) = drawings(distribution(Bins([0.0, 1.0, 2.0], [3, 4], is_log=False), marks, log=False, title="", below=""))
    assert len({label.baseline for label in chart.labels() if re.match("p[0-9]+", label.words)}) == 3
    sound(chart)


EDGES = st.lists(st.integers(-400, 400), min_size=2, max_size=41, unique=True).map(sorted)


@settings(max_examples=50)
@given(EDGES, st.integers(-6, 6), st.booleans(), st.data())
def test_whatever_the_distribution_its_labels_have_room(
    edges: list[int], power: int, log: bool, data: st.DataObject
) -> None:
    counts = data.draw(st.lists(st.integers(0, 10**7), min_size=len(edges) - 1, max_size=len(edges) - 1))
    at = [edge * 10.0**power for edge in edges]
    quantiles = sorted(data.draw(st.lists(st.floats(at[0], at[-1]), min_size=3, max_size=3)))
    marks = {f"p{i} ≈ 1.23e-5": value for i, value in zip((50, 90, 99), quantiles, strict=True)}
    (chart,) = drawings(distribution(Bins(at, counts, is_log=False), marks, log=log, title="", below="error"))
    sound(chart)


@settings(max_examples=50)
@given(st.lists(st.floats(-300, 300), min_size=2, max_size=40, unique=True), st.booleans())
def test_logarithmic_edges_have_room_too(powers: list[float], log: bool) -> None:
    edges = [10.0 ** (power / 3) for power in sorted(powers)]
    if not 1.001 * edges[0] < edges[-1] or any(a >= b for a, b in itertools.pairwise(edges)):
        return
    (chart,) = drawings(distribution(Bins(edges, [3] * (len(edges) - 1), is_log=True), {}, log=log, title="", below=""))
    sound(chart)
