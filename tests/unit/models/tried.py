# ruff: noqa: E501  a table reads best with one line for each
"""The models of other people that were tried: how each is made, how it comes, and what becomes of it.

`docs/compatibility.md` shows this list; `test_compatibility.py` tries each and holds the page against it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR

PREDICTS = "predicts"
CHANCE = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {"age": CHANCE.normal(size=90), "city": CHANCE.choice(["Oslo", "Riga"], 90), "size": CHANCE.normal(size=90)}
)
NUMBERS = FRAME[["age", "size"]]
CATEGORIES = FRAME.astype({"city": "category"})
PRICES = FRAME["age"] * 2 + (FRAME["city"] == "Oslo") + 5
NAMED = {"age": 0.5, "city": "Riga", "size": -1.0}
GAP = {"age": None, "city": "Riga", "size": -1.0}
NO_CITY = {"age": 0.5, "city": None, "size": -1.0}
ELSEWHERE = {"age": 0.5, "city": "Rome", "size": -1.0}
PLAIN = [0.5, -1.0]
NO_REGRESSOR = "which is not a fitted scikit-learn regressor"
NO_GAP = "is null, and {} takes no missing value there"
TWO = "{} answered 2 numbers"
SKLEARN, XGBOOST, LIGHTGBM, CATBOOST, MLFLOW = "scikit-learn", "XGBoost", "LightGBM", "CatBoost", "MLflow"


class Tried(NamedTuple):
    """One model: `form` is how it is saved, `row` what is asked of it; `becomes` is PREDICTS, or in the refusal's sentence."""

    library: str
    what: str
    form: str
    row: Any
    becomes: str
    make: Callable[[], Any]


def numbers(estimator: Any) -> Any:
    """Fit to two columns of numbers."""
    return estimator.fit(NUMBERS, PRICES)


def arrays(estimator: Any) -> Any:
    """Fit to two columns without names."""
    return estimator.fit(NUMBERS.to_numpy(), PRICES)


def twice(estimator: Any) -> Any:
    """Fit to two targets."""
    return estimator.fit(NUMBERS, np.c_[PRICES, PRICES])


def classes(estimator: Any) -> Any:
    """Fit to two classes."""
    return estimator.fit(NUMBERS, PRICES > 5)


def strings(estimator: Any) -> Any:
    """Fit to numbers and a column of strings."""
    return estimator.fit(FRAME, PRICES)


def categories(estimator: Any) -> Any:
    """Fit to numbers and a column of pandas' categories."""
    return estimator.fit(CATEGORIES, PRICES)


def one_hot(estimator: Any) -> Any:
    """Return an estimator behind an encoder of the strings."""
    return make_pipeline(make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"), estimator)


def xgboost(kind: str = "XGBRegressor", **options: Any) -> Any:
    """Return an estimator of XGBoost; skip the test where that is not installed."""
    return getattr(pytest.importorskip("xgboost"), kind)(n_estimators=5, **options)


def lightgbm() -> Any:
    """Return LightGBM's regressor, as above."""
    return pytest.importorskip("lightgbm").LGBMRegressor(n_estimators=5, verbose=-1)


def catboost(**options: Any) -> Any:
    """Return CatBoost's regressor, as above."""
    catboost = pytest.importorskip("catboost")
    return catboost.CatBoostRegressor(iterations=5, verbose=0, allow_writing_files=False, **options)


FEW_NEURONS = MLPRegressor(hidden_layer_sizes=4, max_iter=500, tol=1.0)
SINH = TransformedTargetRegressor(Ridge(), func=np.arcsinh, inverse_func=np.sinh)
TWO_KINDS = StackingRegressor([("a", Ridge()), ("b", RandomForestRegressor(3))])
SEARCH = GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2)
TRIED = [
    Tried(SKLEARN, "LinearRegression, trained on arrays", ".skops", PLAIN, PREDICTS, lambda: arrays(LinearRegression())),
    Tried(SKLEARN, "LinearRegression", ".pkl", NAMED, PREDICTS, lambda: numbers(LinearRegression())),
    Tried(SKLEARN, "StandardScaler, Ridge", ".pickle", NAMED, PREDICTS, lambda: numbers(make_pipeline(StandardScaler(), Ridge()))),
    Tried(SKLEARN, "ColumnTransformer with OneHotEncoder, Ridge", ".skops", NAMED, PREDICTS, lambda: strings(one_hot(Ridge()))),
    Tried(SKLEARN, "OneHotEncoder, Ridge; an unknown category", ".skops", ELSEWHERE, "Found unknown categories", lambda: strings(one_hot(Ridge()))),
    Tried(SKLEARN, "SimpleImputer, Ridge; a gap", ".skops", GAP, PREDICTS, lambda: numbers(make_pipeline(SimpleImputer(), Ridge()))),
    Tried(SKLEARN, "Ridge; a gap", ".skops", GAP, NO_GAP.format("ridge"), lambda: numbers(Ridge())),
    Tried(SKLEARN, "RandomForestRegressor", ".joblib", NAMED, PREDICTS, lambda: numbers(RandomForestRegressor(5))),
    Tried(SKLEARN, "GradientBoostingRegressor", ".skops", NAMED, PREDICTS, lambda: numbers(GradientBoostingRegressor(n_estimators=5))),
    Tried(SKLEARN, "HistGradientBoostingRegressor with categories; a gap", ".skops", GAP, PREDICTS, lambda: categories(HistGradientBoostingRegressor(max_iter=5))),
    Tried(SKLEARN, "KNeighborsRegressor", ".skops", NAMED, PREDICTS, lambda: numbers(KNeighborsRegressor())),
    Tried(SKLEARN, "SVR", ".skops", NAMED, PREDICTS, lambda: numbers(SVR())),
    Tried(SKLEARN, "MLPRegressor", ".skops", NAMED, PREDICTS, lambda: numbers(FEW_NEURONS)),
    Tried(SKLEARN, "GaussianProcessRegressor", ".skops", NAMED, PREDICTS, lambda: numbers(GaussianProcessRegressor(alpha=1.0))),
    Tried(SKLEARN, "StackingRegressor", ".skops", NAMED, PREDICTS, lambda: numbers(TWO_KINDS)),
    Tried(SKLEARN, "GridSearchCV", ".skops", NAMED, PREDICTS, lambda: numbers(SEARCH)),
    Tried(SKLEARN, "TransformedTargetRegressor", ".skops", NAMED, PREDICTS, lambda: numbers(SINH)),
    Tried(SKLEARN, "LinearRegression of two targets", ".skops", NAMED, TWO.format("linearregression"), lambda: twice(LinearRegression())),
    Tried(SKLEARN, "LogisticRegression", ".skops", NAMED, f"holds a LogisticRegression, {NO_REGRESSOR}", lambda: classes(LogisticRegression())),
    Tried(SKLEARN, "Ridge, not fitted", ".pkl", PLAIN, f"holds a Ridge, {NO_REGRESSOR}", Ridge),
    Tried(XGBOOST, "XGBRegressor; a gap", ".pkl", GAP, PREDICTS, lambda: numbers(xgboost())),
    Tried(XGBOOST, "XGBRegressor with categories; a gap", ".skops", GAP, PREDICTS, lambda: categories(xgboost(enable_categorical=True))),
    Tried(XGBOOST, "XGBRegressor with categories; an unknown one", ".joblib", ELSEWHERE, '`city` is "Rome", which xgbregressor was not trained on', lambda: categories(xgboost(enable_categorical=True))),
    Tried(XGBOOST, "XGBClassifier", ".pkl", NAMED, f"holds a XGBClassifier, {NO_REGRESSOR}", lambda: classes(xgboost("XGBClassifier"))),
    Tried(LIGHTGBM, "LGBMRegressor; a gap", ".pkl", GAP, PREDICTS, lambda: numbers(lightgbm())),
    Tried(LIGHTGBM, "LGBMRegressor with categories; a gap", ".skops", GAP, PREDICTS, lambda: categories(lightgbm())),
    Tried(LIGHTGBM, "LGBMRegressor with categories; an unknown one", ".skops", ELSEWHERE, PREDICTS, lambda: categories(lightgbm())),
    Tried(LIGHTGBM, "ColumnTransformer with OneHotEncoder, LGBMRegressor", ".joblib", NAMED, PREDICTS, lambda: strings(one_hot(lightgbm()))),
    Tried(LIGHTGBM, "Booster", ".pkl", NAMED, f"holds a Booster, {NO_REGRESSOR}", lambda: numbers(lightgbm()).booster_),
    Tried(CATBOOST, "CatBoostRegressor; a gap", ".pkl", GAP, PREDICTS, lambda: numbers(catboost())),
    Tried(CATBOOST, "CatBoostRegressor, trained on arrays", ".joblib", PLAIN, PREDICTS, lambda: arrays(catboost())),
    Tried(CATBOOST, "CatBoostRegressor with categories; a gap", ".pkl", GAP, PREDICTS, lambda: strings(catboost(cat_features=["city"]))),
    Tried(CATBOOST, "CatBoostRegressor with categories; one is null", ".pkl", NO_CITY, NO_GAP.format("catboostregressor"), lambda: strings(catboost(cat_features=["city"]))),
    Tried(CATBOOST, "CatBoostRegressor of two targets", ".pkl", NAMED, TWO.format("catboostregressor"), lambda: twice(catboost(loss_function="MultiRMSE"))),
    Tried(MLFLOW, "mlflow.sklearn with skops", "MLmodel, model.skops", NAMED, PREDICTS, lambda: numbers(Ridge())),
    Tried(MLFLOW, "mlflow.sklearn with a pickle", "MLmodel, model.pkl", NAMED, PREDICTS, lambda: strings(one_hot(Ridge()))),
    Tried("ONNX", "a model of ONNX", ".onnx", PLAIN, "is none of .skops, .pkl, .pickle, .joblib or a directory of MLflow", lambda: b"\x08\x08"),
    Tried("other", "a dict of coefficients", ".pkl", PLAIN, f"holds a dict, {NO_REGRESSOR}", lambda: {"coef": [1.0, 2.0]}),
]  # fmt: skip


def write(tried: Tried, directory: Path) -> Path:
    """Save a model in its form; return its path."""
    made = tried.make()
    if tried.form.startswith("MLmodel"):
        file = tried.form.split(", ")[1]
        (directory / "MLmodel").write_text(f"flavors:\n  sklearn:\n    pickled_model: {file}\n")
        path = directory / file
    else:
        path = directory / f"model{tried.form}"
    if path.suffix == ".skops":
        skops.io.dump(made, path)
    elif path.suffix == ".joblib":
        joblib.dump(made, path)
    else:
        path.write_bytes(made if isinstance(made, bytes) else pickle.dumps(made))
    return directory if tried.form.startswith("MLmodel") else path
