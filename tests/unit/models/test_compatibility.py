"""Every model of the list is tried, and docs/compatibility.md shows the list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.artefact import load, sha256
from models.errors import ModelError
from models.model import Refused
from tests.unit.models.tried import PREDICTS, TRIED, Tried, write

PAGE = Path(__file__).parents[3] / "docs" / "compatibility.md"
TYPES = (
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBRegressor",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMRegressor",
)


def line(tried: Tried) -> str:
    """Return the row of the page's table."""
    becomes = tried.becomes if tried.becomes == PREDICTS else f"refused: *{tried.becomes}* …"
    return f"| {tried.library} | {tried.what} | {tried.form} | {becomes} |"


@pytest.mark.parametrize("tried", TRIED, ids=lambda tried: f"{tried.library} {tried.what} as {tried.form}")
def test_each_model_predicts_or_is_refused_as_the_page_says(tried: Tried, tmp_path: Path):
    path = write(tried, tmp_path)
    digests = ",".join(sha256(file.read_bytes()) for file in tmp_path.iterdir())

    assert tried.becomes in outcome(path, tried, digests)


def outcome(path: Path, tried: Tried, digests: str) -> str:
    """Return PREDICTS, or the sentence by which the model or the row is refused, without the version of the model."""
    try:
        model = load(path, pickle_sha256=digests, types=TYPES)
    except ModelError as exc:
        return re.sub(r" [0-9a-f]{8}", "", str(exc))
    [answer] = model.predict([tried.row])
    return answer.sentence.replace(model.label, model.name) if isinstance(answer, Refused) else PREDICTS


def test_the_page_shows_what_was_tried():
    shown = PAGE.read_text(encoding="utf-8").splitlines()

    assert [row for row in shown if row in {line(tried) for tried in TRIED}] == [line(tried) for tried in TRIED]


def test_a_table_of_twenty_models_is_the_least():
    assert len(TRIED) >= 20
