"""Answers from the file: the same whatever was remembered; and of worlds whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from agents.insight import by_segment
from agents.insight.answers import Answers
from agents.insight.chunks import Chunks, Part
from agents.insight.counting import COUNTING
from agents.insight.counting import NOW as EVENT_NOW
from agents.insight.database import NAME
from agents.insight.query import Asked, AskedSegments, Query
from agents.insight.reader import MOST_MARKS
from agents.insight.series import Series
from agents.insight.store import Frame, Store
from streams.scores.cells import Cells
from streams.scores.delay import segment_width
from streams.scores.figures import SPANS, Gap, Mark
from streams.scores.labels import cells_of_counts, cells_of_labels
from tests.unit.agents.insight.worlds import DAY_S, FRAME, MODEL, NOON, WINDOW_S, assert_same, cells_of, labels, opened
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import MINUTE, true_coverage, true_scores

DECIDED = MODEL._replace(axis="decided")
WIDE = {"width_s": FRAME.slice_s, "bins": FRAME.bins}


def added(store: Store, rng: np.random.Generator, start: float, span_s: float, n: int = 300) -> None:
    """Add labels of a span, by both axes."""
    some = labels(rng, n, start, span_s)
    at = some._replace(time=some.time + some.delay)
    number, bins = np.full(n, store.number(DECIDED)), FRAME.bins.coarse()
    store.add([cells_of(some), cells_of_labels(at, number, width_s=FRAME.slice_s, bins=bins)])


def same_sums(part: Part, cells: Cells) -> None:
    """Hold what comes in chunks against the plain cells."""
    assert part.cells.counts.sum(axis=0).tolist() == cells.counts.sum(axis=0).tolist()
    assert part.cells.n.sum(axis=0).tolist() == cells.n.sum(axis=0).tolist()
    np.testing.assert_allclose(part.cells.sums[:, :6].sum(axis=0), cells.sums[:, :6].sum(axis=0), rtol=1e-9, atol=1e-9)
    ends = {"least": cells.error_min.min(initial=np.inf), "largest": cells.error_max.max(initial=-np.inf)}
    for one, other in zip(part.errors.histograms(**ends), cells.errors.histograms(**ends), strict=True):
        assert (one.n, one.counts, one.values, one.largest) == (other.n, other.counts, other.values, other.largest)
    assert part.worst == sorted((label for found in cells.worst for label in found), reverse=True)[:10]


@pytest.mark.slow
def test_what_is_remembered_is_what_is_there_whatever_was_added_and_rolled_up_meanwhile(tmp_path: Path):
    store, rng = opened(tmp_path), np.random.default_rng(1)
    chunks = Chunks(store.reader, FRAME.slice_s)
    for step in range(60):
        added(store, rng, NOON - rng.uniform(0, 3 * DAY_S), rng.choice([60.0, 7200.0]))
        if step % 10 == 9:
            store.roll_up(NOON - 2 * DAY_S + step * 3600)
        start, end = sorted(
            rng.choice([rng.uniform(NOON - 3 * DAY_S, NOON), NOON - DAY_S, NOON, 0.0], 2, replace=False)
        )
        for series in (MODEL, DECIDED):
            found = chunks.cells(series, start, end, NOON - rng.uniform(0, DAY_S))
            same_sums(found, store.reader.cells(series, start, end, details=True))
            assert (np.diff(found.cells.start) > 0).all()


def test_cells_that_are_not_closed_come_as_they_are(tmp_path: Path):
    store = opened(tmp_path)
    added(store, np.random.default_rng(1), NOON - 7200, 7200)
    found = Chunks(store.reader, FRAME.slice_s).cells(MODEL, NOON - DAY_S, NOON, NOON - 7200)
    plain = store.reader.cells(MODEL, NOON - DAY_S, NOON)
    assert_same(found.cells, plain)


def test_cells_most_of_which_have_no_label_yet_are_added_up(tmp_path: Path):
    """As it is a minute after the start: predictions in each slice, and one label, in the last of them."""
    store, rng = opened(tmp_path), np.random.default_rng(1)
    times = NOON - 600 + np.arange(60) * FRAME.slice_s
    number = np.full(len(times), store.number(MODEL))
    came = cells_of_counts("n_predictions", times, number, width_s=FRAME.slice_s, bins=FRAME.bins)
    store.add([came, cells_of(labels(rng, 1, float(times[-1]), 0.1))])

    found = Chunks(store.reader, FRAME.slice_s).cells(MODEL, NOON - DAY_S, NOON + DAY_S, NOON - DAY_S)

    same_sums(found, store.reader.cells(MODEL, NOON - DAY_S, NOON + DAY_S, details=True))
    assert len(found.cells.start) == 60
    assert found.errors.n.tolist() == [1]


def asked(store: Store, question: Asked, now: float = NOON):
    """Return the answer of a query that has seen nothing before."""
    return Query(store.reader, FRAME.bins, FRAME.slice_s, "arrival").figures(question, now)


@pytest.mark.slow
def test_most_slices_may_have_no_label(tmp_path: Path):
    store, rng = opened(tmp_path), np.random.default_rng(1)
    store.add(
        [cells_of_counts("n_predictions", NOON - rng.uniform(0, 3 * DAY_S, 3000), np.ones(3000, np.int64), **WIDE)]
    )
    store.add([cells_of(labels(rng, 2, NOON - 30.0, 30.0)), cells_of(labels(rng, 2, NOON - 2 * DAY_S, 30.0))])
    found = asked(store, Asked("7d"))
    assert (found.n_predictions, found.n_labelled) == (3006, 4)
    assert found.histogram is not None
    assert sum(found.histogram.counts) == 4


@pytest.mark.parametrize("last", SPANS)
def test_a_span_by_name_holds_what_was_predicted_in_it(tmp_path: Path, last: str):
    store, rng = opened(tmp_path), np.random.default_rng(1)
    for age_s in (60.0, 1800.0, 7200.0, 2 * DAY_S, 20 * DAY_S, 80 * DAY_S):
        store.add([cells_of(labels(rng, 100, NOON - age_s, 30.0))])
    found = asked(store, Asked(last))
    held = sum(age_s <= SPANS[last] for age_s in (60.0, 1800.0, 7200.0, 2 * DAY_S, 20 * DAY_S, 80 * DAY_S))
    assert (found.n_predictions, found.n_labelled) == (150 * held, 100 * held)
    assert found.from_ <= NOON - min(SPANS[last], 80 * DAY_S)
    assert found.to == NOON
    assert len(found.slices) <= 122


def test_a_span_may_be_given_by_its_ends(tmp_path: Path):
    store, rng = opened(tmp_path), np.random.default_rng(1)
    for age_s in (3600.0, 7200.0, 10_800.0):
        store.add([cells_of(labels(rng, 100, NOON - age_s, 30.0))])
    assert asked(store, Asked(start=NOON - 7200, end=NOON - 3600)).n_labelled == 100
    assert asked(store, Asked(start=NOON - 7200)).n_labelled == 200
    assert asked(store, Asked(end=NOON - 7200)).n_labelled == 100


@pytest.mark.parametrize("age_s", [3600.0, 8 * 3600.0])
@pytest.mark.slow
def test_an_hour_is_cut_into_as_many_bars_long_after_as_it_was_then(tmp_path: Path, age_s: float):
    store = opened(tmp_path)
    added(store, np.random.default_rng(1), NOON - DAY_S, DAY_S, 3000)
    query = Query(store.reader, FRAME.bins, FRAME.slice_s, "arrival")
    query.figures(Asked("24h"), NOON)
    found = query.figures(Asked(start=NOON - age_s, end=NOON - age_s + 3600), NOON)
    assert {part.width_s for part in found.slices} == {FRAME.slice_s}
    assert len(found.slices) == 120


def test_models_and_segments_are_added_up_or_told_apart(tmp_path: Path):
    store, rng = opened(tmp_path), np.random.default_rng(1)
    other, segment = store.number(Series("gbm")), store.number(Series("gbm", "country:DE"))
    coarse = {"bins": FRAME.bins.coarse(), "width_s": FRAME.width("segment")}
    store.add([cells_of(labels(rng, 100, NOON - 600, 300)), cells_of(labels(rng, 70, NOON - 600, 300), other)])
    store.add([cells_of(labels(rng, 30, NOON - 600, 300), segment, **coarse)])
    found = asked(store, Asked())
    assert (found.models, found.segments, found.n_labelled) == (["gbm", "ridge"], ["country:DE"], 170)
    assert asked(store, Asked(model="gbm")).n_labelled == 70
    assert asked(store, Asked(model="gbm", segment="country:DE")).n_labelled == 30
    assert asked(store, Asked(model="nobody")).n_labelled == 0
    assert asked(store, Asked(segment="country:FR", axis="decided")).n_labelled == 0


def test_what_happened_to_the_worker_in_the_span_is_marked(tmp_path: Path):
    store = opened(tmp_path)
    store.mark(Mark(NOON - 60, "opened", "Worker 1 counts from here."))
    assert [(mark.at, mark.kind) for mark in asked(store, Asked()).marks] == [(NOON - 60, "opened")]
    assert asked(store, Asked(start=NOON - 30)).marks == []


def test_of_very_many_marks_the_last_are_shown(tmp_path: Path):
    store = opened(tmp_path)
    marks = [Mark(NOON - 600 + i, "opened", f"Worker {i} counts from here.") for i in range(MOST_MARKS + 50)]
    for mark in marks:
        store.mark(mark)
    assert [mark.text for mark in asked(store, Asked("1h")).marks] == [mark.text for mark in marks[50:]]


def test_gaps_of_the_span_make_it_incomplete(tmp_path: Path):
    store = opened(tmp_path)
    added(store, np.random.default_rng(1), NOON - 600, 300)
    store.add([], gaps=[Gap(NOON - 500, NOON - 450, "Kafka no longer had them")])
    assert not asked(store, Asked()).complete
    assert asked(store, Asked(start=NOON - 300)).complete


def test_figures_that_are_behind_are_of_the_moment_up_to_which_all_is_counted_and_say_so(tmp_path: Path):
    why = "counting is 40 s behind"
    store = opened(tmp_path)
    added(store, np.random.default_rng(1), NOON - 7200, 7100, 5000)
    stand = {"at": NOON - 40, "time": NOON - 40, "is_reported": True}
    store.add([], state={COUNTING: json.dumps({"read_to": 1, "stands": {"log": {"0": stand}}}).encode()})
    query = Query(store.reader, FRAME.bins, FRAME.slice_s, "arrival")
    late, then = query.figures(Asked(start=NOON - 3600), NOON, why), query.figures(Asked(start=NOON - 3600), NOON - 40)
    assert (late.now, late.expected, late.coverage) == (then.now, then.expected, then.coverage)
    assert (late.complete, late.gaps, then.complete) == (False, [Gap(NOON - 40, NOON, why)], True)
    assert [one.why for one in late.slices if not one.complete] == [why]
    before = query.figures(Asked(start=NOON - 3600, end=NOON - 600), NOON, why)
    assert before.complete, "all of it is counted"


def test_by_the_clock_of_events_figures_that_are_behind_say_so_too(tmp_path: Path):
    store = Store.open(tmp_path, FRAME._replace(clock="event"))
    store.number(MODEL)
    store.add([cells_of(labels(np.random.default_rng(1), 500, NOON - 900, 600))], state={EVENT_NOW: b"%f" % NOON})
    query = Query(store.reader, FRAME.bins, FRAME.slice_s, "event")
    assert query.figures(Asked("1h"), 2 * NOON).complete
    found = query.figures(Asked("1h"), 2 * NOON, "counting is 40 s behind")
    assert (found.complete, found.gaps) == (False, [Gap(NOON, NOON, "counting is 40 s behind")])


def test_all_is_all_also_what_is_newer_than_the_clock_of_events(tmp_path: Path):
    """That clock is the slowest partition's: the newest predictions of the others lie after it."""
    store = Store.open(tmp_path, FRAME._replace(clock="event"))
    tagged = Series("ridge", "country:DE")
    numbers, widths_s = [store.number(MODEL), store.number(tagged)], [FRAME.slice_s, segment_width(FRAME.slice_s)]
    made = labels(np.random.default_rng(1), 500, NOON - 600, 900)
    cells = [
        cells_of(made, number, bins=one.bins(FRAME.bins), width_s=width_s)
        for one, number, width_s in zip((MODEL, tagged), numbers, widths_s, strict=True)
    ]
    kept = {EVENT_NOW: b"%f" % NOON, by_segment.NAME: b'{"since": {"country": 0}}'}
    store.add(cells, state=kept)
    query = Query(store.reader, FRAME.bins, FRAME.slice_s, "event")

    for asked in (Asked("all"), Asked(start=NOON - 660)):
        found = query.figures(asked, 2 * NOON)
        split = query.breakdown(AskedSegments(asked, "country"), 2 * NOON).total
        assert (found.n_labelled, found.n_predictions) == (500, 750)
        assert (split.n_labelled, split.n_predictions) == (500, 750)
        assert query.rank(asked, 0.0, "order-1", 2 * NOON).n == 500
        assert (found.now, found.to) == (NOON, NOON + 300)
    assert query.figures(Asked("1h"), 2 * NOON).n_labelled == int((made.time < NOON).sum())


@pytest.mark.parametrize("rho", [0.7, -0.7])
def test_a_world_through_the_file_is_within_two_per_cent_of_the_truth(tmp_path: Path, rho: float):
    rng = np.random.default_rng(8)
    frame = Frame(WINDOW_S, 30.0, 3660.0, "event")
    store = Store.open(tmp_path, frame)
    store.number(MODEL)
    world, minutes = label_worlds.steady(rng, 300, 10, rho), 300
    cells = label_worlds.cells(rng, world, minutes * MINUTE)
    store.add([cells._replace(series=np.ones_like(cells.series))], state={EVENT_NOW: b"18000.0"})
    query = Query(store.reader, frame.bins, frame.slice_s, "event")
    assert query.figures(Asked("1h"), NOON).horizon_s < WINDOW_S
    found = query.figures(Asked("24h"), NOON)
    assert (found.now, found.clock, found.horizon_s) == (18_000.0, "event", WINDOW_S)
    assert found.expected["mae"] == pytest.approx(true_scores(WINDOW_S, rho)["mae"], rel=0.02)
    assert found.coverage.final == pytest.approx(true_coverage(WINDOW_S), abs=0.02)
    assert found.n_predictions == len(world.made)


def test_a_file_that_is_replaced_is_opened_again_and_without_one_nothing_has_come(tmp_path: Path):
    answers = Answers(tmp_path, WINDOW_S)
    assert answers.look(Asked("all")).n_predictions == 0
    store = opened(tmp_path)
    added(store, np.random.default_rng(1), NOON, 300, 100)
    assert answers.look(Asked("all")).n_labelled == 100
    store.close()
    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    again = opened(tmp_path)
    added(again, np.random.default_rng(1), NOON, 300, 50)
    assert answers.look(Asked("all")).n_labelled == 50
    again.close()
    other = Store.open(tmp_path, FRAME._replace(window_s=1800.0, slice_s=15.0))
    assert answers.look(Asked("all")).window_s == 1800.0
    answers.close()
    other.close()
