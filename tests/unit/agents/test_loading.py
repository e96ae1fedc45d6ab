"""What cards say of models is known before these are loaded, and whether they can be or not."""

from __future__ import annotations

import json
from pathlib import Path

from agents.insight.references import HeldOut
from agents.loading import held_out
from streams.settings import Settings

SCORES = {"mae": 47.7, "rmse": 60.0, "r2": 0.42, "bias": 4.3}


def card(path: Path, **fields: object) -> None:
    path.write_text(json.dumps({"model": "ridge", "sha256": "0" * 64, "features": ["a"]} | fields))


def test_the_scores_on_rows_that_a_model_never_saw_are_taken_from_its_card(tmp_path: Path):
    card(tmp_path / "a.card.json", n_rows_held_out=89, held_out=SCORES)
    card(tmp_path / "b.card.json")
    (tmp_path / "c.card.json").write_text("{")
    assert held_out(Settings(model=str(tmp_path / "a.skops"))) == [HeldOut("ridge", 89, SCORES)]
    several = ",".join(f"{name}={tmp_path / name}.skops" for name in "abcd")
    assert held_out(Settings(model=several)) == [HeldOut("a", 89, SCORES)]
