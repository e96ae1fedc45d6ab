"""`python -m models.card FILE` writes what the file knows, and what is told, as a card that the loader takes."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from models.artefact import load, sha256
from models.card_command import main
from tests.unit.models.model_files import ROWS, X, Y

FRAME = pd.DataFrame(X, columns=["bmi", "bp", "age"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.skops"


def card_of(path: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(path.with_suffix(".card.json").read_bytes())
    return card


def test_a_card_is_made_from_what_the_file_knows(path: Path, capsys: pytest.CaptureFixture[str]):
    skops.io.dump(Ridge().fit(FRAME, Y), path)

    assert main([str(path)]) == 0
    card = card_of(path)
    assert (card["model"], card["features"]) == ("ridge", ["bmi", "bp", "age"])
    assert card["sha256"] == sha256(path.read_bytes())
    assert set(card["libraries"]) >= {"python", "scikit-learn"}
    assert "ridge, which takes bmi, bp, age" in capsys.readouterr().out
    assert load(path).names == ("bmi", "bp", "age")


def test_what_is_told_is_in_the_card_and_travels_with_the_model(path: Path):
    skops.io.dump(Ridge().fit(X, Y), path)

    assert main([str(path), "--name", "price", "--version", "7", "--features", "bmi, bp,age"]) == 0
    model = load(path)
    assert (model.label, model.names) == ("price 7", ("bmi", "bp", "age"))
    assert model.predict([dict(zip(("age", "bp", "bmi"), ROWS[0][::-1], strict=True))]) == model.predict(ROWS[:1])


def test_an_example_lets_a_model_load_that_takes_no_zeros(path: Path):
    estimator = make_pipeline(FunctionTransformer(np.log, feature_names_out=None), FunctionTransformer(np.log), Ridge())
    skops.io.dump(estimator.fit(np.abs(X) + 2, Y), path)

    with np.errstate(all="ignore"):
        assert main([str(path)]) == 1
        assert main([str(path), "--example", "[3, 4, 5]"]) == 0
        assert isinstance(load(path).predict([[3.0, 4.0, 5.0]])[0], float)


def test_an_old_card_is_replaced(path: Path):
    skops.io.dump(Ridge().fit(X, Y), path)
    path.with_suffix(".card.json").write_bytes(b"{")

    assert main([str(path)]) == 0
    assert card_of(path)["model"] == "ridge"


def test_a_pickle_needs_its_digest_here_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Ridge().fit(X, Y)))

    assert main([str(path)]) == 1
    assert "is a pickle" in capsys.readouterr().err
    assert main([str(path), "--pickle-sha256", sha256(path.read_bytes())]) == 0


@pytest.mark.parametrize("name", ["rid\nge", "", "x" * 65])
def test_a_name_that_no_card_may_hold_is_refused(path: Path, name: str, capsys: pytest.CaptureFixture[str]):
    skops.io.dump(Ridge().fit(X, Y), path)

    code = main([str(path), "--name", name])

    if name:
        assert code == 1
        assert "--name" in capsys.readouterr().err
        assert not path.with_suffix(".card.json").exists()
    else:
        assert card_of(path)["model"] == "ridge"


@pytest.mark.parametrize("row", ["", "[[1]]", "3", "{"])
def test_an_example_that_is_no_row_is_refused(path: Path, row: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        main([str(path), "--example", row])

    assert "is no row of features" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_runs_as_the_documents_say(path: Path):
    skops.io.dump(Ridge().fit(FRAME, Y), path)

    done = subprocess.run(
        [sys.executable, "-m", "models.card", path], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert card_of(path)["features"] == ["bmi", "bp", "age"]
