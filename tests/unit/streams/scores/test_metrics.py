"""The scores from moments are those of scikit-learn from rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from streams.scores.losses import LOSSES
from streams.scores.metrics import SCORES, Moments


def moments_of(y_true: np.ndarray, y_pred: np.ndarray, constant: float) -> Moments:
    losses = {loss.name: np.asarray(loss.of(y_true, y_pred).mean()) for loss in LOSSES}
    shifted = y_true - constant
    rest = {"error": y_pred - y_true, "truth": shifted, "truth_squares": np.square(shifted)}
    return losses | {name: np.asarray(column.mean()) for name, column in rest.items()}


@pytest.mark.parametrize("constant", [0.0, 5.0, -3.0])
def test_each_score_is_that_of_scikit_learn(constant):
    y_true, y_pred = np.random.default_rng(2).normal(5, 2, (2, 500))
    found = {score.name: float(score.of(moments_of(y_true, y_pred, constant))) for score in SCORES}
    assert found == pytest.approx(
        {
            "mae": mean_absolute_error(y_true, y_pred),
            "rmse": root_mean_squared_error(y_true, y_pred),
            "bias": (y_pred - y_true).mean(),
            "r2": r2_score(y_true, y_pred),
        }
    )


def test_a_score_of_many_moments_is_one_for_each():
    y_true, y_pred = np.random.default_rng(3).normal(size=(2, 10))
    one = moments_of(y_true, y_pred, 0.0)
    many = {name: np.repeat(moment, 3) for name, moment in one.items()}
    for score in SCORES:
        assert score.of(many).tolist() == [float(score.of(one))] * 3


def test_r2_of_a_truth_that_never_varies_is_not_a_number():
    assert np.isnan(SCORES[-1].of(moments_of(np.full(5, 2.0), np.arange(5.0), 0.0)))
