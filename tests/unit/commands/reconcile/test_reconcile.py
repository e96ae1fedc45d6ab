"""`reconcile` without brokers: what is said of one id, of one log, of the files."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.reconcile import csv_files
from commands.reconcile.evaluate import Span, Tally, closely, evaluate
from commands.reconcile.facts import DECIDED, FEATURES, PRED, SENT, TRUE, WAITING, WRITTEN, Fact, Facts
from commands.reconcile.log_span import LogPart
from commands.times import parse_time
from streams.join.decision import Checkpoint, Counts, Decision

ALL = {0: Span(start=-1, end=100, confirmed=100, written=100, metric_from=0, log_from=0, whole=True)}


def fact(kind: int, a: float = 0.0, b: float = 0.0, *, verdict: str = "matched", at: int = 10) -> Fact:
    return Fact("x", kind, verdict, float(a), float(b), 0, at)


WELL = (
    fact(TRUE, 1.0),
    fact(PRED, 2.0),
    fact(WAITING, at=4),
    fact(DECIDED, 1, 2),
    fact(SENT, 1, 2),
    fact(WRITTEN, 1, 2),
)


def said(*facts: Fact, spans: dict[int, Span] = ALL, whole: bool = True) -> list[str]:
    of_id = sorted(facts, key=attrgetter("kind"))
    return [f"{found.line}: {found.said}" for found in evaluate("x", of_id, spans, Tally(), whole=whole)]


def without(*kinds: int) -> list[Fact]:
    return [fact for fact in WELL if fact.kind not in kinds]


def test_an_id_with_all_its_facts_is_well():
    assert said(*WELL) == []


def test_an_id_that_waits_is_well():
    tally = Tally()
    assert evaluate("x", [fact(TRUE, 1.0), fact(WAITING, at=4)], ALL, tally, whole=True) == []
    assert tally.n_waiting == 1


@given(
    st.lists(
        st.builds(fact, st.integers(0, 5), st.integers(0, 1), st.integers(0, 1), at=st.integers(0, 2)), max_size=3
    ),
    st.sets(st.sampled_from(WELL)),
    st.builds(Span, *[st.integers(-1, 20)] * 6, st.booleans()),
)
def test_the_quick_look_at_an_id_finds_what_the_close_one_does(more: list[Fact], left_out: set[Fact], span: Span):
    facts = sorted([fact for fact in WELL if fact not in left_out] + more, key=attrgetter("kind"))
    tallies = Tally(), Tally()
    if facts:
        quick = evaluate("x", facts, {0: span}, tallies[0], whole=True)
        assert quick == closely("x", facts, {0: span}, tallies[1], whole=True)
        assert all(getattr(tallies[0], name) == getattr(tallies[1], name) for name in Tally.__struct_fields__)


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ([fact(TRUE, 1.0)], "rows: 1 row came in, but it has no verdict and does not wait"),
        (without(TRUE), "rows: its verdicts account for 2 rows, but 1 came in"),
        (
            [*without(TRUE), fact(TRUE, 7.0)],
            "rows: its verdict matched 1.0, 2.0 holds a value that none of its rows has",
        ),
        (
            [*without(PRED), fact(PRED, 7.0)],
            "rows: its verdict matched 1.0, 2.0 holds a value that none of its rows has",
        ),
        ([*WELL, fact(WAITING, at=20)], "rows: its verdicts account for 3 rows, but 2 came in"),
        (without(SENT), "metric: its verdict matched 1.0, 2.0 is not in the topic"),
        ([*WELL, fact(SENT, 1, 9)], "metric: matched 1.0, 9.0 was never decided, but is there"),
        (without(WRITTEN), "metric_log.csv: the row of its verdict matched 1.0, 2.0 is not there"),
        ([*WELL, fact(WRITTEN, 1, 2)], "metric_log.csv: the row matched 1.0, 2.0 is there 2 times"),
        ([*WELL, fact(WRITTEN, 1, 9)], "metric_log.csv: the row matched 1.0, 9.0 is there, but was never decided"),
        (
            [*without(WRITTEN), fact(WRITTEN, 1, 9)],
            "metric_log.csv: the row says matched 1.0, 9.0, the verdict was matched 1.0, 2.0",
        ),
        (
            [*WELL, fact(WRITTEN, 1, 5, verdict="unmatched_true")],
            "unmatched_log.csv: the row unmatched_true 1.0 at 5.0 is there, but was never decided",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_wrong_with_an_id_is_said(facts: list[Fact], wrong: str):
    assert said(*facts) == [wrong]


def test_what_is_on_its_way_is_not_missing():
    early = {0: ALL[0]._replace(confirmed=9, written=9)}
    assert said(*without(SENT, WRITTEN), spans=early) == []
    assert said(*WELL, spans=early) == [], "it may have arrived since"
    assert said(*WELL, fact(WRITTEN, 1, 2), spans=early) == [
        "metric_log.csv: the row matched 1.0, 2.0 is there 2 times"
    ]


def test_what_is_outside_the_span_is_not_asked_for():
    assert said(*without(SENT, WRITTEN), spans={0: ALL[0]._replace(start=10, whole=False)}) == []


def test_what_was_decided_after_the_span_need_not_be_written_yet():
    assert said(*without(SENT, WRITTEN), spans={0: ALL[0]._replace(end=9)}) == []


def test_a_verdict_that_the_topic_metric_no_longer_keeps_is_not_missing():
    assert said(*without(SENT), spans={0: ALL[0]._replace(metric_from=11)}) == []


def test_a_verdict_that_an_older_decision_sent_is_not_that_of_this_one():
    sent_before = [*without(SENT), fact(SENT, 1, 2, at=3)]
    assert said(*sent_before, spans={0: ALL[0]._replace(log_from=5)}) == [
        "metric: its verdict matched 1.0, 2.0 is not in the topic"
    ]


def test_of_rows_of_features_those_that_were_answered_are_counted():
    tally = Tally()
    (problem,) = evaluate("x", [*WELL, fact(FEATURES), fact(FEATURES)], ALL, tally, whole=True)
    assert problem.said.startswith("2 rows of features came in, but 1 answer")
    assert (tally.n_features, tally.n_answered) == (2, 1)


def test_rows_that_are_older_than_what_kafka_keeps_are_counted_apart():
    tally = Tally()
    assert evaluate("x", [fact(WRITTEN, 1, 2)], ALL, tally, whole=False) == []
    assert tally.older == {"metric_log.csv": 1, "unmatched_log.csv": 0}


def test_an_id_that_comes_again_after_its_horizon_ends_twice():
    again = [fact(TRUE, 1.0), fact(PRED, 3.0), fact(DECIDED, 1, 3, at=20), fact(SENT, 1, 3), fact(WRITTEN, 1, 3)]
    assert said(*WELL, *again) == []


def record(counts: Counts, *, at: float = 0.0, input_offsets: tuple[int, int] = (0, 0)) -> Decision:
    checkpoint = Checkpoint(log="log", input_offsets=list(input_offsets), counts=counts)
    return Decision(-1, "w", at, (1.0, 1.0, 1.0), checkpoint, {}, {}, {}, [], [], b"")


def test_a_decision_that_counts_what_it_does_not_hold_is_named():
    part = LogPart(3, 0, (0, 0), 9)
    counts = Counts(rows_true=1, rows_pred=1, matched=1)
    assert part.take(0, record(counts), Counter(matched=1), None, None) == []
    assert part.take(1, record(counts), Counter(matched=1), None, None) == [
        "the decision at offset 1 of partition 3 counts 0 matched, but holds 1 such verdicts"
    ]
    assert part.take(2, record(Counts(rows_true=3, matched=1)), Counter(), None, None) == [
        "the decision at offset 2 of partition 3 leaves +1 rows unaccounted for"
    ]


def test_a_span_of_time_lies_between_two_decisions():
    part = LogPart(0, 0, (0, 0), 9)
    for at in range(6):
        counts = Counts(rows_true=at + 1, rows_pred=at + 1, matched=at + 1)
        part.take(at, record(counts, at=float(at), input_offsets=(at, at)), Counter(matched=1), 2.0, 5.0)
    assert (part.before().matched, part.after().matched, part.n_verdicts["matched"]) == (2, 5, 3)
    assert part.inputs(0) == (2, 5)


def test_where_kafka_removed_the_beginning_the_span_begins_later():
    part = LogPart(0, 0, (3, 2), 9)
    for at in range(6):
        counts = Counts(rows_true=at + 1, rows_pred=at + 1, matched=at + 1)
        part.take(at, record(counts, input_offsets=(at, at)), Counter(matched=1), None, None)
    assert part.inputs(0) == (3, 6)
    assert part.before().matched == 3


@pytest.mark.slow
def test_facts_come_back_id_by_id_however_many_there_are():
    facts = Facts()
    n = 50_000
    for kind in (TRUE, PRED):
        facts.add(Fact(f"id\0{i % n}", kind, "", float(i), -0.5, 1, i) for i in range(n))
    found = dict(facts.by_id())
    assert len(found) == n
    assert sorted(found["id\x0017"]) == [Fact("id\x0017", k, "", 17.0, -0.5, 1, 17) for k in (TRUE, PRED)]
    facts.close()


def test_lines_that_are_no_rows_are_said_and_a_torn_last_line_is_left_out(tmp_path: Path):
    (tmp_path / "metric_log.csv").write_bytes(
        b'id,y_true,y_pred,absolute_error\n"a, ""b""",1.0,2.5,1.5\nc,1.0,2.5,9.0\nd\n\xff,x,1,1\ne,1.0,2.5,1.5'
    )
    (tmp_path / "unmatched_log.csv").write_bytes(
        b"id,verdict,ts,value,at\nu,unmatched_true,5.0,1.0,9.0\nv,matched,1,1,1\n"
    )
    found = list(csv_files.rows(tmp_path))
    assert [row for row in found if isinstance(row, Fact)] == [
        Fact('a, "b"', WRITTEN, "matched", 1.0, 2.5, -1, -1),
        Fact("u", WRITTEN, "unmatched_true", 1.0, 5.0, -1, -1),
    ]
    assert len([row for row in found if isinstance(row, str)]) == 4


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2h", 2800.0),
        ("30m", 8200.0),
        ("1.5d", -119600.0),
        ("1700000000.5", 1700000000.5),
        ("2026-11-24", 1795478400.0),
        ("2026-11-24T12:00+02:00", 1795514400.0),
        ("2026-11-24T12:00Z", 1795521600.0),
    ],
)
def test_a_time_is_read_in_every_form(text: str, at: float):
    assert parse_time(text, now=10_000.0) == at


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-inf", "1e300", "99999999999999d", "0001-01-01"])
def test_a_time_that_cannot_be_read_says_what_can(text: str):
    with pytest.raises(ValueError, match=rf"'{text}' cannot be read as a time .* .30m"):
        parse_time(text)
