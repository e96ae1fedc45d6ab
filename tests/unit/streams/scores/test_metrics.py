"""The scores from moments are those of scikit-learn from rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from streams.scores.losses import LOSSES
from streams.scores.metrics import SCORES, Moments


def moments_of(y_true: np.ndarray, y_pred: np.ndarray, constant: float) -> Moments:
    losses = {loss.name: np.asarray(loss.of(y_true, y_pred).mean()) for loss in LOSSES}
    shifted = y_true - constant
    rest = {"error": y_pred - y_true, "truth": shifted, "truth_squares": np.square(shifted)}
    rest |= {"truth_size": np.abs(y_true), "error_truth": (y_pred - y_true) * shifted}
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
            "wape": 100 * np.abs(y_pred - y_true).sum() / np.abs(y_true).sum(),
            "slope": LinearRegression().fit(y_true[:, None], y_pred).coef_[0],
        }
    )


def test_a_score_of_many_moments_is_one_for_each():
    y_true, y_pred = np.random.default_rng(3).normal(size=(2, 10))
    one = moments_of(y_true, y_pred, 0.0)
    many = {name: np.repeat(moment, 3) for name, moment in one.items()}
    for score in SCORES:
        assert score.of(many).tolist() == [float(score.of(one))] * 3


@pytest.mark.parametrize(("truth", "without"), [(2.0, {"r2", "slope"}), (0.0, {"r2", "slope", "wape"})])
def test_of_a_truth_that_never_varies_or_is_always_0_some_scores_are_no_numbers(truth, without):
    moments = moments_of(np.full(5, truth), np.arange(5.0), 0.0)
    assert {score.name for score in SCORES if np.isnan(score.of(moments))} == without
