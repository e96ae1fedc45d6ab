"""Model files for tests, and how they are refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import skops.io

from models.artefact import load, sha256
from models.card import Card, Scores, card_path, encode
from models.errors import ModelError
from models.model import Model

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


def as_skops(path: Path, estimator: Any, types: tuple[str, ...] = ()) -> Model:
    """Save an estimator as a skops file without a card, and load it."""
    skops.io.dump(estimator, path)
    return load(path, types=types)


def as_pickle(path: Path, estimator: Any) -> Model:
    """Save an estimator as a pickle, and load it as the file that somebody trusts."""
    raw = pickle.dumps(estimator)
    path.write_bytes(raw)
    return load(path, pickle_sha256=sha256(raw))


def refusal(path: Path, **options: Any) -> str:
    """Return the message of a refusal; it is one line that names the file."""
    with pytest.raises(ModelError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert str(path.with_suffix("")) in message
    assert message.endswith(".") or "HINDSIGHT_MODEL_TYPES=" in message
    return message


def rezipped(raw: bytes, changed: dict[str, bytes], **options: Any) -> bytes:
    """Return a zip file of the same files, but for those that are changed or new."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(made, "w", **options) as new:
        for name in {**dict.fromkeys(old.namelist()), **changed}:
            new.writestr(name, changed[name] if name in changed else old.read(name))
    return made.getvalue()
