"""A model file is read without trusting it."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from models.artefact import ModelError, load, sha256
from models.card import Card, Scores, card_path, encode

N_FEATURES = 3
X = np.random.default_rng(0).normal(size=(40, N_FEATURES))
Y = X @ [1.0, -2.0, 3.0] + 10.0
ROWS = X[:5].tolist()


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def save(path: Path, raw: bytes, **overrides: Any) -> Path:
    """Write a model file with a card that fits it, but for the overrides."""
    scores = Scores(mae=1.0, rmse=1.0, r2=0.5, bias=0.0)
    card = Card(
        model="ridge",
        sha256=sha256(raw),
        features=[f"x{i}" for i in range(N_FEATURES)],
        target="y",
        unit="points",
        trained_at="2026-01-01T00:00:00+00:00",
        n_rows_trained=40,
        n_rows_held_out=0,
        held_out=scores,
        chosen_among={"ridge": scores},
        libraries={},
    )
    path.write_bytes(raw)
    card_path(path).write_bytes(encode(msgspec.structs.replace(card, **overrides)))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.skops"


@pytest.fixture
def pickled(tmp_path: Path) -> Path:
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps(LinearRegression().fit(X, Y)))
    return path


def refusal(path: Path, pickle_sha256: str = "") -> str:
    """Return the message of a refusal; it is one paragraph that names the file."""
    with pytest.raises(ModelError) as caught:
        load(path, pickle_sha256)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path.with_suffix("")) in message
    assert message.endswith(".")
    return message


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


@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump], ids=["pickle", "joblib"])
def test_a_pickle_loads_with_its_sha256_and_without_a_card(tmp_path: Path, dump: Any):
    estimator = LinearRegression().fit(X, Y)
    path = tmp_path / "myfile.pkl"
    with path.open("wb") as file:
        dump(estimator, file)
    digest = sha256(path.read_bytes())

    model = load(path, digest.upper())

    assert model.predict(ROWS) == estimator.predict(X[:5]).tolist()
    assert (model.n_features, model.name) == (N_FEATURES, f"linearregression-{digest[:4]}")


def test_a_pickle_without_a_sha256_is_refused_with_the_setting_that_would_allow_it(pickled: Path):
    assert f"HINDSIGHT_MODEL_PICKLE_SHA256={sha256(pickled.read_bytes())}" in refusal(pickled)


def test_a_pickle_of_something_else_is_refused(tmp_path: Path):
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps({"coef": 1}))

    assert "holds a dict" in refusal(path, sha256(path.read_bytes()))


def test_a_pickle_of_a_library_that_is_not_installed_is_refused(tmp_path: Path):
    path = tmp_path / "myfile.pkl"
    path.write_bytes(b"cno_such_library\nRegressor\n.")

    assert "no_such_library" in refusal(path, sha256(path.read_bytes()))


def zipped(name: str, content: bytes) -> bytes:
    """Return a zip file with one file in it, which a pickle in front of it does not disturb."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def npy_with_objects(bomb: Bomb) -> bytes:
    """Return a skops file whose array of numbers is an array of pickled objects."""
    raw = skops.io.dumps(Ridge().fit(X, Y))
    evil = io.BytesIO()
    np.save(evil, np.array([bomb], dtype=object), allow_pickle=True)
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, evil.getvalue() if name.endswith(".npy") else old.read(name))
    return changed.getvalue()


@pytest.mark.parametrize("carded", [True, False], ids=["with a card that fits", "without a card"])
@pytest.mark.parametrize("ending", [".skops", ".pkl"])
@pytest.mark.parametrize("digest", ["", "0" * 64], ids=["no digest", "wrong digest"])
def test_a_hostile_pickle_is_refused_unopened_under_any_disguise(
    tmp_path: Path, carded: bool, ending: str, digest: str
):
    mark = tmp_path / "opened"
    bomb = Bomb(mark)
    disguises = [
        pickle.dumps(bomb),
        pickle.dumps(bomb) + zipped("schema.json", pickle.dumps(bomb)),
        zipped("schema.json", b'{"__class__": "Path", "__module__": "pathlib", "__loader__": "ObjectNode"}'),
        npy_with_objects(bomb),
    ]
    for i, raw in enumerate(disguises):
        path = tmp_path / f"model{i}{ending}"
        if carded:
            save(path, raw)
        else:
            path.write_bytes(raw)

        refusal(path, digest)

        assert not mark.exists()


def test_the_bomb_of_these_tests_would_go_off(tmp_path: Path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "opened")))  # noqa: S301  our own

    assert (tmp_path / "opened").exists()


def test_a_prediction_that_is_not_finite_is_none_and_the_others_stay(path: Path):
    model = load(save(path, skops.io.dumps(Ridge().fit(X, Y))))

    first, second, third = model.predict([ROWS[0], [1e308, -1e308, 1e308], ROWS[2]])

    assert second is None
    assert [first, third] == model.predict([ROWS[0], ROWS[2]])


def test_a_model_trained_on_named_columns_gets_them_and_does_not_warn(tmp_path: Path):
    frame = pd.DataFrame(X, columns=["bmi", "bp", "age"])
    estimator = LinearRegression().fit(frame, Y)
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps(estimator))

    model = load(path, sha256(path.read_bytes()))

    assert model.predict(ROWS) == estimator.predict(frame[:5]).tolist()


def test_a_model_trained_on_a_column_of_targets_predicts_one_number_a_row(tmp_path: Path):
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps(LinearRegression().fit(X, Y[:, None])))

    assert load(path, sha256(path.read_bytes())).predict(ROWS) == pytest.approx(Y[:5])


def test_a_model_with_two_targets_fails_instead_of_mixing_rows(tmp_path: Path):
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps(LinearRegression().fit(X, np.c_[Y, Y])))

    with pytest.raises(ValueError, match="reshape"):
        load(path, sha256(path.read_bytes())).predict(ROWS)
