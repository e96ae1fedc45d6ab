"""Any bytes whatever in the files of the metric log: it opens, writes what comes, and loses no byte of what was there."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.metric_log import state
from agents.metric_log.state import STATE_NAME, LogState
from tests.unit.agents.metric_log.world import expected, numbered, texts, written

CSV = "metric_log.csv"
whole_state = msgspec.to_builtins(LogState("w", {"metric_log.csv": 100, "unmatched_log.csv": 100}))
fields = sorted(set(whole_state) - {"version"})  # what a newer program wrote is left alone
plain = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
states = st.binary(max_size=200) | st.dictionaries(st.sampled_from(fields), values).map(
    lambda changed: msgspec.json.encode(whole_state | changed)
)
lines = st.text("ab,\"'\n\r 01.einf-", max_size=20)
files = st.binary(max_size=300) | st.lists(lines, max_size=8).map(
    lambda found: ("id,y_true,y_pred,absolute_error\n" + "\n".join(found)).encode()
)


def all_bytes(directory: Path, name: str) -> list[bytes]:
    return [path.read_bytes() for path in directory.glob(f"{name}*")]


@given(states)
def test_a_state_file_of_any_bytes_is_read_or_kept_aside(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / STATE_NAME).write_bytes(raw)
        loaded = state.load(directory)

        assert (loaded is None) == (not (directory / STATE_NAME).exists())
        assert raw in all_bytes(directory, STATE_NAME)


@given(files, files)
def test_files_of_any_bytes_without_a_state_lose_no_line_and_take_new_rows(metric: bytes, unmatched: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / CSV).write_bytes(metric)
        (directory / "unmatched_log.csv").write_bytes(unmatched)
        log = written(directory, numbered(5))
        whole_lines = metric[: metric.rfind(b"\n") + 1]

        assert any(found.startswith(whole_lines) for found in all_bytes(directory, CSV))
        assert texts(directory)[0].endswith(expected(numbered(5))[0].partition("\n")[2])
        assert not log.append(numbered(5)).fresh


@pytest.mark.slow
@given(states, files)
def test_a_state_that_does_not_fit_its_files_does_not_stop_new_rows(raw: bytes, metric: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / STATE_NAME).write_bytes(raw)
        (directory / CSV).write_bytes(metric)
        written(directory, numbered(4, log="another"))

        rows = expected(numbered(4, log="another"))[0].partition("\n")[2]
        assert texts(directory)[0].endswith(rows)
