"""A model file is read without trusting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from models.artefact import load, sha256
from models.card import card_path
from tests.unit.models.model_files import N_FEATURES, ROWS, X, Y, refusal, save


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.skops"


@pytest.mark.parametrize(
    "estimator",
    [Ridge(), make_pipeline(StandardScaler(), Ridge()), GradientBoostingRegressor(n_estimators=5)],
    ids=["linear", "pipeline", "trees"],
)
def test_a_skops_model_with_its_card_predicts_what_it_predicted_before_it_was_saved(path: Path, estimator: Any):
    estimator.fit(X, Y)
    raw = skops.io.dumps(estimator)

    model = load(save(path, raw))

    assert model.predict(ROWS) == estimator.predict(X[:5]).tolist()
    assert (model.n_features, model.name) == (N_FEATURES, f"ridge-{sha256(raw)[:4]}")


def test_a_changed_byte_is_refused(path: Path):
    raw = skops.io.dumps(Ridge().fit(X, Y))
    save(path, raw)
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))

    assert "its card says" in refusal(path)


def test_a_card_of_another_feature_count_is_refused(path: Path):
    save(path, skops.io.dumps(Ridge().fit(X, Y)), features=["x0", "x1"])

    assert "takes 3 features, but its card names 2" in refusal(path)


@pytest.mark.parametrize("card", [b"", b"[]", b'{"model": "ridge"}', b"\xff\xfe", b"{" * 100_000])
def test_a_card_that_cannot_be_read_is_refused(path: Path, card: bytes):
    save(path, skops.io.dumps(Ridge().fit(X, Y)))
    card_path(path).write_bytes(card)

    assert "card" in refusal(path)


def test_a_missing_model_says_how_to_train_one(path: Path):
    assert "python -m models.train" in refusal(path)


def test_a_missing_card_is_named(path: Path):
    path.write_bytes(skops.io.dumps(Ridge().fit(X, Y)))

    assert "model.card.json" in refusal(path)


def test_a_directory_in_the_place_of_a_model_is_refused(path: Path):
    path.mkdir()

    assert "cannot be read" in refusal(path)


def test_a_file_of_another_ending_is_refused(tmp_path: Path):
    other = tmp_path / "model.bin"
    other.write_bytes(b"")

    assert "neither a .skops nor a .pkl" in refusal(other)


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (make_pipeline(FunctionTransformer(pd.eval), Ridge()), "pandas"),
        (HistGradientBoostingRegressor(max_iter=2), "TreePredictor"),
    ],
    ids=["a function", "a type of scikit-learn that is not on the list"],
)
def test_a_type_that_is_not_allowed_is_refused_by_name(path: Path, estimator: Any, named: str):
    if isinstance(estimator, HistGradientBoostingRegressor):
        estimator.fit(X, Y)

    message = refusal(save(path, skops.io.dumps(estimator)))

    assert "not allowed" in message
    assert named in message


@pytest.mark.parametrize("raw", [b"", b"PK", b"\x00" * 1000], ids=["empty", "cut off", "zeros"])
def test_what_is_no_skops_file_is_refused_although_its_card_fits(path: Path, raw: bytes):
    assert "not a skops file" in refusal(save(path, raw))


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [(LogisticRegression().fit(X, Y > 10), "LogisticRegression"), (KMeans(2).fit(X), "KMeans"), (Ridge(), "Ridge")],
    ids=["a classifier", "a clustering", "not fitted"],
)
def test_what_is_no_fitted_regressor_is_refused(path: Path, estimator: Any, kind: str):
    assert f"holds a {kind}, which is not a fitted scikit-learn regressor" in refusal(
        save(path, skops.io.dumps(estimator))
    )


def test_a_prediction_that_is_not_finite_is_none_and_the_others_stay(path: Path):
    model = load(save(path, skops.io.dumps(Ridge().fit(X, Y))))

    first, second, third = model.predict([ROWS[0], [1e308, -1e308, 1e308], ROWS[2]])

    assert second is None
    assert [first, third] == model.predict([ROWS[0], ROWS[2]])
