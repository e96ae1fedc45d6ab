"""Model files for tests, and how they are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models.artefact import ModelError, load, sha256
from models.card import Card, Scores, card_path, encode

N_FEATURES = 3
X = np.random.default_rng(0).normal(size=(40, N_FEATURES))
Y = X @ [1.0, -2.0, 3.0] + 10.0
ROWS = X[:5].tolist()


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


def refusal(path: Path, pickle_sha256: str = "") -> str:
    """Return the message of a refusal; it is one paragraph that names the file."""
    with pytest.raises(ModelError) as caught:
        load(path, pickle_sha256)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path.with_suffix("")) in message
    assert message.endswith(".")
    return message
