"""Verdicts as columns of a Parquet file."""

import importlib.util
import math

from agents.metric_log import parquet_rows
from agents.metric_log.parquet_rows import columns, package_problem
from streams.wire.verdicts import Verdict
from tests.unit.agents.metric_log.world import lone_pred, lone_true, matched


def test_each_verdict_is_a_row_and_what_never_came_is_null():
    named = Verdict("m", "matched", 9.0, 1.0, 4.0, 2.0, 3.0, "ridge", '{"a":"1"}', '{"b":"3","a":"2"}')
    assert columns([named, lone_true("t"), lone_pred("p")]).to_pylist() == [
        {
            "id": "m",
            "model": "ridge",
            "ts_true": 2.0,
            "ts_pred": 3.0,
            "at": 9.0,
            "y_true": 1.0,
            "y_pred": 4.0,
            "error": 3.0,
            "tags": '{"b":"3","a":"1"}',
            "verdict": "matched",
        },
        {
            "id": "t",
            "model": None,
            "ts_true": 1700000000.125,
            "ts_pred": None,
            "at": 1700000009.25,
            "y_true": 7.0,
            "y_pred": None,
            "error": None,
            "tags": None,
            "verdict": "unmatched_true",
        },
        {
            "id": "p",
            "model": None,
            "ts_true": None,
            "ts_pred": 1700000000.5,
            "at": 1700000009.25,
            "y_true": None,
            "y_pred": 8.0,
            "error": None,
            "tags": None,
            "verdict": "unmatched_pred",
        },
    ]


def test_an_error_is_a_number_whatever_the_values():
    errors = columns([matched("a", 8.9e307, -8.9e307), matched("b", 5e-324, -5e-324)])["error"].to_pylist()
    assert errors[1] == -1e-323
    assert all(math.isfinite(error) for error in errors)


def test_without_the_package_it_is_said_what_to_install(monkeypatch):
    assert package_problem() == ""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert package_problem().startswith("HINDSIGHT_PARQUET_EVERY_S is set, but the package pyarrow is not installed")
    assert parquet_rows.package_problem().endswith("or leave the setting empty.")
