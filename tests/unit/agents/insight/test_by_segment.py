"""Segments: those of a key add up to the whole, whatever is tagged, restarted or counted in one go; and what is known of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.insight import by_segment
from agents.insight.by_segment import N_SAMPLE
from agents.insight.counting import Counting
from agents.insight.database import NAME
from agents.insight.reader import Reader
from agents.insight.series import Series
from agents.insight.store import Store
from streams.scores.cells import Cells
from streams.scores.figures import Mark
from streams.scores.segments import MAX_SEGMENTS, MAX_VALUES
from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests.unit.agents.insight.worlds import FRAME, NOON, assert_same

ALWAYS = (0.0, 1e12)
MARK = Mark(NOON, "opened", "Worker 1 counts from here.")
KEYS = ("country", "tier")
SEGMENT_S = FRAME.width("segment")
tags = st.none() | st.fixed_dictionaries({}, optional={key: st.sampled_from(["DE", "FR", "NL"]) for key in KEYS}).map(
    lambda each: msgspec.json.encode(each).decode()
)
models = st.sampled_from([None, "ridge", "forest"])
whole_numbers = st.integers(-50, 50).map(float)


@st.composite
def verdicts(draw):
    kind = draw(st.sampled_from(["matched", "matched", "unmatched_pred", "unmatched_true"]))
    y_true, y_pred, ts = draw(whole_numbers), draw(whole_numbers), NOON + draw(st.integers(0, 900))
    of = (draw(models), draw(tags), draw(tags))
    if kind == "unmatched_true":
        return Verdict("a", kind, NOON + 1000, y_true, None, ts, None, None, None, of[2])
    if kind == "unmatched_pred":
        return Verdict("a", kind, NOON + 1000, None, y_pred, None, ts, of[0], of[1])
    return Verdict("a", kind, NOON + 1000, y_true, y_pred, ts, ts, *of)


arrivals = st.builds(
    lambda model, second, n, late, of: Arrivals(model, [int(NOON) + second], [n], [late], of),
    models,
    st.integers(0, 900),
    st.integers(0, 5),
    st.integers(0, 2),
    tags,
)
batches = st.tuples(st.lists(verdicts(), max_size=8), st.lists(arrivals, max_size=4), st.integers(0, 2), st.booleans())


def records(made):
    """Return records of what was drawn, chained."""
    return [
        VerdictRecord("log", 0, i, i - 1, rows, Report(NOON + 1000.0, NOON, n_unreadable, came, n_bad_tags=1))
        for i, (rows, came, n_unreadable, _) in enumerate(made)
    ]


def opened(directory: Path, keys=KEYS) -> Counting:
    return Counting.open(directory, FRAME, MARK, keys)


def cells_by(directory: Path, key: str, width_s: float = SEGMENT_S) -> Cells:
    """Return all cells of a key's segments, those of all models and segments in one; `` is the whole."""
    reader = Store.open(directory, FRAME).reader
    wanted = [one for one in reader.series() if one.axis == "predicted" and one.key == key]
    parts = [Cells.none(9 if key else 33)] + [reader.cells(one, *ALWAYS, details=True) for one in wanted]
    merged = Cells.merge([each._replace(series=np.zeros_like(each.series)) for each in parts])
    start = merged.start // width_s * width_s
    return Cells.merge([merged._replace(start=start, width=np.full_like(start, width_s))])


def exact(cells: Cells) -> list:
    """Return what adds up exactly: counts, labels, and sums of whole numbers."""
    sums = [cells.sum_of(name).sum(axis=1).tolist() for name in ("absolute", "squared", "error", "truth")]
    return [cells.start.tolist(), cells.counts.tolist(), cells.n.sum(axis=1).tolist(), *sums]


@settings(max_examples=40, deadline=None)
@given(st.lists(batches, max_size=6))
def test_the_segments_of_a_key_and_the_untagged_add_up_to_the_whole_exactly(made):
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        counting = opened(directory)
        for i, (record, (*_, is_restart)) in enumerate(zip(records(made), made, strict=True)):
            if is_restart:
                counting.close()
                counting = opened(directory)
            assert counting.count([record], i + 1)
        counting.close()
        for key in KEYS:
            assert exact(cells_by(directory, key)) == exact(cells_by(directory, ""))
        reader = Store.open(directory, FRAME).reader
        assert by_segment.read(reader).n_bad_tags == len(made)


def label(i, y_true=1.0, y_pred=2.0, tags=None, true_tags=None, ts=NOON):
    return Verdict(f"id-{i}", "matched", ts + 60, y_true, y_pred, ts + 60, ts, "ridge", tags, true_tags)


def country(value: object) -> str:
    return msgspec.json.encode({"country": value}).decode()


def test_the_tags_of_the_prediction_win_over_those_of_the_truth(tmp_path: Path):
    counting = opened(tmp_path)
    rows = [label(1, tags=country("DE"), true_tags=country("FR")), label(2, true_tags='{"country":"NL","tier":"gold"}')]
    counting.count([VerdictRecord("log", 0, 0, -1, rows, Report(NOON + 100))], 1)
    counting.close()
    reader = Store.open(tmp_path, FRAME).reader
    n = {one.segment: int(reader.cells(one, *ALWAYS).n.sum()) for one in reader.series() if one.segment}
    assert n == {"country:DE": 1, "country:NL": 1, "tier:": 1, "tier:gold": 1}
    assert by_segment.read(reader).of_truths == ["country", "tier"]


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "many batches"])
def test_of_100_000_values_the_later_ones_are_other_and_no_row_is_lost(tmp_path: Path, at_once):
    counting, n, size = opened(tmp_path), 100_000, 100_000 if at_once else 10_000
    for i in range(0, n, size):
        rows = [label(j, 0.0, float(j % 7), country(f"v{j}")) for j in range(i, i + size)]
        came = [Arrivals("ridge", [int(NOON)], [1], [0], row.tags) for row in rows]
        counting.count(
            [VerdictRecord("log", 0, i, i - size if i else -1, rows, Report(NOON + 100, arrivals=came))], i + 1
        )
    assert len(counting._by_segment._sets) <= by_segment._MAX_KNOWN
    counting.close()
    reader = Store.open(tmp_path, FRAME).reader
    of_key = [one for one in reader.series() if one.key == "country"]
    assert len(of_key) == MAX_VALUES + 1 <= MAX_SEGMENTS
    assert sum(int(reader.cells(one, *ALWAYS).n.sum()) for one in of_key) == n
    assert sum(int(reader.cells(one, *ALWAYS).count_of("n_predictions").sum()) for one in of_key) == n
    assert exact(cells_by(tmp_path, "country")) == exact(cells_by(tmp_path, ""))
    assert by_segment.read(reader).n_other == n - MAX_VALUES


def sized(n: int, start: int = 0) -> list[VerdictRecord]:
    """Return records of one label each."""
    rng = np.random.default_rng(5)
    values = rng.normal(100, 30, (start + n, 2)).round(3).tolist()
    return [
        VerdictRecord("log", 0, i, i - 1, [label(i, *values[i], ts=NOON + i)], Report(NOON + 10_000))
        for i in range(start, start + n)
    ]


@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "one by one, with restarts"])
def test_the_bins_of_sizes_add_up_to_all_labels_and_stay_after_a_restart(tmp_path: Path, at_once):
    counting, made = opened(tmp_path, ()), sized(N_SAMPLE + 100)
    if at_once:
        counting.count(made, len(made))
    else:
        for i in range(0, len(made), 75):
            counting.count(made[i : i + 75], i)
            counting.close()
            counting = opened(tmp_path, ())
    counting.close()
    reader = Store.open(tmp_path, FRAME).reader
    edges = by_segment.read(reader).edges
    for name in ("y_pred", "y_true"):
        bins = [one for one in reader.series() if one.key == name]
        assert len(bins) == 8
        n = [int(reader.cells(one, *ALWAYS).n.sum()) for one in bins]
        assert sum(n) == len(made)
        assert min(n) > 40, "about the same number in each"
        assert reader.cells(bins[0], *ALWAYS).n.shape[1] == 1
    whole = [row.y_pred for record in made for row in record.rows]
    lowest = next(one for one in reader.series() if one.segment.startswith("y_pred:below"))
    assert int(reader.cells(lowest, *ALWAYS).n.sum()) == sum(value < edges["y_pred"][0] for value in whole)


def test_a_file_made_anew_from_the_same_records_has_the_same_sums(tmp_path: Path):
    rng = np.random.default_rng(3)
    rows = [label(i, *rng.normal(0, 9, 2).tolist(), country(f"c{rng.integers(80)}"), ts=NOON + i) for i in range(900)]
    made = [VerdictRecord("log", 0, i, i - 1, rows[30 * i : 30 * i + 30], Report(NOON + 2000)) for i in range(30)]
    for directory, step in ((tmp_path / "a", 1), (tmp_path / "b", 7)):
        directory.mkdir()
        for i in range(0, len(made), step):
            counting = opened(directory)
            counting.count(made[i : i + step], i + 1)
            counting.close()
    readers = [Store.open(tmp_path / name, FRAME).reader for name in "ab"]
    assert set(readers[0].series()) == set(readers[1].series())
    for one in readers[0].series():
        first, other = (reader.cells(one, *ALWAYS, details=True) for reader in readers)
        assert_same(first._replace(series=other.series), other)
    first, other = map(by_segment.read, readers)
    assert first == other


def test_a_key_that_is_new_counts_predictions_made_from_then_on(tmp_path: Path):
    counting = opened(tmp_path, ())
    counting.count([VerdictRecord("log", 0, 0, -1, [label(1)], Report(NOON + 100))], 1)
    counting.close()
    counting = opened(tmp_path, ("country",))
    rows = [label(2, tags=country("DE"), ts=NOON), label(3, tags=country("DE"), ts=NOON + 700)]
    came = [Arrivals("ridge", [int(NOON), int(NOON) + 700], [1, 1], [0, 0], country("DE"))]
    counting.count([VerdictRecord("log", 0, 1, 0, rows, Report(NOON + 600, arrivals=came))], 2)
    counting.close()
    reader = Store.open(tmp_path, FRAME).reader
    cells = reader.cells(Series("ridge", "country:DE"), *ALWAYS)
    assert (cells.n.sum(), cells.count_of("n_predictions").sum()) == (1, 1)
    assert by_segment.read(reader).since == {"country": NOON + 600, "y_pred": 0.0, "y_true": 0.0}


def test_what_is_kept_is_read_beside_the_writer(tmp_path: Path):
    counting = opened(tmp_path)
    counting.count([VerdictRecord("log", 0, 0, -1, [label(1)], Report(NOON + 100))], 1)
    reader = Reader.of_file(tmp_path / NAME)
    assert set(by_segment.read(reader).since) == {"country", "tier", "y_pred", "y_true"}
    reader.close()
    counting.close()


def test_a_value_that_is_named_other_is_none_of_too_many(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    of = [f'{{"country":"{value}"}}' for value in ("other", "an:other", "no:")]
    rows = [Verdict(f"a{i}", "matched", NOON, 1.0, 2.0, NOON, NOON, "m", None, each) for i, each in enumerate(of)]
    came = [Arrivals("m", [int(NOON)], [1], [0], each) for each in of]
    counting = opened(tmp_path)
    counting.count([VerdictRecord("log", 0, 0, -1, rows, Report(NOON, NOON, 0, came))], 1)
    counting.close()
    reader = Reader.of_file(tmp_path / NAME)
    kept, segments = by_segment.read(reader), {one.segment for one in reader.series() if one.key == "country"}
    reader.close()
    assert kept.n_other == 0
    assert segments == {"country:other", "country:an:other", "country:no:"}
    assert "more than" not in caplog.text
