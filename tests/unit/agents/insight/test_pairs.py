"""Pairs of models in insight.db: each counted once, with the rest, and compared from there."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import msgspec
import numpy as np
import pytest

from agents.insight.answers import Answers
from agents.insight.counting import Counting
from agents.insight.database import NAME
from agents.insight.query import AskedPair
from agents.insight.schema import VERSION
from agents.insight.store import Frame
from streams.scores.compared_segments import MOST
from streams.scores.figures import Mark
from streams.scores.segments import MAX_VALUES
from streams.wire.verdicts import Arrivals, Pairs, Report, Verdict, VerdictRecord
from tests.unit.agents.insight.worlds import DAY_S, NOON

FRAME = Frame(60.0, 10.0, 70.0, "event")
MARK = Mark(NOON, "opened", "Worker 1 counts from here.")
START = int(NOON - DAY_S)


def records(n_slices, advantage, *, seed=1, n_ids=20, newest=None):
    """Return a record a slice: champion and challenger on the same ids, the challenger's errors less by `advantage`."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n_slices):
        at = START + 10 * i
        first = np.abs(rng.normal(0, 1, n_ids)) + 2
        second = first - rng.normal(advantage, 0.1, n_ids)
        pairs = Pairs(
            "champion",
            "challenger",
            [at],
            [n_ids],
            *([float(column.sum())] for column in (first, second, first**2, second**2)),
        )
        rows = [
            Verdict(f"{i}-{j}", "matched", at + 5.0, 0.0, float(error[j]), at + 4.0, float(at), model)
            for model, error in (("champion", first), ("challenger", second))
            for j in range(n_ids)
        ]
        arrivals = [Arrivals(model, [at], [n_ids], [0]) for model in ("champion", "challenger")]
        made.append(
            VerdictRecord("log", 0, i, i - 1, rows, Report(at + 5.0, newest or at + 4.0, 0, arrivals, 0, [pairs]))
        )
    return made


def tagged(sent):
    """Return the same records, their pairs in two parts: two of three have a country, in turn DE and FR, the rest none."""
    made = []
    for i, record in enumerate(sent):
        (pairs,) = record.report.pairs
        parts = [
            Pairs("champion", "challenger", pairs.seconds, [n], *([column[0] * n / 20] for column in pairs.sums), of)
            for n, of in ((14, country(["DE", "FR"][i % 2])), (6, None))
        ]
        made.append(msgspec.structs.replace(record, report=msgspec.structs.replace(record.report, pairs=parts)))
    return made


def country(value):
    return msgspec.json.encode({"country": value}).decode()


def counted(directory, sent, read_to=0, frame=FRAME, keys=()):
    counting = Counting.open(directory, frame, MARK, keys)
    assert counting.count(sent, read_to)
    counting.close()


def compared(directory, first="champion", second="challenger", **span):
    return Answers(directory, FRAME.window_s).look_at_pair(AskedPair(first, second, **span))


def test_the_second_is_better_or_worse_whichever_is_named_first(tmp_path):
    counted(tmp_path, records(60, 0.2))
    found, turned = compared(tmp_path), compared(tmp_path, "challenger", "champion")
    assert (found.verdict, turned.verdict) == ("better", "worse")
    assert found.losses[0].difference == pytest.approx(0.2, abs=0.01)
    assert turned.losses[0].difference == -found.losses[0].difference
    assert [loss.loss for loss in found.losses] == ["absolute", "squared"]
    assert found.models == ["challenger", "champion"]


def test_after_the_challenger_was_promoted_the_pairs_of_before_count_on(tmp_path):
    sent = records(60, 0.2)
    (last,) = sent[40].report.pairs
    turned = Pairs(
        "challenger",
        "champion",
        [last.seconds[0]],
        [20],
        *last.sums[1::-1],
        last.squared_of_model,
        last.squared_of_reference,
    )
    both = list(sent)
    both[40] = msgspec.structs.replace(sent[40], report=msgspec.structs.replace(sent[40].report, pairs=[turned]))
    counted(tmp_path / "one", sent)
    counted(tmp_path / "both", both)
    assert compared(tmp_path / "one") == compared(tmp_path / "both")


def test_only_slices_count_whose_labels_are_all_there(tmp_path):
    counted(tmp_path, records(60, 0.2))
    found = compared(tmp_path)
    n_young = 7  # the newest truth is of 4 s into the last slice; a slice is closed 70 s after its end
    assert (found.n_slices, found.n_pairs, found.n_immature) == (
        60 - n_young - 1,
        20 * (60 - n_young - 1),
        20 * (n_young + 1),
    )
    assert found.n_predictions_first == found.n_predictions_second == found.n_pairs
    assert found.n_only_first == found.n_only_second == found.n_unlabelled == 0


def test_what_was_counted_before_is_not_counted_again(tmp_path):
    sent = records(40, 0.2)
    counted(tmp_path, sent[:25])
    counted(tmp_path, sent[10:])
    whole = tmp_path / "whole"
    counted(whole, sent)
    assert compared(tmp_path) == compared(whole)


def test_a_span_and_ids_that_one_of_them_lacks(tmp_path):
    sent = records(60, 0.2)
    lone = Verdict("lone", "matched", START + 6.0, 0.0, 1.0, START + 5.0, START + 1.0, "champion")
    report = Report(START + 700.0, START + 1000.0, 0, [Arrivals("champion", [START + 1], [2], [0])])
    counted(tmp_path, [*sent, VerdictRecord("log", 0, 60, 59, [lone], report)])
    found = compared(tmp_path)
    assert (found.n_pairs, found.n_only_first, found.n_only_second, found.n_unlabelled) == (1200, 1, 0, 1)
    assert compared(tmp_path, last_s=1000.0 - 300.0).n_slices == 30


def test_while_there_is_no_file_or_no_such_model_nothing_can_be_told(tmp_path):
    assert compared(tmp_path).verdict == "cannot tell"
    counted(tmp_path, records(30, 0.2))
    found = compared(tmp_path, "champion", "nobody")
    assert found.verdict == "cannot tell"
    assert found.sentence == "Cannot tell: no prediction of nobody is known; there are challenger, champion."


def test_old_slices_are_hours_and_then_days_and_their_sums_stay(tmp_path):
    frame = FRAME._replace(clock="arrival")
    counted(tmp_path, records(720, 0.2), frame=frame)
    widths = []
    for age_s in (DAY_S, 3 * DAY_S, 70 * DAY_S, 70 * DAY_S):
        counting = Counting.open(tmp_path, frame, MARK)
        counting.roll_up(START + age_s)
        counting.close()
        with closing(sqlite3.connect(tmp_path / NAME)) as file:
            widths.append([width for (width,) in file.execute("SELECT DISTINCT width FROM pairs ORDER BY 1")])
    assert widths == [[10], [3600], [86_400], [86_400]]
    after = compared(tmp_path)
    assert (after.n_pairs, after.n_only_first) == (20 * 720, 0)
    assert after.losses[0].difference == pytest.approx(0.2, abs=0.01)


def test_the_segments_of_a_key_add_up_to_all_whatever_was_restarted(tmp_path):
    sent = tagged(records(800, 0.2))
    counted(tmp_path, sent[:300], keys=["country"])
    counted(tmp_path, sent[100:], keys=["country"])
    found = compared(tmp_path, key="country")
    by = found.by_segment
    assert {one.name: one.value for one in by.segments} == {"country:": "", "country:DE": "DE", "country:FR": "FR"}
    segment_s = FRAME.width("segment")
    mature = (found.mature_to - START) // segment_s * segment_s // 10
    assert by.total.n_pairs == sum(one.n_pairs for one in by.segments) == 20 * mature
    whole = compared(tmp_path)
    assert by.total.difference == pytest.approx(whole.losses[0].difference, abs=0.002)
    assert sum(one.difference * one.n_pairs for one in by.segments) == pytest.approx(by.total.difference * 20 * mature)
    assert (by.keys, by.since, by.total.n_slices) == (["country"], 0, mature * 10 // segment_s)
    assert {one.verdict for one in by.segments} == {"better"}
    turned = compared(tmp_path, "challenger", "champion", key="country").by_segment
    assert {(one.name, -one.difference, one.verdict) for one in turned.segments} == {
        (one.name, one.difference, "worse") for one in by.segments
    }


def test_without_keys_of_tags_there_are_no_pairs_by_segment(tmp_path):
    counted(tmp_path, tagged(records(60, 0.2)))
    assert compared(tmp_path, key="country").by_segment is None
    with closing(sqlite3.connect(tmp_path / NAME)) as file:
        assert file.execute("SELECT count(*) FROM pairs WHERE segment <> ''").fetchone() == (0,)


def test_pairs_of_a_key_that_is_new_count_from_then_on(tmp_path):
    sent = tagged(records(300, 0.2))
    counted(tmp_path, sent[:100])
    counted(tmp_path, sent[100:], keys=["country"])
    by = compared(tmp_path, key="nothing of that name").by_segment
    assert (by.key, by.since) == ("country", START + 10 * 100 + 4)
    first_mature = START + 1000 + FRAME.width("segment")
    assert compared(tmp_path, key="country", last_s=0.0).by_segment.total is None
    assert by.total.n_pairs > 0
    assert first_mature > by.since


def test_too_many_values_become_other_in_pairs_too(tmp_path):
    sent = []
    for i, record in enumerate(records(100, 0.2)):
        (pairs,) = record.report.pairs
        one = msgspec.structs.replace(pairs, tags=country(f"value {i}"))
        sent.append(msgspec.structs.replace(record, report=msgspec.structs.replace(record.report, pairs=[one])))
    counted(tmp_path, sent, keys=["country"])
    by = compared(tmp_path, key="country").by_segment
    assert len(by.segments) == MAX_VALUES + 1 < MOST
    assert "country:other" in {one.name for one in by.segments}
    assert by.total.n_pairs == sum(one.n_pairs for one in by.segments)


def test_slices_of_segments_are_rolled_up_with_their_sums(tmp_path):
    frame = FRAME._replace(clock="arrival")
    counted(tmp_path, tagged(records(720, 0.2)), frame=frame, keys=["country"])
    before, widths = compared(tmp_path, key="country").by_segment, []
    for age_s in (DAY_S / 2, 2 * DAY_S, 20 * DAY_S):
        counting = Counting.open(tmp_path, frame, MARK, ["country"])
        counting.roll_up(START + age_s)
        counting.close()
        with closing(sqlite3.connect(tmp_path / NAME)) as file:
            query = "SELECT DISTINCT width FROM pairs WHERE segment <> '' ORDER BY 1"
            widths.append([width for (width,) in file.execute(query)])
    assert widths == [[120], [3600], [86_400]]
    after = compared(tmp_path, key="country").by_segment
    assert after.total.n_pairs == before.total.n_pairs == 20 * 720
    assert after.total.difference == pytest.approx(before.total.difference)


def test_the_pairs_of_a_file_of_version_2_stay(tmp_path):
    counted(tmp_path, records(40, 0.2))
    with closing(sqlite3.connect(tmp_path / NAME)) as file:
        file.executescript("""
            CREATE TABLE old AS SELECT reference, model, start, width, n, absolute_of_reference, absolute_of_model,
                squared_of_reference, squared_of_model FROM pairs;
            DROP TABLE pairs;
            CREATE TABLE pairs (
                reference TEXT NOT NULL, model TEXT NOT NULL, start INTEGER NOT NULL, width INTEGER NOT NULL, n INTEGER NOT NULL,
                absolute_of_reference REAL NOT NULL, absolute_of_model REAL NOT NULL,
                squared_of_reference REAL NOT NULL, squared_of_model REAL NOT NULL,
                PRIMARY KEY (reference, model, start)
            ) WITHOUT ROWID;
            INSERT INTO pairs SELECT * FROM old;
            DROP TABLE old;
            PRAGMA user_version = 2;
        """)
    counted(tmp_path, records(60, 0.2)[40:])
    whole = tmp_path / "whole"
    counted(whole, records(60, 0.2)[:40])
    counted(whole, records(60, 0.2)[40:])
    assert compared(tmp_path) == compared(whole)
    with closing(sqlite3.connect(tmp_path / NAME)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert file.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'pairs%'").fetchall() == [("pairs",)]


def test_a_file_of_version_1_gets_the_table(tmp_path):
    counted(tmp_path, records(5, 0.2)[:0])
    with closing(sqlite3.connect(tmp_path / NAME)) as file:
        file.executescript("DROP TABLE pairs; PRAGMA user_version = 1;")
    counted(tmp_path, records(40, 0.2))
    assert compared(tmp_path).verdict == "better"
    with closing(sqlite3.connect(tmp_path / NAME)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (VERSION,)
