"""Reading a model without trusting it, and trying it before it is relied on.

A `.skops` file loads if it holds trusted types only. A pickle (`.pkl`, `.pickle`, `.joblib`) can run any code when it is
opened, so it loads only with a sha256 that somebody set. A directory of MLflow holds one of the two.
"""

from __future__ import annotations

import hashlib
import platform
import warnings
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sklearn.base import is_regressor
from sklearn.exceptions import InconsistentVersionWarning

from models.card import MAX_NAME_CHARS, Card, read_card
from models.columns import columns_of, feature_names, n_features
from models.errors import ModelError, printable
from models.mlflow_directory import is_mlflow, read_mlflow
from models.model import Model
from models.pickle_file import open_pickle
from models.skops_file import TRAIN, open_skops
from models.told import Told
from models.trial import trial

PICKLES = (".pkl", ".pickle", ".joblib")
SAVE = 'save the fitted regressor itself with skops (`skops.io.dump(model, "model.skops")`)'
N_DIGITS = 8
"""How many digits of the file's sha256 stand for a version that nobody named."""
WRAPPED = ("best_estimator_", "regressor_")
"""What a search and a TransformedTargetRegressor call the fitted regressor in them."""


class _Opened(NamedTuple):
    """A file that was opened: its estimator, its digest, and what is said of it elsewhere."""

    path: Path
    estimator: Any
    digest: str
    told: Told


def load(path: Path, *, name: str = "", pickle_sha256: str = "", types: Iterable[str] = ()) -> Model:
    """Load a model and try it.

    Args:
        name: what it is called; empty: as its card or MLflow's registry says, else after its kind.
        pickle_sha256: the digests of pickles that may be opened, comma-separated.
        types: what a skops file may hold beyond scikit-learn's own types, by full name.

    Raises:
        ModelError: the file is missing, is not what its digest says, holds types that are not trusted, is not a
            regressor of one target, or does not predict.
    """
    return _tried(path, Told(name=name), pickle_sha256, types, with_card=True)[0]


def describe(path: Path, told: Told, *, pickle_sha256: str = "", types: Iterable[str] = ()) -> Card:
    """Return a card for a model file, from what is told and what it knows itself; a card beside it is not looked at.

    Raises:
        ModelError: as `load`.
    """
    model, opened = _tried(path, told, pickle_sha256, types, with_card=False)
    libraries = {library: version(library) for library in ("scikit-learn", "numpy")} | dict(opened.told.libraries)
    fields = {
        "model": told.name or model.name,
        "sha256": opened.digest,
        "features": model.names or [f"x{i}" for i in range(len(model.columns))],
        "version": opened.told.version,
        "example": opened.told.example,
        "libraries": {"python": platform.python_version()} | libraries,
    }
    try:
        return msgspec.convert(fields, Card)
    except msgspec.ValidationError as exc:
        raise ModelError(
            f"The card of {path} could not be read back: {exc}. Choose another --name or --version."
        ) from None


def _tried(
    path: Path, told: Told, pickle_sha256: str, types: Iterable[str], *, with_card: bool
) -> tuple[Model, _Opened]:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        opened = _open(path, told, pickle_sha256, types, with_card=with_card)
        opened = opened._replace(told=_with_version(opened.told, [each.message for each in warned]))
        model = _model(opened)
        trial(model, path, opened.told.example)
    model.remarks, model.unit = tuple(_remarks(opened.told)), opened.told.unit
    return model, opened


def sha256(raw: bytes) -> str:
    """Return the digest by which cards and settings name a file."""
    return hashlib.sha256(raw).hexdigest()


def _open(path: Path, told: Told, pickle_sha256: str, types: Iterable[str], *, with_card: bool) -> _Opened:
    file = path
    if is_mlflow(path):
        file, said_by_mlflow = read_mlflow(path)
        told = told.completed(said_by_mlflow)
    if file.suffix not in (".skops", *PICKLES):
        raise ModelError(
            f"The model {file} is none of .skops, {', '.join(PICKLES)} or a directory of MLflow, by its ending: {SAVE}."
        )
    raw = _read(file)
    digest = sha256(raw)
    card = read_card(path, digest) if with_card else None
    if card:
        told = told.completed(card.told)
    is_skops = file.suffix == ".skops"
    estimator = open_skops(file, raw, types) if is_skops else open_pickle(file, raw, digest, pickle_sha256)
    return _Opened(path, estimator, digest, told)


def _with_version(told: Told, warned: Iterable[Warning | str]) -> Told:
    """Return what is told, with the version of scikit-learn that wrote the file, where scikit-learn warns of it."""
    versions = (each.original_sklearn_version for each in warned if isinstance(each, InconsistentVersionWarning))
    found = next(versions, None)
    return told._replace(libraries={**told.libraries, "scikit-learn": found}) if found else told


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        several = (
            " Several models need a name each: HINDSIGHT_MODEL=one=a.skops,two=b.skops." if "," in str(path) else ""
        )
        raise ModelError(f"There is no file {path}. {TRAIN}, or name yours in HINDSIGHT_MODEL.{several}") from None
    except OSError as exc:
        raise ModelError(f"The file {path} cannot be read: {exc.strerror or exc}. Check its permissions.") from None


def _model(opened: _Opened) -> Model:
    path, estimator, digest, told = opened
    kind = printable(type(estimator).__name__, MAX_NAME_CHARS)
    if not _regresses(estimator):
        raise ModelError(f"The model {path} holds a {kind}, which is not a fitted scikit-learn regressor: {SAVE}.")
    names = feature_names(estimator)
    n = n_features(estimator) or len(told.features)
    if not n:
        raise ModelError(
            f"The model {path} holds a {kind}, which is not a fitted scikit-learn regressor, or does not say how many "
            f"features it takes. If it is fitted, name them: `python -m models.card {path} --features a,b,c`."
        )
    if told.features:
        _check_features(path, told.features, n, names)
    columns = columns_of(estimator, n)
    return Model(
        estimator,
        name=printable(told.name, MAX_NAME_CHARS) or _kind(estimator),
        version=printable(told.version, MAX_NAME_CHARS) or digest[:N_DIGITS],
        columns=columns,
        names=names or told.features or None,
        by_frame=names is not None and all(column.kind != "code" for column in columns),
    )


def _check_features(path: Path, told: tuple[str, ...], n: int, names: tuple[str, ...] | None) -> None:
    again = f"Restore the pair, or rewrite the card: `python -m models.card {path}`."
    if len(told) != n:
        raise ModelError(f"The model {path} takes {n} features, but its card names {len(told)}. {again}")
    if names is not None and told != names:
        i = next(i for i in range(n) if told[i] != names[i])
        raise ModelError(
            f"The model {path} takes `{names[i]}` as feature {i + 1}, but its card says `{told[i]}`. {again}"
        )


def _regresses(estimator: Any) -> bool:
    try:
        return bool(is_regressor(estimator))
    except Exception:  # not of scikit-learn at all: it has no tags
        return False


def _kind(estimator: Any) -> str:
    """Return what a model is called after: its regressor, without what is wrapped around it."""
    for attribute in WRAPPED:
        if hasattr(estimator, attribute):
            return _kind(getattr(estimator, attribute))
    if hasattr(estimator, "steps"):
        return _kind(estimator.steps[-1][1])
    return printable(type(estimator).__name__.lower(), MAX_NAME_CHARS)


def _remarks(told: Told) -> Iterable[str]:
    """Yield what a person should know of a model that loads: above all, that other versions of libraries made it."""
    differing = [
        f"{library} {then} (here {now})"
        for library, then in told.libraries.items()
        if (now := _installed(library)) not in ("", then)
    ]
    if differing:
        yield f"made with {', '.join(differing)}: its predictions may differ from those it was tested with"


def _installed(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
