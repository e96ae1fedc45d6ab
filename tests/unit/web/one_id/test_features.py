"""Which records are looked at for the features of an id, and which of its rows is taken."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from streams.join.state import PRED, TRUE
from streams.settings import load
from streams.wire.rows import FeaturesRow
from tests.unit.web.tables import NOW
from web.one_id import features
from web.one_id.features import MOST_RECORDS, FeaturesOf, named, stretches


@pytest.mark.parametrize(
    ("behind", "before", "wanted"),
    [
        (10, 10, []),
        (20, 10, []),
        (10, 14, [(10, 14)]),
        (0, 2 * MOST_RECORDS, [(0, 2 * MOST_RECORDS)]),
        (0, 10_000, [(0, MOST_RECORDS), (10_000 - MOST_RECORDS, 10_000)]),
    ],
)
def test_two_short_stretches_are_read_however_long_the_prediction_took(behind, before, wanted):
    assert stretches(behind, before) == wanted


def looking():
    return FeaturesOf(load({}), {"kafka": ""}, lambda model: None)


def record(value: bytes, offset: int):
    return SimpleNamespace(value=value, key=None, offset=offset, timestamp=1000 * NOW, headers=[])


def test_the_row_with_the_very_ts_of_the_prediction_is_taken_else_the_last_one():
    rows = looking()._rows(
        [
            record(b'[{"id":"a","ts":5.0,"features":[1.0]},{"id":"b","ts":5.0,"features":[9.0]}]', 7),
            record(b'{"id":"a","ts":6.0,"features":[2.0]}', 8),
        ],
        "a",
    )
    assert [(found.row.features, found.offset) for found in rows] == [([1.0], 7), ([2.0], 8)]
    assert FeaturesOf._best([None, *rows], 5.0) == rows[0]
    assert FeaturesOf._best(rows, 4.0) == rows[1]
    assert FeaturesOf._best([None], 4.0) is None


def test_features_have_the_names_of_the_model_that_predicted_or_numbers():
    row = FeaturesRow("a", NOW, [1.0, None])
    assert named(row, ("age", "bmi")) == [("age", 1.0), ("bmi", None)]
    assert named(row, ("age",)) == [("1", 1.0), ("2", None)]
    assert named(row, None) == [("1", 1.0), ("2", None)]
    assert named(FeaturesRow("a", NOW, {"city": "Riga"}), ("age", "bmi")) == [("city", "Riga")]


def test_what_cannot_be_known_is_said_without_asking_kafka(table):
    table.put(0, TRUE, ["a"], NOW)
    (pair,) = table.shown()
    assert asyncio.run(looking().of(pair)).problem.startswith("No prediction came")
    table.put(0, PRED, ["b"], NOW)
    (pair,) = table.shown(state="waiting_for_true")
    away = features.FeaturesOf(load({}), {"kafka": "Kafka at k:1 does not answer."}, lambda model: None)
    assert asyncio.run(away.of(pair)).problem == "Kafka at k:1 does not answer."
