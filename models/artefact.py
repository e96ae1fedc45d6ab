"""Reading a model file without trusting it.

A `.skops` file loads if its card names its sha256 and it holds allowed types only. A `.pkl` file can run any code when
it is opened, so it loads only with a sha256 that somebody set, compared before one byte of it is unpickled.
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import msgspec
import numpy as np
import pandas as pd
import skops.io
from numpy.typing import NDArray
from sklearn.base import is_regressor

from models.card import Card, card_path, decode

ALLOWED_TYPES = frozenset({"sklearn.tree._tree.Tree"})
"""What a skops file may hold beyond the types of scikit-learn and numpy that skops trusts itself: regression trees."""
TRAIN = "Train one with `python -m models.train`"


class ModelError(Exception):
    """A model file cannot be used; the message says what, why and what to do."""


class Model:
    """A regressor that takes `n_features` numbers a row; `name` is its kind and the start of its file's sha256."""

    def __init__(self, estimator: Any, *, name: str, n_features: int) -> None:
        self.name = name
        self.n_features = n_features
        self._predict = estimator.predict
        self._names = getattr(estimator, "feature_names_in_", None)

    def predict(self, rows: list[list[float]]) -> list[float | None]:
        """Predict all rows in one call; None stands where the model's answer is NaN or infinite.

        Args:
            rows: at least one, each of `n_features` finite numbers.

        Raises:
            Exception: whatever the model raises, for instance for a number that is too large for it.
        """
        with np.errstate(all="ignore"):  # what overflows becomes None
            answers = np.asarray(self._predict(self._table(rows)), dtype=np.float64).reshape(len(rows))
        values: list[float] = answers.tolist()
        if np.isfinite(answers).all():
            return values  # type: ignore[return-value]  # a list of floats is one of floats and None
        return [value if finite else None for value, finite in zip(values, np.isfinite(answers).tolist(), strict=True)]

    def _table(self, rows: list[list[float]]) -> NDArray[np.float64] | pd.DataFrame:
        table = np.array(rows, dtype=np.float64)
        return table if self._names is None else pd.DataFrame(table, columns=self._names)


def load(path: Path, pickle_sha256: str = "") -> Model:
    """Load a model from `.skops` (with its card beside it) or, where `pickle_sha256` is its digest, from `.pkl`.

    Raises:
        ModelError: the file is missing, is not what its digest says, holds types that are not allowed, or is not
            a regressor with the number of features that its card names.
    """
    if path.suffix == ".skops":
        raw = _read(path)
        card = _card_of(path, raw)
        return _model(path, raw, _from_skops(path, raw), card)
    if path.suffix == ".pkl":
        raw = _read(path)
        _check_pickle(path, raw, pickle_sha256)
        return _model(path, raw, _from_pickle(path, raw), None)
    raise ModelError(f"The model {path} is neither a .skops nor a .pkl file: give it the ending of what it is.")


def sha256(raw: bytes) -> str:
    """Return the digest by which cards and settings name a file."""
    return hashlib.sha256(raw).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"There is no file {path}. {TRAIN}, or name yours in HINDSIGHT_MODEL.") from None
    except OSError as exc:
        raise ModelError(f"The file {path} cannot be read: {exc.strerror or exc}. Check its permissions.") from None


def _card_of(path: Path, raw: bytes) -> Card:
    beside = card_path(path)
    try:
        card = decode(_read(beside))
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ModelError(f"The card {beside} cannot be read: {exc}. {TRAIN}.") from None
    if card.sha256 != sha256(raw):
        raise ModelError(
            f"The model {path} has the sha256 {sha256(raw)}, but its card says {card.sha256}: one of the two was "
            f"replaced, so the model is not opened. Restore the pair, or train anew with `python -m models.train`."
        )
    return card


def _check_pickle(path: Path, raw: bytes, pickle_sha256: str) -> None:
    if not pickle_sha256:
        raise ModelError(
            f"The model {path} is a pickle, which can run any code when it is opened. If you trust where it comes "
            f"from, set HINDSIGHT_MODEL_PICKLE_SHA256={sha256(raw)}; better, save it with skops."
        )
    if pickle_sha256.lower() != sha256(raw):
        raise ModelError(
            f"The model {path} has the sha256 {sha256(raw)}, but HINDSIGHT_MODEL_PICKLE_SHA256 is {pickle_sha256}: it "
            f"is not the file that was trusted, so it is not opened. Restore that file, or set the new digest."
        )


def _from_skops(path: Path, raw: bytes) -> Any:
    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=raw)) - ALLOWED_TYPES)
        if not foreign:
            return skops.io.loads(raw, trusted=sorted(ALLOWED_TYPES))
    except Exception as exc:  # foreign bytes: skops and zipfile raise whatever they meet
        raise ModelError(f"The file {path} is not a skops file that can be read: {_said(exc)}. {TRAIN}.") from None
    raise ModelError(
        f"The model {path} holds types that are not allowed: {', '.join(foreign)}. Use a plain scikit-learn regressor, "
        f"or add a type that you trust to ALLOWED_TYPES in models/artefact.py."
    )


def _from_pickle(path: Path, raw: bytes) -> Any:
    try:
        return joblib.load(BytesIO(raw))  # reads what joblib.dump and what pickle.dump wrote
    except Exception as exc:  # a pickle raises whatever its code raises, a missing module first of all
        raise ModelError(
            f"The pickle {path} cannot be opened here: {_said(exc)}. "
            f"Install the libraries it was made with, or save the model with skops."
        ) from None


def _model(path: Path, raw: bytes, estimator: Any, card: Card | None) -> Model:
    kind = card.model if card else type(estimator).__name__.lower()
    n_features = getattr(estimator, "n_features_in_", None)
    if not _regresses(estimator) or not isinstance(n_features, int):
        raise ModelError(
            f"The model {path} holds a {type(estimator).__name__}, which is not a fitted scikit-learn regressor: "
            f"save the fitted regressor itself."
        )
    if card and len(card.features) != n_features:
        raise ModelError(
            f"The model {path} takes {n_features} features, but its card names {len(card.features)}. "
            f"Restore the pair, or train anew with `python -m models.train`."
        )
    return Model(estimator, name=f"{kind}-{sha256(raw)[:4]}", n_features=n_features)


def _regresses(estimator: Any) -> bool:
    try:
        return bool(is_regressor(estimator))
    except Exception:  # not of scikit-learn at all: it has no tags
        return False


def _said(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".split("\n", 1)[0].rstrip(".")
