"""Every features row ends as one prediction or one named refusal."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestRegressor

from agents import predict as tested
from models.columns import NUMBER
from models.model import Model
from streams.wire.decoder import Decoder
from streams.wire.rows import FeaturesRow, PredRow, Unreadable

TOO_LARGE = 1.5e308


class Sum:
    """Adds two features up; dies of a number that is too large; counts its calls."""

    def __init__(self) -> None:
        self.n_calls = 0

    def predict(self, table: Any) -> Any:
        self.n_calls += 1
        if (np.abs(table) >= TOO_LARGE).any():
            raise ValueError("Input X contains a value too large for dtype('float32').")
        return table.sum(axis=1)


def predict(rows: list[FeaturesRow], model: Model) -> tuple[list[PredRow], list[Unreadable]]:
    """Return what was predicted and what was refused, each in order."""
    answers = tested.predict(rows, model)
    assert len(answers) == len(rows)
    predicted = [answer for answer in answers if isinstance(answer, PredRow)]
    return predicted, [answer for answer in answers if isinstance(answer, Unreadable)]


def made(estimator: Any) -> Model:
    return Model(estimator, name="sum", version="3f2a", columns=[NUMBER] * 2, names=["a", "b"])


@pytest.fixture
def adder() -> Sum:
    return Sum()


@pytest.fixture
def model(adder: Sum) -> Model:
    return made(adder)


def rows_of(*features: list[float]) -> list[FeaturesRow]:
    return [FeaturesRow(f"id{i}", 100.0 + i, [*values]) for i, values in enumerate(features)]


def test_a_packet_is_predicted_in_one_call_in_order_with_the_ts_of_its_rows_and_the_name_of_the_model(
    adder: Sum, model: Model
):
    predicted, refused = predict(rows_of([1.0, 2.0], [3.0, 4.0]), model)

    assert predicted == [PredRow("id0", 100.0, 3.0, "sum", "3f2a"), PredRow("id1", 101.0, 7.0, "sum", "3f2a")]
    assert refused == []
    assert adder.n_calls == 1


def test_rows_by_name_and_by_position_are_predicted_in_one_call(adder: Sum, model: Model):
    rows = [FeaturesRow("id0", 100.0, {"b": 2.0, "a": 1.0, "other": "x"}), FeaturesRow("id1", 101.0, [3.0, 4.0])]

    predicted, refused = predict(rows, model)

    assert [row.y_pred for row in predicted] == [3.0, 7.0]
    assert refused == []
    assert adder.n_calls == 1


def test_no_rows_are_no_predictions_and_no_call(adder: Sum, model: Model):
    assert predict([], model) == ([], [])
    assert adder.n_calls == 0


def test_a_row_with_another_number_of_features_is_refused_and_the_others_are_predicted_in_one_call(
    adder: Sum, model: Model
):
    rows = rows_of([1.0, 2.0], [1.0], [3.0, 4.0], [1.0, 2.0, 3.0])

    predicted, refused = predict(rows, model)

    assert [row.id for row in predicted] == ["id0", "id2"]
    assert [row.reason for row in refused] == ["bad_features", "bad_features"]
    assert refused[0].detail == "1 feature, but sum 3f2a takes 2"
    assert adder.n_calls == 1


def test_a_refused_row_keeps_its_bytes_readable(model: Model):
    rows = rows_of([1.0])

    _, [refused] = predict(rows, model)

    assert Decoder("features").body(refused.raw, 0.0) == (rows, [])


def test_a_row_whose_prediction_is_not_finite_is_refused(model: Model):
    predicted, [refused] = predict(rows_of([1.0, 2.0], [1.4e308, 1.4e308], [3.0, 4.0]), model)

    assert [row.id for row in predicted] == ["id0", "id2"]
    assert refused.reason == "bad_prediction"


def test_a_prediction_that_no_row_may_hold_is_refused(model: Model):
    predicted, [refused] = predict(rows_of([1.0, 2.0], [8.9e307, 1e306], [3.0, 4.0]), model)

    assert [row.id for row in predicted] == ["id0", "id2"]
    assert (refused.reason, refused.detail) == (
        "bad_prediction",
        "sum 3f2a answered 9e+307: values lie within ±8.9e+307",
    )


def test_a_row_that_a_real_model_dies_of_costs_no_other_row():
    table = np.random.default_rng(0).normal(size=(50, 2))
    forest = RandomForestRegressor(5, random_state=0).fit(table, table[:, 0])
    rows = rows_of(*table.tolist(), [1e200, 0.0])

    predicted, [refused] = predict(rows, made(forest))

    assert [row.y_pred for row in predicted] == forest.predict(table).tolist()
    assert refused.reason == "bad_prediction"
    assert "ValueError" in refused.detail


def test_two_bad_rows_in_five_hundred_cost_few_calls(adder: Sum, model: Model):
    features = [[float(i), 0.0] for i in range(500)]
    features[17] = features[400] = [TOO_LARGE, 0.0]

    predicted, refused = predict(rows_of(*features), model)

    assert (len(predicted), len(refused)) == (498, 2)
    assert adder.n_calls < 40


features = st.lists(st.sampled_from([0.0, 1.0, -2.5, 1e299, TOO_LARGE]), min_size=1, max_size=3)


@given(st.lists(features, max_size=40))
def test_every_row_ends_once_as_a_prediction_or_as_a_refusal(packet: list[list[float]]):
    rows = rows_of(*packet)

    predicted, refused = predict(rows, made(Sum()))

    ids = [row.id for row in predicted] + [msgspec.json.decode(row.raw)["id"] for row in refused]
    assert sorted(ids) == sorted(row.id for row in rows)
    good = [f"id{i}" for i, values in enumerate(packet) if len(values) == 2 and max(map(abs, values)) < TOO_LARGE]
    assert [(row.id, row.y_pred) for row in predicted] == [(name, sum(packet[int(name[2:])])) for name in good]


def test_tags_that_nobody_would_read_do_not_make_a_prediction_longer_than_its_features(adder: Sum) -> None:
    tags = [msgspec.Raw(b'{"a": "%s"}' % (b"x" * n)) for n in (10, 1_000_000)]
    predicted, _ = predict([FeaturesRow("a", 1.0, [1.0, 2.0], one) for one in tags], made(adder))
    assert [bytes(row.tags) for row in predicted] == [bytes(tags[0]), b'""']
