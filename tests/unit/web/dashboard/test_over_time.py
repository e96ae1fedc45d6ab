"""Curves over time: nothing is drawn over a gap, the immature end is hatched, no label lies on another."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.web.dashboard.drawings import Drawing, drawings
from web.dashboard.over_time import Curve, Frame, Gap, Look, over_time

T0, WIDTH_S = 1_795_824_000.0, 60.0
LOOKS = {"wide": Look(800, 280, "wide", 8), "narrow": Look(376, 280, "narrow", 4)}


def frame_of(n: int, **more: object) -> Frame:
    """Return an axis of n slices of a minute each."""
    starts = [T0 + i * WIDTH_S for i in range(n)]
    return Frame(T0, T0 + n * WIDTH_S, starts, [start + WIDTH_S for start in starts])._replace(**more)


def draw(curves: list[Curve], frame: Frame, look: Look = LOOKS["wide"]) -> Drawing:
    """Return the chart of curves."""
    (found,) = drawings(over_time(curves, frame, [look], title="A chart.", above="mean"))
    return found


def test_a_line_breaks_where_a_slice_has_no_value() -> None:
    chart = draw([Curve("so far", "s-data", [1.0, 2.0, None, 2.0, 3.0])], frame_of(5))
    assert [path.get("d", "").count("L") for path in chart.of("s-data")] == [1, 1]


def test_a_line_breaks_where_slices_do_not_follow_each_other() -> None:
    frame = frame_of(4)
    starts = [*frame.starts[:2], *(start + 600 for start in frame.starts[2:])]
    frame = frame._replace(starts=starts, ends=[start + WIDTH_S for start in starts], end=starts[-1] + WIDTH_S)
    chart = draw([Curve("so far", "s-data", [1.0, 2.0, 3.0, 4.0])], frame)
    assert [path.get("d", "").count("L") for path in chart.of("s-data")] == [1, 1]


def test_nothing_is_drawn_in_a_gap_and_the_gap_is_hatched_and_named() -> None:
    gap = Gap(T0 + 2 * WIDTH_S, T0 + 4 * WIDTH_S, "rows are missing")
    values = [1.0, 1.0, 500.0, 500.0, 1.0, 1.0]
    chart = draw([Curve("so far", "s-data", values, values, values)], frame_of(6, gaps=[gap]))
    (hatched,) = chart.hatched()
    assert "rows are missing" in chart.titles()
    assert not any("500" in label.words for label in chart.labels())
    for path in chart.of("s-data"):
        xs = [float(point.split()[0]) for point in path.get("d", "M")[1:].split("L")]
        assert all(x <= hatched[0] or x >= hatched[1] for x in xs)


def test_a_single_slice_is_a_dot() -> None:
    chart = draw([Curve("so far", "s-data", [None, 2.0, None])], frame_of(3))
    assert len(chart.of("dot")) == 1


def test_the_end_at_which_labels_are_still_arriving_is_hatched_to_the_edge() -> None:
    chart = draw([Curve("so far", "s-data", [1.0] * 10)], frame_of(10, immature_from=T0 + 6 * WIDTH_S))
    ((left, right),) = chart.hatched()
    mature = draw([Curve("so far", "s-data", [1.0] * 10)], frame_of(10))
    assert mature.hatched() == []
    assert (right - left) / (800 - 52 - 118) == pytest.approx(0.4, abs=0.01)


def test_each_slice_says_its_figures_with_their_interval() -> None:
    chart = draw([Curve("expected", "s-data", [46.7, None], [45.5, None], [47.9, None])], frame_of(2))
    said = [title for title in chart.titles() if "expected" in title]
    assert len(said) == 1
    assert said[0].endswith("expected 46.70 (45.50 to 47.90)")


def test_without_any_value_there_is_no_chart() -> None:
    assert over_time([Curve("so far", "s-data", [None])], frame_of(1), [LOOKS["wide"]], title="", above="") is None


VALUES = st.none() | st.floats(-1e8, 1e8).map(lambda value: round(value, 3))
HUGE = st.none() | st.floats(-1e150, 1e150)


@settings(max_examples=50)
@given(
    st.sampled_from(sorted(LOOKS)),
    st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=12),
    st.lists(st.tuples(st.floats(0, 720), st.sampled_from(["restart", "change", "rebalance"])), max_size=5),
)
def test_whatever_the_figures_no_label_lies_on_another_and_every_number_is_one(
    look: str, values: list[tuple[float | None, ...]], marks: list[tuple[float, str]]
) -> None:
    frame = frame_of(len(values), marks=[(T0 + at, words) for at, words in marks], immature_from=T0 + 30)
    lows, so_far, highs = zip(*values, strict=True)
    curves = [Curve("expected of all", "s-data", so_far, lows, highs), Curve("so far", "s-sofar", so_far)]
    markup = over_time(curves, frame, [LOOKS[look]], title="A chart.", above="mean |error|")
    for chart in drawings(markup or ""):
        assert all(math.isfinite(n) for n in chart.numbers())
        assert chart.overlaps() == []
        assert chart.repeated() == []


@settings(max_examples=50)
@given(st.lists(st.tuples(HUGE, HUGE, HUGE), min_size=1, max_size=12))
def test_errors_of_any_size_can_be_drawn(values: list[tuple[float | None, ...]]) -> None:
    lows, so_far, highs = zip(*values, strict=True)
    curve = Curve("expected of all", "s-data", so_far, lows, highs)
    markup = over_time([curve], frame_of(len(values)), [LOOKS["wide"]], title="A chart.", above="mean |error|")
    for chart in drawings(markup or ""):
        assert all(math.isfinite(n) for n in chart.numbers())
