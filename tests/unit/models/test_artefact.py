"""A model file is read without trusting it, with its card or without one, and is tried."""

from __future__ import annotations

import io
import json
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.artefact import load, sha256
from models.card import card_path
from tests.unit.models.model_files import N_FEATURES, ROWS, X, Y, as_skops, refusal, rezipped, save


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
    assert (len(model.columns), model.label) == (N_FEATURES, f"ridge {sha256(raw)[:8]}")


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (Ridge(), "ridge"),
        (make_pipeline(StandardScaler(), Ridge()), "ridge"),
        (TransformedTargetRegressor(GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2)), "ridge"),
    ],
    ids=["a regressor", "a pipeline", "a search in a transformed target"],
)
def test_a_model_without_a_card_is_called_after_its_regressor_and_the_digest_of_its_file(
    path: Path, estimator: Any, name: str
):
    model = as_skops(path, estimator.fit(X, Y))

    assert (model.name, model.version) == (name, sha256(path.read_bytes())[:8])
    assert model.predict(ROWS) == pytest.approx(estimator.predict(X[:5]))


def test_a_card_names_the_model_its_version_and_the_features_that_the_file_does_not_know(path: Path):
    estimator = Ridge().fit(X, Y)
    save(path, skops.io.dumps(estimator), model="price", version="7", features=["bmi", "bp", "age"])

    model = load(path)

    assert model.label == "price 7"
    assert model.predict([{"age": ROWS[0][2], "bmi": ROWS[0][0], "bp": ROWS[0][1]}]) == model.predict(ROWS[:1])


def test_a_name_of_a_setting_comes_before_that_of_the_card(path: Path):
    save(path, skops.io.dumps(Ridge().fit(X, Y)), version="7")

    assert load(path, name="champion").label == "champion 7"


def test_a_changed_byte_is_refused(path: Path):
    raw = skops.io.dumps(Ridge().fit(X, Y))
    save(path, raw)
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))

    assert "its card says" in refusal(path)


def test_a_card_of_another_feature_count_is_refused(path: Path):
    save(path, skops.io.dumps(Ridge().fit(X, Y)), features=["x0", "x1"])

    assert "takes 3 features, but its card names 2" in refusal(path)


def test_a_card_with_the_features_in_another_order_than_the_model_was_trained_on_is_refused(path: Path):
    estimator = Ridge().fit(pd.DataFrame(X, columns=["bmi", "bp", "age"]), Y)
    save(path, skops.io.dumps(estimator), features=["bmi", "age", "bp"])

    assert "takes `bp` as feature 2, but its card says `age`" in refusal(path)


@pytest.mark.parametrize("card", [b"", b"[]", b'{"model": "ridge"}', b"\xff\xfe", b"{" * 100_000])
def test_a_card_that_cannot_be_read_is_refused(path: Path, card: bytes):
    save(path, skops.io.dumps(Ridge().fit(X, Y)))
    card_path(path).write_bytes(card)

    assert "card" in refusal(path)


@pytest.mark.parametrize(
    "overrides",
    [{"model": "rid\nge"}, {"model": "\x1b[31mridge"}, {"version": "1\u202e2"}, {"features": ["a", "b\x00", "c"]}],
    ids=["a line feed", "a terminal's escape", "text turned round", "a feature"],
)
def test_a_card_with_a_name_that_would_disturb_a_log_is_refused(path: Path, overrides: dict[str, Any]):
    raw = skops.io.dumps(Ridge().fit(X, Y))
    save(path, raw)
    good = card_path(path).read_bytes()
    card_path(path).write_bytes(json.dumps(json.loads(good) | overrides).encode())

    assert "characters that cannot be printed" in refusal(path)


def test_a_missing_model_says_how_to_train_one(path: Path):
    assert "python -m models.train" in refusal(path)


def test_several_models_without_names_are_told_how_to_be_named(path: Path):
    assert "Several models need a name each" in refusal(path.with_name("a.skops,b.skops"))


def test_a_directory_in_the_place_of_a_model_is_refused(path: Path):
    path.mkdir()

    assert "cannot be read" in refusal(path)


@pytest.mark.parametrize("ending", [".bin", ".onnx", ".cbm", ""])
def test_a_file_of_another_ending_is_refused_with_what_would_do(tmp_path: Path, ending: str):
    other = tmp_path / f"model{ending}"
    other.write_bytes(b"")

    message = refusal(other)

    assert ".skops, .pkl, .pickle, .joblib or a directory of MLflow" in message
    assert "skops.io.dump" in message


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [(LogisticRegression().fit(X, Y > 10), "LogisticRegression"), (KMeans(2).fit(X), "KMeans"), (Ridge(), "Ridge")],
    ids=["a classifier", "a clustering", "not fitted"],
)
def test_what_is_no_fitted_regressor_is_refused(path: Path, estimator: Any, kind: str):
    skops.io.dump(estimator, path)

    assert f"holds a {kind}, which is not a fitted scikit-learn regressor" in refusal(path)


def test_a_model_of_another_version_of_scikit_learn_loads_and_says_so(path: Path):
    raw = skops.io.dumps(Ridge().fit(X, Y))
    schema = zipfile.ZipFile(io.BytesIO(raw)).read("schema.json").decode()
    older = rezipped(raw, {"schema.json": schema.replace(version("scikit-learn"), "1.2.0").encode()})

    model = load(save(path, older, libraries={"numpy": "0.1", "no-such-library": "1"}))

    [remark] = model.remarks
    assert "scikit-learn 1.2.0 (here " in remark
    assert "numpy 0.1 (here " in remark
    assert "no-such-library" not in remark


def test_a_model_of_the_versions_that_are_here_has_no_remarks(path: Path):
    assert as_skops(path, Ridge().fit(X, Y)).remarks == ()
