"""Errors by feature, from ids and their features to the page's words and markup."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from streams.process.unavailable import Unavailable
from streams.scores.by_feature import Cells
from streams.settings import load
from tests.unit.web.frames import in_frame
from tests.unit.web.tables import NOW
from web.features import said
from web.features.lookup import FeaturesOfMany
from web.features.state import FeatureErrors, of, read
from web.pairs.pair_view import PairView, Side
from web.pairs.query import BadQuery


def pair(i: int, error: float) -> PairView:
    pred, true = Side(10.0 + error, NOW, NOW, i, False), Side(10.0, NOW, NOW, i, False)
    return PairView(f"id-{i}", "matched", true, pred, NOW + i, False, False, False, 0, 0)


def of_errors(errors: Sequence[float], cells: Sequence[Cells | None], **changes: Any) -> FeatureErrors:
    pairs = [pair(i, error) for i, error in enumerate(errors)]
    known = {one.id: each for one, each in zip(pairs, cells, strict=True) if each is not None}
    return msgspec.structs.replace(of("", pairs, known), **changes)


def shown(found: FeatureErrors | None, problem: str = "") -> str:
    return in_frame(
        "features.html",
        "segments",
        found=found,
        problem=problem,
        first=said.first(found) if found else ("", ""),
        of_which=said.of_which(found) if found else "",
        lines=said.lines(found) if found else [],
        models={},
        model="",
    )


@pytest.fixture
def skewed() -> FeatureErrors:
    """400 ids whose error is five times as large where `<b>x` is in its last eighth; the features of 30 are not found."""
    rng, n = np.random.default_rng(1), 400
    x = rng.uniform(0, 1, n)
    errors = rng.normal(0, np.where(x > 7 / 8, 50.0, 10.0))
    cells = [None if i < 30 else {"<b>x": float(x[i]), "city": "Riga"} for i in range(n)]
    return of_errors(errors.tolist(), cells)


def test_only_ids_whose_features_are_found_are_in_the_figures_and_the_page_says_how_many(skewed: FeatureErrors):
    assert (skewed.n_matched, skewed.n, skewed.from_, skewed.to) == (400, 370, NOW + 30, NOW + 399)
    assert said.of_which(skewed) == ("370 of the newest 400 matched ids; the features of 30 were not found in Kafka")


def test_the_first_sentence_names_the_part_with_the_largest_error_beyond_chance(skewed: FeatureErrors):
    bold, rest = said.first(skewed)
    assert bold.startswith("The error is largest where <b>x is 0.8")
    assert rest.endswith(" more than of all other ids.")
    page = shown(skewed)
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page


def test_where_nothing_stands_out_the_page_says_so():
    rng = np.random.default_rng(2)
    found = of_errors(rng.normal(0, 1, 200).tolist(), [{"x": float(i % 7)} for i in range(200)])
    assert said.first(found)[0] == "No feature has a part with a larger error beyond chance."
    assert "<table" in shown(found)


@pytest.mark.parametrize(
    ("n", "sentence"),
    [(0, "No matched id is held now."), (99, "Features tell something from 100 ids on; those of 99 are found.")],
)
def test_of_few_ids_it_says_how_many_it_takes(n, sentence):
    found = of_errors([1.0] * n, [{"x": 1.0}] * n)
    assert sentence in shown(found)
    assert found.features == []


def test_a_kafka_that_is_away_is_said():
    away = FeaturesOfMany(load({}), {"kafka": "Kafka at k:1 does not answer."}, lambda model: None)
    with pytest.raises(Unavailable, match="Kafka at k:1 does not answer"):
        asyncio.run(away.of([pair(0, 1.0)]))
    assert "Kafka at k:1 does not answer." in shown(None, "Kafka at k:1 does not answer.")


def test_of_a_record_of_many_rows_those_of_the_ids_are_read():
    looking = FeaturesOfMany(load({}), {"kafka": ""}, lambda model: None)
    value = b'[{"id":"a","ts":5.0,"features":[1.0]},{"id":"b","ts":5.0,"features":{"x":9.0}}]'
    records: Any = [
        SimpleNamespace(value=each, key=None, offset=1, timestamp=1000 * NOW) for each in (value, b"no row", b"")
    ]
    assert [row.id for row in looking._rows(records, {"b", "c"})] == ["b"]


def test_the_reference_is_shown_unless_another_listed_model_is_asked_for():
    assert read({}, ()) == ""
    assert read({}, ("a", "b")) == "a"
    assert read({"model": "b"}, ("a", "b")) == "b"
    with pytest.raises(BadQuery, match="There is no model"):
        read({"model": "c"}, ("a", "b"))
