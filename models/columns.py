"""What a fitted estimator tells of the columns that it takes: how many, their names, and which hold categories.

Each library keeps that in a place of its own, and some keep it wrong: CatBoost's `n_features_in_` is 0 once unpickled.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sklearn.base import is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.pipeline import Pipeline

from models.told import Value


class Column(NamedTuple):
    """How the values of one column reach the model.

    `number`: as float64, never a string. `text`: as they are. `category`: as a pandas Categorical of `categories`.
    `code`: as the place of the value in `categories`, which has no other values. `any`: as float64 where all are numbers,
    else as they are.
    """

    kind: Literal["number", "text", "category", "code", "any"]
    categories: tuple[Any, ...] = ()
    codes: Mapping[Any, int] = {}

    def code(self, value: Value) -> int | None:
        """Return the place of a value in the categories; None if it is none of them.

        XGBoost cuts the UTF-8 of a category to as many bytes as it has characters (seen in 3.2), so that is looked up, too.
        """
        if not isinstance(value, str):
            return self.codes.get(category(value))
        raw = value.encode("utf-8", "surrogatepass")
        return self.codes.get(raw, self.codes.get(raw[: len(value)]))


NUMBER = Column("number")
ANY = Column("any")


def category(value: Value) -> Value:
    """Return a category in its one form: 20.0 is what some services make of the category 20."""
    return int(value) if type(value) is float and value.is_integer() else value


def feature_names(estimator: Any) -> tuple[str, ...] | None:
    """Return the names of the features in the order that the estimator takes them; None if it knows none."""
    names = _attribute(estimator, "feature_names_in_")
    if names is None:
        names = _attribute(estimator, "feature_names_")  # CatBoost's
    return None if names is None else tuple(str(name) for name in names)


def n_features(estimator: Any) -> int | None:
    """Return how many features a row has; None if the estimator does not tell."""
    n = _attribute(estimator, "n_features_in_")
    if isinstance(n, int) and n > 0:
        return n
    names = feature_names(estimator)
    return len(names) if names else None


def _attribute(estimator: Any, name: str) -> Any:
    try:
        return getattr(estimator, name)
    except Exception:  # foreign code: absent, or a property that raises
        return None


def columns_of(estimator: Any, n: int) -> tuple[Column, ...]:
    """Return what is known of each of the estimator's `n` columns; `ANY` where nothing is."""
    try:
        found = _columns(estimator, n, feature_names(estimator))
    except Exception:  # an estimator that lacks what its kind should have: it says no more than its predictions do
        return (ANY,) * n
    return tuple(found) if len(found) == n else (ANY,) * n


def _columns(estimator: Any, n: int, names: tuple[str, ...] | None) -> Sequence[Column]:
    reader = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}.get(_library(estimator))
    if reader is not None:
        return reader(estimator, n)
    for attribute in ("best_estimator_", "regressor_"):  # a search, a TransformedTargetRegressor
        if hasattr(estimator, attribute):
            return _columns(getattr(estimator, attribute), n, names)
    if isinstance(estimator, VotingRegressor | StackingRegressor):
        return _columns(estimator.estimators_[0], n, names)
    if isinstance(estimator, Pipeline):
        first = next((step for _, step in estimator.steps if step not in (None, "passthrough")), None)
        return _columns(first, n, names)
    if isinstance(estimator, ColumnTransformer):
        return _column_transformer(estimator, n, names)
    if hasattr(estimator, "categories_"):  # an encoder of all columns
        return [_encoded(categories) for categories in estimator.categories_]
    if getattr(estimator, "_preprocessor", None) is not None:  # HistGradientBoosting with categories
        encoded = iter(estimator._preprocessor.named_transformers_["encoder"].categories_)
        return [_encoded(next(encoded)) if is_category else NUMBER for is_category in estimator.is_categorical_]
    is_plain = _library(estimator) == "sklearn" and is_regressor(estimator) and not hasattr(estimator, "estimator")
    return [NUMBER if is_plain else ANY] * n


def _library(estimator: Any) -> str:
    return type(estimator).__module__.partition(".")[0]


def _encoded(categories: Any) -> Column:
    """Return the column of an encoder: text if one of its categories is a string."""
    known = [category for category in categories if category is not None and category == category]  # not NaN
    return Column("text", tuple(known)) if any(isinstance(category, str) for category in known) else ANY


def _column_transformer(estimator: Any, n: int, names: tuple[str, ...] | None) -> list[Column]:
    found = [ANY] * n
    for _, transformer, chosen in estimator.transformers_:
        steps = [step for _, step in transformer.steps] if isinstance(transformer, Pipeline) else [transformer]
        categories = next((step.categories_ for step in steps if hasattr(step, "categories_")), None)
        if categories is not None:
            for i, known in zip(_positions(chosen, n, names), categories, strict=True):
                found[i] = _encoded(known)
    return found


def _positions(chosen: Any, n: int, names: tuple[str, ...] | None) -> list[int]:
    """Return the positions of the columns that a ColumnTransformer names in one of its many ways."""
    if isinstance(chosen, slice):
        return list(range(n))[chosen]
    each = [chosen] if isinstance(chosen, str | int) else list(chosen)
    if len(each) == n and all(type(one).__name__ in ("bool", "bool_") for one in each):
        return [i for i, is_chosen in enumerate(each) if is_chosen]
    return [names.index(one) if isinstance(one, str) and names else int(one) for one in each]


def _catboost(estimator: Any, n: int) -> list[Column]:
    as_they_are = {*estimator.get_cat_feature_indices(), *estimator.get_text_feature_indices()}
    return [Column("text", ("",)) if i in as_they_are else NUMBER for i in range(n)]


def _lightgbm(estimator: Any, n: int) -> list[Column]:
    booster = estimator.booster_
    known = booster.pandas_categorical or []
    found = [NUMBER] * n
    if known:
        for i, categories in zip(booster.params["categorical_column"], known, strict=True):
            found[i] = Column("category", tuple(categories))
    return found


def _xgboost(estimator: Any, n: int) -> list[Column]:
    """Return the categories that the model itself keeps since XGBoost 3.1; without them it takes their codes."""
    booster = estimator.get_booster()
    if "c" not in (booster.feature_types or []):
        return [NUMBER] * n
    model = msgspec.json.decode(booster.save_raw("json"))["learner"]["gradient_booster"]
    encodings = model.get("gbtree", model)["model"].get("cats", {}).get("enc") or [{}] * n
    return [_coded(_decoded(encoding)) for encoding in encodings]


def _coded(keys: Sequence[Any]) -> Column:
    shown = tuple(key.decode(errors="replace") if isinstance(key, bytes) else key for key in keys)
    return Column("code", shown, {key: i for i, key in enumerate(keys)}) if keys else NUMBER


def _decoded(encoding: dict[str, Any]) -> list[Any]:
    """Return the categories of one column: numbers as they are, strings as their UTF-8, which lies one after the other."""
    values, offsets = encoding.get("values", []), encoding.get("offsets")
    if offsets is None:
        return list(values)
    raw = bytes(value % 256 for value in values)
    return [raw[start:end] for start, end in itertools.pairwise(offsets)]
