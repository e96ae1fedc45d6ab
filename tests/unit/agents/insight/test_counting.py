"""Counting: each record once and in order, what is missing said, and what it is counted as."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from agents.insight import counting
from agents.insight.counting import BEFORE_REPORTS, MAX_MODELS, OTHER, REMOVED, Counting
from agents.insight.database import NAME, Damaged
from agents.insight.query import NOW
from agents.insight.series import Series
from agents.insight.store import Store
from streams.scores.cells import COUNTS
from streams.scores.figures import Gap, Mark
from streams.wire import verdicts
from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests import older
from tests.unit.agents.insight.metric_topic import Join
from tests.unit.agents.insight.worlds import DAY_S, FRAME, NOON

ALWAYS = (0.0, 1e12)
MARK = Mark(NOON, "opened", "Worker 1 counts from here.")
EVENT = FRAME._replace(clock="event")


def opened(directory: Path, frame=FRAME) -> Counting:
    return Counting.open(directory, frame, MARK)


def record(offset=0, previous=-1, rows=(), report=None, partition=0):
    return VerdictRecord("log", partition, offset, previous, list(rows), report)


def report(at=NOON, newest_true=None, n_unreadable=0, arrivals=()):
    return Report(at, newest_true, n_unreadable, list(arrivals))


def read(directory: Path, frame=FRAME):
    """Return a reader of the file, as its next owner."""
    return Store.open(directory, frame).reader


def count_of(directory: Path, name: str, axis="predicted", model="ridge", frame=FRAME) -> dict[float, int]:
    cells = read(directory, frame).cells(Series(model, axis=axis), *ALWAYS)
    return {start: n for start, n in zip(cells.start.tolist(), cells.count_of(name).tolist(), strict=True) if n}


def labels_of(directory: Path, axis: str, frame=FRAME) -> dict[float, list[int]]:
    """Return of each slice in which bins of delay labels are."""
    cells = read(directory, frame).cells(Series("ridge", axis=axis), *ALWAYS)
    return {
        start: np.flatnonzero(n).tolist() for start, n in zip(cells.start.tolist(), cells.n, strict=True) if n.any()
    }


# What it is counted as


def matched(ts_pred, ts_true, at):
    return Verdict("a", "matched", at, 10.0, 12.5, ts_true, ts_pred, "ridge")


@pytest.mark.parametrize(("frame", "delay_s"), [(FRAME, 90.0), (EVENT, 30.0)], ids=["arrival", "event"])
def test_a_label_counts_at_its_predictions_time_by_the_delay_of_the_clock(tmp_path: Path, frame, delay_s):
    made = opened(tmp_path, frame)
    assert made.count([record(rows=[matched(NOON + 1, NOON + 31, NOON + 91)], report=report(NOON + 91))], 1)
    made.close()

    (bin_,) = frame.bins.of(np.array([delay_s]))
    assert labels_of(tmp_path, "predicted", frame) == {NOON: [bin_]}
    cells = read(tmp_path, frame).cells(Series("ridge"), *ALWAYS)
    assert cells.sum_of("absolute").sum() == 2.5
    assert cells.count_of("n_predictions").tolist() == [0], "it was reported when it came, or not at all"


@pytest.mark.parametrize(("frame", "slice_"), [(FRAME, NOON + 90), (EVENT, NOON + 30)], ids=["arrival", "event"])
def test_by_decision_time_a_label_and_its_prediction_count_when_they_met(tmp_path: Path, frame, slice_):
    made = opened(tmp_path, frame)
    made.count([record(rows=[matched(NOON + 1, NOON + 31, NOON + 91)], report=report(NOON + 91))], 1)
    made.close()
    assert list(labels_of(tmp_path, "decided", frame)) == [slice_]
    assert count_of(tmp_path, "n_predictions", "decided", frame=frame) == {slice_: 1}


def test_predictions_count_when_they_come_by_model_and_slice(tmp_path: Path):
    seconds = [int(NOON), int(NOON) + 29, int(NOON) + 30]
    made = opened(tmp_path)
    arrivals = [Arrivals("ridge", seconds, [2, 3, 4], [0, 0, 1]), Arrivals(None, seconds[:1], [7], [0])]
    made.count([record(report=report(NOON + 300, arrivals=arrivals))], 1)
    made.close()

    assert count_of(tmp_path, "n_predictions") == {NOON: 5, NOON + 30: 4}
    assert count_of(tmp_path, "n_predictions", model="") == {NOON: 7}
    assert count_of(tmp_path, "n_late") == {NOON + 30: 1}
    assert count_of(tmp_path, "n_late", "decided") == {NOON + 300: 1}
    assert count_of(tmp_path, "n_predictions", "decided") == {}


def test_lone_rows_count_at_their_own_time_and_when_they_were_given_up(tmp_path: Path):
    lone = [
        Verdict("p", "unmatched_pred", NOON + 3700, y_pred=1.0, ts_pred=NOON + 5, model="ridge"),
        Verdict("t", "unmatched_true", NOON + 3700, y_true=1.0, ts_true=NOON + 65),
    ]
    made = opened(tmp_path)
    made.count([record(rows=lone, report=report(NOON + 3700))], 1)
    made.close()

    assert count_of(tmp_path, "n_unmatched_pred") == {NOON: 1}
    assert count_of(tmp_path, "n_unmatched_true", model="") == {NOON + 60: 1}
    given_up = math.floor((NOON + 3700) / 30) * 30
    assert count_of(tmp_path, "n_unmatched_pred", "decided") == {given_up: 1}
    assert count_of(tmp_path, "n_predictions", "decided") == {given_up: 1}
    assert count_of(tmp_path, "n_unmatched_true", "decided", model="") == {given_up: 1}


def test_rows_that_could_not_be_read_count_when_that_was_seen(tmp_path: Path):
    made = opened(tmp_path)
    made.count([record(report=report(NOON + 65, n_unreadable=3))], 1)
    made.close()
    assert count_of(tmp_path, "n_refused", model="") == {NOON + 60: 3}


def test_of_more_models_than_a_file_can_hold_the_further_ones_share_a_name(tmp_path: Path, caplog):
    made = opened(tmp_path)
    names = [f"model-{i}" for i in range(MAX_MODELS + 5)]
    made.count([record(report=report(arrivals=[Arrivals(name, [int(NOON)], [1], [0]) for name in names]))], 1)
    made.close()
    known = {series.model for series in read(tmp_path).series()}
    assert len(known) == MAX_MODELS + 1
    assert count_of(tmp_path, "n_predictions", model=OTHER) == {NOON: 5}
    assert caplog.text.count("models are named") == 1


# Once and in order


def test_what_was_counted_counts_no_second_time(tmp_path: Path):
    join = Join(1)
    records = [join.decide(i % 2) for i in range(20)]
    made = opened(tmp_path)
    assert made.count(records[:12], 12)
    assert made.count(records[5:], 20)
    made.close()
    again = opened(tmp_path)
    assert again.read_to == 20
    assert again.count(records, 20)
    n = sum(arrivals for one in records for each in one.report.arrivals for arrivals in each.n_predictions)
    counted = Counter[str]()
    for model in ("ridge", "forest"):
        counted["n"] += sum(count_of(tmp_path, "n_predictions", model=model).values())
    assert counted["n"] == n


def test_what_does_not_follow_is_left_with_all_behind_it(tmp_path: Path):
    join = Join(2, 1)
    records = [join.decide(0) for _ in range(4)]
    made = opened(tmp_path)
    assert made.count(records[:1], 1)
    assert not made.count(records[2:], 1)
    assert not made.count(records[2:], 4)
    assert (made.positions(), made.read_to) == ({"log": {0: records[0].offset}}, 1)
    assert made.count(records[1:], 4)
    made.close()
    assert read(tmp_path).gaps(*ALWAYS) == []


def test_a_file_that_is_gone_is_noticed_though_nothing_comes(tmp_path: Path):
    made = opened(tmp_path)
    (tmp_path / NAME).unlink()
    with pytest.raises(Damaged):
        made.count([], 0)


# What is missing


def test_where_kafka_has_lost_records_the_time_of_their_rows_is_said_to_be_incomplete(tmp_path: Path):
    made = opened(tmp_path)
    made.count([record(3, -1, report=report(NOON))], 1)
    made.count([record(9, 7, report=report(NOON + 600))], 2, is_all=True)
    made.close()
    assert read(tmp_path).gaps(*ALWAYS) == [Gap(NOON - FRAME.closed_s, NOON + 600, REMOVED)]


def test_where_kafka_holds_only_what_came_late_all_before_is_incomplete_once_for_all_partitions(tmp_path: Path):
    made = opened(tmp_path)
    lone = [record(9, 7, report=report(NOON + 60 * p), partition=p) for p in range(3)]
    made.count(lone, 3, is_all=True)
    made.close()
    assert read(tmp_path).gaps(*ALWAYS) == [Gap(0.0, NOON + 120, REMOVED)]


def test_predictions_that_an_older_version_did_not_report_are_known_by_their_ends_and_their_time_is_incomplete(
    tmp_path: Path,
):
    made = opened(tmp_path)
    made.count([record(0, -1, [matched(NOON - 60, NOON - 30, NOON)])], 1)
    made.count([record(1, 0, [matched(NOON - 50, NOON - 20, NOON + 10)], report(NOON + 10))], 2)
    made.close()
    assert count_of(tmp_path, "n_predictions") == {NOON - 60: 1}
    assert read(tmp_path).gaps(*ALWAYS) == [Gap(NOON - FRAME.closed_s, NOON, BEFORE_REPORTS)]


def test_what_an_older_installation_decided_is_counted(tmp_path: Path):
    records = [verdicts.decode(value) for value in older.TOPICS["metric"]]
    made = opened(tmp_path)
    made.count(records, len(records), is_all=True)
    made.close()
    kinds = Counter(row["verdict"] for rows in older.EXPECTED["rows"] for row in rows)
    reader = read(tmp_path)
    cells = [reader.cells(series, *ALWAYS) for series in reader.series() if series.axis == "predicted"]
    n = {name: sum(int(part.count_of(name).sum()) for part in cells) for name in COUNTS}
    assert kinds["matched"] > 0
    assert sum(int(part.n.sum()) for part in cells) + n["n_left_out"] == kinds["matched"]
    assert n["n_unmatched_pred"] == kinds["unmatched_pred"]
    assert n["n_unmatched_true"] == kinds["unmatched_true"]
    assert n["n_predictions"] == kinds["matched"] + kinds["unmatched_pred"]


def test_each_opening_is_marked_but_that_before_anything_was_counted(tmp_path: Path):
    made = opened(tmp_path)
    made.count([record(report=report())], 1)
    made.close()
    assert read(tmp_path).marks(*ALWAYS) == []
    opened(tmp_path).close()
    opened(tmp_path).close()
    assert read(tmp_path).marks(*ALWAYS) == [MARK, MARK]
    assert read(tmp_path).marks(NOON + 1, 1e12) == []


# The clock `event`


def test_it_is_as_late_as_the_truths_of_the_partition_that_is_furthest_behind(tmp_path: Path):
    made = opened(tmp_path, EVENT)
    made.count([record(report=report(NOON + 9, 500.0)), record(report=report(NOON + 10, 300.0), partition=1)], 2)
    assert read(tmp_path, EVENT).state(NOW) == b"300.0"


def test_a_partition_without_newer_truths_for_long_holds_up_nothing(tmp_path: Path):
    made = opened(tmp_path, EVENT)
    later = NOON + counting.SILENT_S + 1
    quiet = [record(0, -1, report=report(NOON, 300.0)), record(1, 0, report=report(later, 300.0))]
    made.count([*quiet, record(report=report(later, 500.0), partition=1)], 3)
    made.close()
    assert read(tmp_path, EVENT).state(NOW) == b"500.0"


@pytest.mark.slow
def test_a_month_that_is_replayed_has_thirty_days_of_errors_as_if_it_had_been_watched(tmp_path: Path):
    made, start = opened(tmp_path, EVENT), math.floor(NOON / DAY_S) * DAY_S
    for hour in range(30 * 24):
        ts, error = start + hour * 3600 + 30, float(hour // 24)
        rows = [Verdict(f"{hour}", "matched", NOON * 2, 1.0, 1.0 + error, ts + 60, ts, "ridge")]
        arrivals = [Arrivals("ridge", [int(ts)], [2], [0])]
        made.count([record(hour, hour - 1, rows, report(NOON * 2, ts + 60, arrivals=arrivals))], hour + 1)
        if hour % 5 == 0:
            made.roll_up(NOON * 2)
    made.close()

    cells = read(tmp_path, EVENT).cells(Series("ridge"), *ALWAYS)
    day = ((cells.start - start) // DAY_S).astype(int)
    assert np.bincount(day, cells.n.sum(axis=1)).tolist() == [24] * 30
    assert np.bincount(day, cells.count_of("n_predictions")).tolist() == [48] * 30
    np.testing.assert_allclose(np.bincount(day, cells.sum_of("absolute").sum(axis=1)) / 24, np.arange(30))
    assert cells.width.min() == FRAME.slice_s
    assert cells.width[0] == 3600


def test_without_a_truth_it_is_no_time_yet(tmp_path: Path):
    made = opened(tmp_path, EVENT)
    made.count([record(report=report(NOON))], 1)
    made.roll_up(NOON)
    made.close()
    assert read(tmp_path, EVENT).state(NOW) is None
