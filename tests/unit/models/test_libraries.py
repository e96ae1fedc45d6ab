"""XGBoost, LightGBM and CatBoost: their models load, and take categories and gaps as the libraries themselves do.

Each test runs where its library is installed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.columns import NUMBER
from models.model import Model, Refused
from tests.unit.models.model_files import ROWS, X, Y, as_pickle, as_skops, refusal

CHANCE = np.random.default_rng(2)
HOUSES = pd.DataFrame(
    {
        "age": CHANCE.normal(size=400),
        "city": CHANCE.choice(["Bern", "Oslo", "Riga", "Zürich"], 400),
        "zip": CHANCE.choice([10, 20, 30], 400),
        "size": CHANCE.normal(size=400),
    }
)
PRICES = HOUSES["age"] * 2 + (HOUSES["city"] == "Oslo") * 3 + (HOUSES["zip"] == 20) * 5
GAPS = HOUSES.assign(size=HOUSES["size"].where(HOUSES.index % 9 != 0))
CATEGORIES = GAPS.astype({"city": "category", "zip": "category"})
XGBOOST_TYPES = ("xgboost.core.Booster", "xgboost.sklearn.XGBRegressor")
LIGHTGBM_TYPES = ("lightgbm.basic.Booster", "lightgbm.sklearn.LGBMRegressor")


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as services send them: JSON has null, and no NaN."""
    return [
        {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def boosted(library: str, **options: Any) -> Any:
    """Return an unfitted regressor of a library; skip the test where that is not installed."""
    module = pytest.importorskip(library)
    if library == "xgboost":
        return module.XGBRegressor(n_estimators=20, **options)
    if library == "lightgbm":
        return module.LGBMRegressor(n_estimators=20, verbose=-1, min_data_per_group=1, cat_smooth=1, **options)
    return module.CatBoostRegressor(iterations=20, verbose=0, allow_writing_files=False, **options)


@pytest.fixture(params=["xgboost", "lightgbm", "catboost"])
def library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def with_categories(library: str, tmp_path: Path) -> tuple[Model, Any, pd.DataFrame]:
    """A model of two columns of categories, as it was fitted, and what it was trained on."""
    if library == "catboost":
        estimator, frame = boosted(library, cat_features=["city", "zip"]), GAPS
    else:
        estimator, frame = boosted(library, **{"enable_categorical": True} if library == "xgboost" else {}), CATEGORIES
    estimator.fit(frame, PRICES)
    return as_pickle(tmp_path / "model.pkl", estimator), estimator, frame


@pytest.mark.slow
def test_rows_by_name_with_categories_and_gaps_are_predicted_as_the_library_predicts_their_frame(
    with_categories: tuple[Model, Any, pd.DataFrame],
):
    model, estimator, frame = with_categories
    rows = rows_of(frame[:40])

    assert model.names == ("age", "city", "zip", "size")
    assert model.predict(rows) == pytest.approx(estimator.predict(frame[:40]))
    assert [model.predict([row])[0] for row in rows] == pytest.approx(estimator.predict(frame[:40]))
    assert model.predict([row | {"zip": float(row["zip"])} for row in rows]) == model.predict(rows)
    assert model.predict([list(row.values()) for row in rows]) == model.predict(rows)
    assert model.predict([dict(reversed(row.items())) for row in rows]) == model.predict(rows)


@pytest.mark.slow
def test_a_missing_category_is_predicted_where_the_library_does(
    with_categories: tuple[Model, Any, pd.DataFrame], library: str
):
    model, estimator, frame = with_categories
    row = rows_of(frame[1:2])[0] | {"city": None}

    [answer] = model.predict([row])

    if library == "catboost":
        assert answer == Refused(f"`city` is null, and {model.label} takes no missing value there")
    else:
        missing = frame[:2].assign(city=frame["city"][:2].where([True, False]))
        assert answer == pytest.approx(estimator.predict(missing)[1])


@pytest.mark.slow
def test_a_category_that_xgboost_was_not_trained_on_is_refused_with_those_that_it_knows(tmp_path: Path):
    estimator = boosted("xgboost", enable_categorical=True).fit(CATEGORIES, PRICES)
    model = as_pickle(tmp_path / "model.pkl", estimator)
    good, bad = rows_of(CATEGORIES[1:3])

    answers = model.predict([good, bad | {"city": "Rome"}])

    assert answers[0] == pytest.approx(estimator.predict(CATEGORIES[1:2])[0])
    assert isinstance(answers[1], Refused)
    assert answers[1].sentence.startswith(
        f'`city` is "Rome", which {model.label} was not trained on: it knows "Bern", "Oslo", "Riga", "Züri'
    )


def test_a_model_of_numbers_alone_takes_lists_and_gaps(library: str, tmp_path: Path):
    estimator = boosted(library).fit(X, Y)
    model = as_pickle(tmp_path / "model.pkl", estimator)

    assert model.columns == (NUMBER,) * 3
    assert model.takes_null == (True,) * 3
    assert model.predict([*ROWS, [None, 1.0, 2.0]]) == pytest.approx(
        estimator.predict(np.array([*ROWS, [np.nan, 1.0, 2.0]]))
    )


def test_one_in_a_pipeline_takes_lists(library: str, tmp_path: Path):
    estimator = make_pipeline(StandardScaler(), boosted(library)).fit(X, Y)

    assert as_pickle(tmp_path / "model.pkl", estimator).predict(ROWS) == pytest.approx(estimator.predict(X[:5]))


@pytest.mark.parametrize(("library", "types"), [("xgboost", XGBOOST_TYPES), ("lightgbm", LIGHTGBM_TYPES)])
def test_a_skops_file_is_opened_once_its_types_are_allowed(library: str, types: tuple[str, ...], tmp_path: Path):
    estimator = boosted(library, **{"enable_categorical": True} if library == "xgboost" else {}).fit(CATEGORIES, PRICES)
    path = tmp_path / "model.skops"
    skops.io.dump(estimator, path)

    assert refusal(path).endswith(f"HINDSIGHT_MODEL_TYPES={','.join(types)}")
    assert as_skops(path, estimator, types).predict(rows_of(CATEGORIES[:9])) == pytest.approx(
        estimator.predict(CATEGORIES[:9])
    )


@pytest.mark.slow
def test_an_xgboost_model_that_does_not_keep_its_categories_takes_their_codes_and_no_words(tmp_path: Path):
    codes = CATEGORIES.assign(city=CATEGORIES["city"].cat.codes, zip=CATEGORIES["zip"].cat.codes)
    types = ["q", "c", "c", "q"]
    estimator = boosted("xgboost", enable_categorical=True, feature_types=types).fit(codes.to_numpy(float), PRICES)
    model = as_pickle(tmp_path / "model.pkl", estimator)

    rows = codes[:9].astype(object).where(codes[:9].notna(), None).to_numpy().tolist()

    assert model.predict(rows) == pytest.approx(estimator.predict(codes[:9].to_numpy(float)))
    assert isinstance(model.predict([[0.5, "Oslo", 10, 0.5]])[0], Refused)


def test_a_classifier_and_a_ranking_are_refused(library: str, tmp_path: Path):
    module = pytest.importorskip(library)
    kind = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier", "catboost": "CatBoostClassifier"}[library]
    silent = {"xgboost": {}, "lightgbm": {"verbose": -1}, "catboost": {"verbose": 0, "allow_writing_files": False}}
    path = tmp_path / "model.pkl"

    with pytest.raises(Exception, match="not a fitted scikit-learn regressor"):
        as_pickle(path, getattr(module, kind)(**silent[library]).fit(X, Y > 10))
