"""A pickle is unpickled only if somebody named its sha256, under whatever name it comes."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression, Ridge

from models.artefact import load, sha256
from tests.unit.models.model_files import N_FEATURES, ROWS, X, Y, refusal, save


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture
def pickled(tmp_path: Path) -> Path:
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps(LinearRegression().fit(X, Y)))
    return path


@pytest.mark.parametrize("ending", [".pkl", ".pickle", ".joblib"])
@pytest.mark.parametrize(
    "dump",
    [pickle.dump, joblib.dump, lambda estimator, file: joblib.dump(estimator, file, compress=3)],
    ids=["pickle", "joblib", "compressed joblib"],
)
def test_a_pickle_loads_with_its_sha256_and_without_a_card(tmp_path: Path, dump: Any, ending: str):
    estimator = LinearRegression().fit(X, Y)
    path = tmp_path / f"myfile{ending}"
    with path.open("wb") as file:
        dump(estimator, file)
    digest = sha256(path.read_bytes())

    model = load(path, pickle_sha256=f"{'0' * 64}, {digest.upper()}")

    assert model.predict(ROWS) == estimator.predict(X[:5]).tolist()
    assert (len(model.columns), model.label) == (N_FEATURES, f"linearregression {digest[:8]}")


def test_a_pickle_without_a_sha256_is_refused_with_the_setting_that_would_allow_it(pickled: Path):
    assert f"HINDSIGHT_MODEL_PICKLE_SHA256={sha256(pickled.read_bytes())}" in refusal(pickled)


def test_a_pickle_of_something_else_is_refused(tmp_path: Path):
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps({"coef": 1}))

    assert "holds a dict" in refusal(path, pickle_sha256=sha256(path.read_bytes()))


def test_a_pickle_of_a_library_that_is_not_installed_is_refused(tmp_path: Path):
    path = tmp_path / "myfile.pkl"
    path.write_bytes(b"cno_such_library\nRegressor\n.")

    assert "no_such_library" in refusal(path, pickle_sha256=sha256(path.read_bytes()))


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

        refusal(path, pickle_sha256=digest)

        assert not mark.exists()


def test_the_bomb_of_these_tests_would_go_off(tmp_path: Path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "opened")))  # noqa: S301  our own

    assert (tmp_path / "opened").exists()


def test_a_model_trained_on_named_columns_gets_them_and_does_not_warn(tmp_path: Path):
    frame = pd.DataFrame(X, columns=["bmi", "bp", "age"])
    estimator = LinearRegression().fit(frame, Y)
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps(estimator))

    model = load(path, pickle_sha256=sha256(path.read_bytes()))

    assert model.predict(ROWS) == estimator.predict(frame[:5]).tolist()


def test_a_model_trained_on_a_column_of_targets_predicts_one_number_a_row(tmp_path: Path):
    path = tmp_path / "myfile.pkl"
    path.write_bytes(pickle.dumps(LinearRegression().fit(X, Y[:, None])))

    assert load(path, pickle_sha256=sha256(path.read_bytes())).predict(ROWS) == pytest.approx(Y[:5])


def test_a_pickle_that_ends_the_process_as_it_is_opened_is_refused(tmp_path: Path):
    path = tmp_path / "myfile.pkl"
    path.write_bytes(b"csys\nexit\n(S'now'\ntR.")

    assert "SystemExit: now" in refusal(path, pickle_sha256=sha256(path.read_bytes()))
