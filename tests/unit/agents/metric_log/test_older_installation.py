"""A metric log of version 1: its state file and the topic `metric` are read, and every verdict is written once."""

from __future__ import annotations

import csv
import json

import pytest

from agents.metric_log import state
from agents.metric_log.log import MetricLog
from commands.reconcile import csv_files
from commands.status import snapshot
from streams.wire import verdicts
from streams.wire.resolutions import Resolution, decode_resolution
from streams.wire.verdicts import VerdictRecord
from tests.older import EXPECTED, START, TOPICS, unpack_files


@pytest.fixture
def logs(tmp_path):
    unpack_files(tmp_path)
    return tmp_path / "logs"


def test_its_rows_and_its_positions_are_known(logs):
    log = MetricLog.open(logs)
    assert log.state.n_matched == EXPECTED["logged"]["n"] + EXPECTED["logged"]["n_left_out"]
    assert log.state.positions == {
        key: {int(p): at for p, at in last.items()} for key, last in EXPECTED["positions"].items()
    }
    stored = json.loads((logs / state.STATE_NAME).read_bytes())
    assert stored["version"] == state.VERSION
    assert stored["sizes"] == {path.name: path.stat().st_size for path in logs.glob("*.csv")}


def test_what_the_topic_holds_is_written_once(logs):
    records = [verdicts.decode(value) for value in TOPICS["metric"]]
    assert all(isinstance(record, VerdictRecord) for record in records)
    log = MetricLog.open(logs)
    assert len(log.append(records).fresh) == 3
    assert log.state.n_broken == 0

    rows = [row for record in EXPECTED["rows"] for row in record]
    with (logs / "metric_log.csv").open(newline="", encoding="utf-8") as file:
        pairs = [(row["id"], float(row["y_true"]), float(row["y_pred"])) for row in csv.DictReader(file)]
    assert pairs == [(row["id"], row["y_true"], row["y_pred"]) for row in rows if row["verdict"] == "matched"]
    with (logs / "unmatched_log.csv").open(newline="", encoding="utf-8") as file:
        alone = [(row["id"], row["verdict"]) for row in csv.DictReader(file)]
    assert alone == [(row["id"], row["verdict"]) for row in rows if row["verdict"] != "matched"]


def test_the_commands_read_its_state(logs):
    assert snapshot.log(logs).n_matched == EXPECTED["logged"]["n"]
    assert csv_files.read_state(logs).positions == {
        "0123456789abcdef": {0: EXPECTED["positions"]["0123456789abcdef"]["0"]}
    }


def test_what_was_done_with_quarantined_rows_is_known():
    found = [decode_resolution(*mark) for mark in TOPICS["resolved"]]
    assert found == [(3, Resolution("requeued", START, START - 5, 2)), None]
