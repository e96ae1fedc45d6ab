"""Files that anybody can have edited: whatever they hold, the metric log opens, and what comes next is in it once."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.metric_log import state as log_state
from agents.metric_log.csv_rows import METRIC, METRIC_HEADER, UNMATCHED, UNMATCHED_HEADER
from agents.metric_log.log import MetricLog
from agents.metric_log.state import LogState
from commands.reconcile import csv_files
from streams.wire.verdicts import Verdict, VerdictRecord

NEW = Verdict('fresh, "new" id', "matched", 1.0, y_true=1.5, y_pred=2.5, ts_true=1.0, ts_pred=1.0)
rows = st.lists(
    st.sampled_from([b"a,1.0,2.0,1.0\n", b'"q,""",1.0,2.0,1.0\n', b"\xff\n", b'"open\n', b"\0,,\n", b"x" * 7_000])
)
contents = st.one_of(
    st.none(),
    st.binary(max_size=200),
    rows.map(lambda lines: METRIC_HEADER + b"".join(lines)),
    st.binary(max_size=50).map(lambda tail: METRIC_HEADER + b"a,1.0,2.0,1.0\n" + tail),
)
sizes = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300)
positions = st.dictionaries(st.text(max_size=4), st.dictionaries(st.integers(0, 3), st.integers(-5, 99)), max_size=2)
states = st.one_of(
    st.none(),
    st.binary(max_size=100),
    st.builds(
        lambda **given: log_state.encode(LogState("somebody", **given)),
        sizes=st.dictionaries(st.sampled_from([METRIC.name, UNMATCHED.name, "x"]), sizes),
        positions=positions,
        n_matched=sizes,
        positions_lost=st.booleans(),
        settled=st.dictionaries(st.text(max_size=4), st.lists(st.integers(-5, 5), max_size=3), max_size=2),
    ),
)


def write(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)


@given(contents, contents, states)
@example(METRIC_HEADER + b"a,1.0,2.0,1.0\nb,1", UNMATCHED_HEADER, None)
@example(None, None, log_state.encode(LogState("w", {METRIC.name: 10**9, UNMATCHED.name: 10**9}, positions_lost=True)))
def test_the_log_opens_over_whatever_is_there_and_goes_on(
    metric: bytes | None, unmatched: bytes | None, state: bytes | None
):
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for file, content in (
            ("metric_log.csv", metric),
            ("unmatched_log.csv", unmatched),
            (log_state.STATE_NAME, state),
        ):
            write(directory / file, content)
        log = MetricLog.open(directory)
        done = log.append([VerdictRecord("a log of this test", 0, 7, -1, [NEW])])

        assert done.n_matched == 1
        written = (directory / "metric_log.csv").read_bytes()
        assert written.startswith(METRIC_HEADER)
        assert written.endswith(b'"fresh, ""new"" id",1.5,2.5,1.0\n')
        assert len(written) == log.state.sizes[METRIC.name]
        again = MetricLog.open(directory)
        assert again.append([VerdictRecord("a log of this test", 0, 7, -1, [NEW])]).n_matched == 0
        kept = [each.read_bytes() for each in directory.glob("*.csv*")]
        assert not metric or any(metric[: len(METRIC_HEADER)] in each for each in kept), "foreign bytes are kept aside"


@given(contents, contents)
@example(METRIC_HEADER + b"x" * 140_000 + b",1,2,1\n", UNMATCHED_HEADER)
def test_reconcile_reads_any_files_or_says_that_it_cannot(metric: bytes | None, unmatched: bytes | None):
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write(directory / "metric_log.csv", metric)
        write(directory / "unmatched_log.csv", unmatched)
        if metric is None or unmatched is None:
            with pytest.raises(csv_files.NoLog, match=r"cannot be read"):
                list(csv_files.rows(directory))
        else:
            found = list(csv_files.rows(directory))
            assert len(found) <= (metric or b"").count(b"\n") + (unmatched or b"").count(b"\n")


@given(st.binary(max_size=200) | states.filter(lambda raw: raw is not None))
def test_a_state_file_is_read_or_set_aside_whole(raw: bytes):
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / log_state.STATE_NAME).write_bytes(raw)
        if log_state.load(directory) is None:
            (kept,) = directory.glob("metric_log.state.json.damaged-*")
            assert kept.read_bytes() == raw
        else:
            assert (directory / log_state.STATE_NAME).read_bytes() == raw
