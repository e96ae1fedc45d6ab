"""Training leaves a model that loads, and a card that says the truth about it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from models import train
from models.artefact import load
from models.data import diabetes


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model for all tests of this file."""
    out = tmp_path_factory.mktemp("models") / "sub" / "model.skops"
    train.train(diabetes(), out)
    return out


@pytest.fixture
def card(trained: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(trained.with_name("model.card.json").read_text(encoding="utf-8"))
    return card


@pytest.mark.slow
def test_the_trained_model_loads_and_is_named_after_its_kind_and_file(trained: Path, card: dict[str, Any]):
    model = load(trained)

    assert (model.name, model.version) == (card["model"], card["sha256"][:8])
    assert model.names == tuple(card["features"])
    assert len(model.columns) == 10


@pytest.mark.slow
def test_the_card_holds_the_digest_of_the_file(trained: Path, card: dict[str, Any]):
    assert card["sha256"] == hashlib.sha256(trained.read_bytes()).hexdigest()


@pytest.mark.slow
def test_the_card_names_the_features_in_the_order_of_the_data(card: dict[str, Any]):
    assert card["features"] == ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]


@pytest.mark.slow
def test_every_row_is_trained_on_or_held_out(card: dict[str, Any]):
    assert (card["n_rows_trained"], card["n_rows_held_out"]) == (353, 89)


@pytest.mark.slow
def test_the_scores_on_held_out_rows_are_those_of_the_file(trained: Path, card: dict[str, Any]):
    data = diabetes()
    _, held_x, _, held_y = train.split(data)
    predicted = np.array(load(trained).predict(held_x.tolist()), dtype=float)

    assert card["held_out"] == pytest.approx(
        {
            "mae": mean_absolute_error(held_y, predicted),
            "rmse": root_mean_squared_error(held_y, predicted),
            "r2": r2_score(held_y, predicted),
            "bias": (predicted - held_y).mean(),
        }
    )


@pytest.mark.slow
def test_the_model_beats_the_baseline_by_far_in_cross_validation_and_on_held_out_rows(card: dict[str, Any]):
    baseline = card["chosen_among"]["mean"]["rmse"]

    assert card["chosen_among"][card["model"]]["rmse"] < 0.8 * baseline
    assert card["held_out"]["rmse"] < 0.85 * baseline


def table(**rmse: float) -> pd.DataFrame:
    return pd.DataFrame({"rmse": rmse, "rmse_se": dict.fromkeys(rmse, 1.0)})


@pytest.mark.parametrize(
    ("rmse", "kept"),
    [
        ({"mean": 70.0, "ridge": 54.0, "forest": 53.1}, "ridge"),
        ({"mean": 70.0, "ridge": 54.2, "forest": 53.1}, "forest"),
        ({"mean": 53.0, "ridge": 60.0, "forest": 61.0}, "ridge"),
    ],
    ids=["within one standard error", "worse by more", "never the baseline"],
)
def test_the_simplest_candidate_within_one_standard_error_of_the_best_is_kept(rmse: dict[str, float], kept: str):
    assert train.choose(table(**rmse)) == kept


def test_a_model_that_cannot_be_written_is_one_sentence_and_leaves_the_old_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    old = tmp_path / "model.skops"
    old.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(train, "compare", lambda *_: table(mean=70.0, ridge=54.0).assign(mae=1.0, r2=0.5, bias=0.0))

    assert train.main(["--out", str(old)]) == 1
    assert capsys.readouterr().err == f"The model was not written: No space left on device ({old}).\n"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_an_out_of_another_ending_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        train.main(["--out", "model.pkl"])

    assert "must end in .skops" in capsys.readouterr().err
