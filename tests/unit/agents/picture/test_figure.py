import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.container import BarContainer
from PIL import Image

from agents.picture.figure import draw, figure
from streams.scores import wording
from streams.scores.bins import MOST_BINS, bins
from streams.scores.histogram import Histogram
from streams.scores.numbers import number, tick
from tests.full_disk import full_disk
from tests.unit.agents.picture.shapes import SHAPES

NOW = 1785442620.0
VERDICT = "Alarm: MAE is 1.43 (1.39 to 1.47) × the reference at equal label delays, since 14:23 UTC."
drawn_shapes = pytest.mark.parametrize("figures", SHAPES.values(), ids=SHAPES.keys())


def texts(page):
    return [text.get_text().strip() for text in [*page.texts, *page.axes[0].texts] if text.get_text()]


def bars(page):
    containers = [c for c in page.axes[0].containers if isinstance(c, BarContainer)]
    return containers[0].patches if containers else []


@drawn_shapes
def test_every_pair_is_in_a_bar_or_counted_beside_them(figures):
    page = figure(figures, now=NOW)
    outside = [int(t.split()[i].replace(",", "")) for t in texts(page) for i in positions_of_counts(t)]
    assert sum(bar.get_height() for bar in bars(page)) + sum(outside) == figures.so_far["n"]


def positions_of_counts(text):
    words = text.split()
    return [i for i in range(len(words) - 1) if words[i + 1] in ("below", "beyond")]


@drawn_shapes
@pytest.mark.parametrize("verdict", ["", VERDICT, f"The error cannot be held against a reference: {VERDICT} " * 2])
def test_no_text_runs_into_another_or_off_the_page(figures, verdict):
    page = figure(figures, now=NOW, verdict=verdict)
    page.draw_without_rendering()
    boxes = [t.get_window_extent() for t in [*page.texts, *page.axes[0].texts] if t.get_text().strip()]
    for i, box in enumerate(boxes):
        assert page.bbox.x0 <= box.x0
        assert box.x1 <= page.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


@drawn_shapes
def test_each_quantile_is_a_line_at_its_value_with_its_name_and_number(figures):
    if figures.histogram is None:
        return
    page = figure(figures, now=NOW)
    places = {round(line.get_xdata()[0], 12) for line in page.axes[0].lines}
    for name, key in (("median", "p50"), ("p90", "p90"), ("p99", "p99")):
        value = figures.so_far[key]
        assert any(name in text and text.endswith(wording.quantile(figures, key)) for text in texts(page))
        assert any(place == pytest.approx(value, rel=1e-3) for place in places)
    left, right = page.axes[0].get_xlim()
    assert all(left <= place <= right for place in places)


def test_the_scores_the_time_and_the_units_are_in_the_picture():
    figures = SHAPES["normal"]
    found = texts(figure(figures, now=NOW))
    scores = figures.so_far
    for wanted in (number(scores["mae"]), number(scores["rmse"]), number(scores["bias"], signed=True), "30,000"):
        assert wanted in found
    assert "ridge, 1970-01-01 00:00:00 to 2026-07-30 20:17:00 UTC" in found
    assert f"expected of all: {wording.expected(figures)}" in found
    assert "100% of 30,000 predictions have a label, 100% will have" in found
    assert "absolute error |y_pred − y_true|, in units of y, bars 4 wide" in found


def test_the_verdict_is_in_the_picture_and_in_its_description(tmp_path):
    assert VERDICT in texts(figure(SHAPES["normal"], now=NOW, verdict=VERDICT))
    draw(SHAPES["normal"], tmp_path / "a.png", now=NOW, verdict=VERDICT)
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Description"].startswith(f"{VERDICT} MAE ")


def test_without_pairs_it_says_what_it_waits_for():
    found = texts(figure(SHAPES["nothing"], now=NOW))
    assert any(text.startswith("Waiting for the first pair") for text in found)
    assert found.count("–") == 4


def test_an_outlier_is_counted_and_does_not_flatten_the_rest():
    page = figure(SHAPES["an outlier"], now=NOW)
    assert any(text.endswith("up to 1e9 ▸") for text in texts(page))
    assert page.axes[0].get_xlim()[1] < 200


def test_errors_over_many_powers_of_ten_are_on_a_logarithmic_axis():
    assert figure(SHAPES["heavy tails"], now=NOW).axes[0].get_xscale() == "log"
    assert figure(SHAPES["normal"], now=NOW).axes[0].get_xscale() == "linear"


def test_pairs_that_could_not_be_scored_are_named():
    assert "1 too large to score" in texts(figure(SHAPES["left out"], now=NOW))


magnitudes = st.one_of(st.just(0.0), st.floats(-140, 140).map(lambda power: 10.0**power))


@settings(max_examples=300)
@given(st.lists(st.tuples(magnitudes, st.integers(1, 10_000)), min_size=1, max_size=20))
def test_bars_of_any_errors_are_few_increase_and_miss_no_pair(sizes):
    errors = Histogram()
    for value, n in sizes:
        errors.merge(Histogram.of(np.full(n, value)))
    chosen = bins(errors)
    assert 1 <= len(chosen.counts) <= 1.5 * MOST_BINS
    assert (np.diff(chosen.edges) > 0).all()
    assert np.isfinite(chosen.edges).all()
    assert min(chosen.counts) >= 0
    assert sum(chosen.counts) + chosen.n_below + chosen.n_beyond == errors.n
    assert sum(chosen.counts) > 0


def test_a_reader_sees_a_whole_picture_at_every_moment(tmp_path):
    path = tmp_path / "error_distribution.png"
    draw(SHAPES["nothing"], path, now=NOW)
    finished = threading.Event()

    def redraw():
        for name in ("normal", "heavy tails", "one pair"):
            draw(SHAPES[name], path, now=NOW)
        finished.set()

    thread = threading.Thread(target=redraw)
    thread.start()
    n_read = 0
    while not finished.is_set():
        with Image.open(path) as image:
            image.load()
            assert image.size == (1200, 675)
        n_read += 1
    thread.join()
    assert n_read > 5
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_picture_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "error_distribution.png"
    draw(SHAPES["nothing"], path, now=NOW)
    before = path.read_bytes()
    with full_disk(1000), pytest.raises(OSError, match="File too large"):
        draw(SHAPES["normal"], path, now=NOW)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (41.9312, "41.93"),
        (-1.31, "−1.310"),
        (12340.4, "12,340"),
        (0.00012345, "0.0001234"),
        (1.2346e-7, "1.235e−7"),
        (1.0e9, "1e9"),
        (123456789.0, "1.235e8"),
        (9.99999, "10.00"),
        (999999.9, "1,000,000"),
        (1e-4, "0.0001000"),
    ],
)
def test_a_number_has_four_digits_whatever_its_size(value, text):
    assert number(value) == text


def test_a_signed_number_says_which_way():
    assert [number(value, signed=True) for value in (1.5, -1.5, 0.0, None)] == ["+1.500", "−1.500", "0", "–"]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (2.5, "2.5"), (1000, "1,000"), (0.0001, "0.0001"), (2e-7, "2e−7"), (1.5e12, "1.5e12")]
)
def test_a_tick_has_no_needless_digits(value, text):
    assert tick(value) == text
