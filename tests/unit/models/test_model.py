"""Rows by name and by position, with categories and with gaps: each is predicted as pandas and the model would, or refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from models.columns import ANY, NUMBER
from models.model import Model, Refused
from tests.unit.models.model_files import ROWS, X, Y, as_skops

CHANCE = np.random.default_rng(1)
CITIES = ["Oslo", "Riga", "Rome"]
PEOPLE = pd.DataFrame(
    {
        "age": CHANCE.normal(size=120),
        "city": CHANCE.choice(CITIES, 120),
        "zip": CHANCE.choice([10, 20, 30], 120),
        "size": CHANCE.normal(size=120),
    }
)
PRICES = PEOPLE["age"] * 2 + (PEOPLE["city"] == "Oslo") * 3 + (PEOPLE["zip"] == 20) * 5 + 10
GAPS = PEOPLE.assign(age=PEOPLE["age"].where(PEOPLE.index % 5 != 0), city=PEOPLE["city"].where(PEOPLE.index % 7 != 0))
ENCODED = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["city", "zip"]), (StandardScaler(), ["age"]), remainder="passthrough"
)
IMPUTED = make_column_transformer(
    (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), ["city"]),
    (SimpleImputer(), make_column_selector(dtype_include="number")),
)
BY_NAME = {
    "one hot": (make_pipeline(ENCODED, Ridge()), PEOPLE),
    "ordinal": (
        make_pipeline(
            make_column_transformer(
                (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [1]), remainder="passthrough"
            ),
            RandomForestRegressor(5, random_state=0),
        ),
        PEOPLE,
    ),
    "target": (
        make_pipeline(make_column_transformer((TargetEncoder(), slice(1, 3)), remainder="passthrough"), Ridge()),
        PEOPLE,
    ),
    "imputed": (make_pipeline(IMPUTED, Ridge()), GAPS),
    "histogram boosting": (
        HistGradientBoostingRegressor(max_iter=20),
        GAPS.astype({"city": "category", "zip": "category"}),
    ),
}


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as services send them: JSON has null, and no NaN."""
    return [
        {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


@pytest.fixture(scope="module", params=BY_NAME.values(), ids=BY_NAME)
def named(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Any, pd.DataFrame]:
    """A model of named columns, as it was fitted, and what it was trained on."""
    estimator, frame = request.param
    estimator.fit(frame, PRICES)
    return as_skops(tmp_path_factory.mktemp("models") / "model.skops", estimator), estimator, frame


def test_rows_by_name_are_predicted_as_the_model_predicts_their_frame(named: tuple[Model, Any, pd.DataFrame]):
    model, estimator, frame = named

    assert model.predict(rows_of(frame)) == pytest.approx(estimator.predict(frame))


@pytest.mark.slow
@settings(max_examples=25)
@given(order=st.permutations(["age", "city", "zip", "size"]), n=st.integers(1, 9), data=st.data())
def test_neither_the_order_of_names_nor_the_company_of_a_row_changes_its_prediction(
    named: tuple[Model, Any, pd.DataFrame], order: list[str], n: int, data: st.DataObject
):
    model, estimator, frame = named
    some = data.draw(st.lists(st.integers(0, len(frame) - 1), min_size=n, max_size=n))
    rows = [{name: row[name] for name in order} for row in rows_of(frame.iloc[some])]
    as_lists = [
        list(row) for row in frame.iloc[some].astype(object).where(frame.iloc[some].notna(), None).to_numpy().tolist()
    ]

    expected = estimator.predict(frame)[some]

    assert model.predict(rows) == pytest.approx(expected)
    assert model.predict(as_lists) == pytest.approx(expected)
    assert [model.predict([row])[0] for row in rows] == pytest.approx(expected)


def test_a_category_that_is_a_whole_number_may_come_as_a_float(named: tuple[Model, Any, pd.DataFrame]):
    model, estimator, frame = named
    rows = [row | {"zip": float(row["zip"])} for row in rows_of(frame[:9])]

    assert model.predict(rows) == pytest.approx(estimator.predict(frame[:9]))


def test_further_names_are_ignored(named: tuple[Model, Any, pd.DataFrame]):
    model, _, frame = named
    rows = rows_of(frame[:3])

    assert model.predict([row | {"colour": "red", "Age": 3} for row in rows]) == model.predict(rows)


def test_a_missing_name_is_one_sentence_with_what_came_instead(named: tuple[Model, Any, pd.DataFrame]):
    model, _, frame = named
    [row] = rows_of(frame[:1])
    del row["age"]

    answers = model.predict([row | {"Age\n": 3}, *rows_of(frame[:1])])

    assert answers[0] == Refused(f"no feature `age`; it has `Age`, which {model.label} does not know")
    assert isinstance(answers[1], float)


@pytest.fixture
def plain(tmp_path: Path) -> Model:
    return as_skops(tmp_path / "model.skops", Ridge().fit(X, Y))


@pytest.fixture
def framed(tmp_path: Path) -> Model:
    return as_skops(tmp_path / "model.skops", Ridge().fit(pd.DataFrame(X, columns=["bmi", "bp", "age"]), Y))


def test_a_model_without_names_takes_no_features_by_name(plain: Model):
    [answer] = plain.predict([{"bmi": 1.0, "bp": 2.0, "age": 3.0}])

    assert answer == Refused(f"features by name, but {plain.label} knows no names: send a list of 3 numbers")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ([1.0], "1 feature, but {label} takes 3"),
        ([1.0, 2.0, 3.0, 4.0], "4 features, but {label} takes 3"),
        ({"bmi": 1.0}, "no feature `bp` and `age`"),
        ({"bmi": None, "bp": 1, "age": 2}, "`bmi` is null, and {label} takes no missing value there"),
        ([1.0, None, 2.0], "`bp` is null, and {label} takes no missing value there"),
        ({"bmi": "high\n", "bp": 1, "age": 2}, '`bmi` is "high", but {label} takes a number there'),
        ({"bmi": "1.5", "bp": 1, "age": 2}, '`bmi` is "1.5", but {label} takes a number there'),
        ([10**400, 1, 2], "`bmi` is an integer that is too large for a float"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_alone_and_by_name(framed: Model, row: Any, sentence: str):
    good = {"bmi": 1, "bp": 0.5, "age": True}

    answers = framed.predict([good, row, good])

    assert answers[1] == Refused(sentence.format(label=framed.label))
    assert answers[0] == answers[2] == framed.predict([[1.0, 0.5, 1.0]])[0]


def test_a_gap_is_refused_only_where_the_model_takes_none(tmp_path: Path):
    partly = make_column_transformer((SimpleImputer(), ["bmi", "age"]), remainder="passthrough")
    estimator = make_pipeline(partly, Ridge()).fit(pd.DataFrame(X, columns=["bmi", "bp", "age"]), Y)
    model = as_skops(tmp_path / "model.skops", estimator)

    assert model.takes_null == (True, False, True)
    assert isinstance(model.predict([[None, 1.0, None]])[0], float)
    assert isinstance(model.predict([[1.0, None, 1.0]])[0], Refused)


def test_a_prediction_that_is_not_finite_is_refused_and_the_others_stay(plain: Model):
    first, second, third = plain.predict([ROWS[0], [1e308, -1e308, 1e308], ROWS[2]])

    assert second == Refused(f"{plain.label} answered NaN or an infinity", was_asked=True)
    assert [first, third] == plain.predict([ROWS[0], ROWS[2]])


def test_strings_in_an_array_reach_a_model_that_was_trained_on_arrays(tmp_path: Path):
    table = PEOPLE[["age", "city"]].to_numpy(dtype=object)
    pipeline = make_pipeline(make_column_transformer((OneHotEncoder(), [1]), remainder="passthrough"), Ridge())
    model = as_skops(tmp_path / "model.skops", pipeline.fit(table, PRICES))

    assert model.names is None
    assert model.predict(table.tolist()) == pytest.approx(pipeline.predict(table))


class Odd(RegressorMixin, BaseEstimator):
    """A regressor whose answer is given, whatever it is asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, table: Any) -> Any:
        answer = self.answer(table)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Unsayable(Exception):
    """It cannot even be shown."""

    def __str__(self) -> str:
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda table: ValueError("x" * 1_000_000), "ValueError: " + "x" * 50),
        (lambda table: ValueError("one\x1b[31m\ntwo"), "ValueError: one�[31m"),
        (lambda table: SystemExit(3), "SystemExit: 3"),
        (lambda table: KeyboardInterrupt(), "KeyboardInterrupt"),
        (lambda table: GeneratorExit("over"), "GeneratorExit: over"),
        (lambda table: Unsayable(), "Unsayable"),
        (lambda table: np.zeros((len(table), 2)), "answered 2 numbers in the shape (1, 2) for 1 row"),
        (lambda table: np.zeros(7), "answered 7 numbers in the shape (7,) for 1 row"),
        (lambda table: ["yes"] * len(table), "could not convert string to float"),
        (lambda table: None, "answered 1 number in the shape () for 1 row"),
    ],
    ids=[
        "a megabyte",
        "a terminal's escape",
        "exit",
        "interrupt",
        "generator",
        "unsayable",
        "two",
        "seven",
        "words",
        "none",
    ],
)
def test_whatever_a_model_does_costs_its_row_one_bounded_sentence(answer: Any, said: str):
    model = Model(Odd(answer), name="odd", version="1", columns=[NUMBER])

    answers = model.predict([[1.0], [2.0]])

    assert len(answers) == 2
    for one in answers:
        assert isinstance(one, Refused)
        assert one.was_asked
        assert said in one.sentence
        assert len(one.sentence) < 400
        assert one.sentence.isprintable()


values = st.sampled_from([0, 1.5, -2, True, None, "a", "1", 10**400, 1e308])


@given(
    st.lists(st.lists(values, max_size=3) | st.dictionaries(st.sampled_from("abc"), values, max_size=3), max_size=12)
)
def test_every_row_gets_one_answer_which_does_not_depend_on_the_others(rows: list[Any]):
    def add_up(table: Any) -> Any:
        return table.sum(axis=1) if isinstance(table, np.ndarray) else table.astype(float).sum(axis=1)

    model = Model(Odd(add_up), name="sum", version="1", columns=[NUMBER, ANY], names=["a", "b"], by_frame=True)

    answers = model.predict(rows)

    assert answers == [model.predict([row])[0] for row in rows]
    for row, answer in zip(rows, answers, strict=True):
        cells = [row.get("a", ()), row.get("b", ())] if isinstance(row, dict) else row
        is_good = len(cells) == 2 and all(isinstance(cell, int | float) and abs(cell) < 1e308 for cell in cells)
        if is_good:
            assert answer == float(sum(cells))
