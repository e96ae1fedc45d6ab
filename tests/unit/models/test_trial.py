"""A model is tried before anybody relies on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from models.artefact import load
from tests.unit.models.model_files import X, Y, as_skops, refusal, save


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.skops"


def test_a_model_of_two_targets_is_refused_as_it_is_loaded(path: Path):
    skops.io.dump(LinearRegression().fit(X, np.c_[Y, Y]), path)

    assert "answered 2 numbers in the shape (1, 2) for 1 row" in refusal(path)


def test_a_model_trained_on_a_column_of_targets_predicts_one_number_a_row(path: Path):
    estimator = LinearRegression().fit(X, Y[:, None])

    assert as_skops(path, estimator).predict(X[:3].tolist()) == pytest.approx(Y[:3])


def test_a_model_that_raises_for_every_row_is_refused_with_what_it_said(path: Path):
    estimator = Ridge().fit(X, Y)
    del estimator.coef_
    skops.io.dump(estimator, path)

    assert "has no attribute 'coef_'" in refusal(path)


@pytest.fixture
def above_two() -> Ridge:
    """A model that takes neither zeros nor ones."""
    return make_pipeline(
        FunctionTransformer(np.sqrt), FunctionTransformer(np.log), FunctionTransformer(np.log), Ridge()
    )


def test_a_model_that_takes_neither_zeros_nor_ones_is_tried_on_the_example_of_its_card(path: Path, above_two: Ridge):
    rows = np.abs(X) + 2
    estimator = above_two.fit(rows, Y)
    raw = skops.io.dumps(estimator)
    path.write_bytes(raw)

    with np.errstate(all="ignore"):
        assert "--example" in refusal(path)
        save(path, raw, example=[3.0, 4.0, 5.0])
        assert load(path).predict(rows[:5].tolist()) == pytest.approx(estimator.predict(rows[:5]))


def test_an_example_that_the_model_does_not_take_is_refused(path: Path):
    save(path, skops.io.dumps(Ridge().fit(X, Y)), example=[1.0])

    assert "1 feature, but ridge" in refusal(path)


def test_it_is_found_out_whether_null_is_taken(path: Path):
    assert as_skops(path, HistGradientBoostingRegressor(max_iter=2).fit(X, Y)).takes_null == (True, True, True)
    assert as_skops(path, Ridge().fit(pd.DataFrame(X, columns=["a", "b", "c"]), Y)).takes_null == (False, False, False)
