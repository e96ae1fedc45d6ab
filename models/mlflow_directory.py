"""Reading a model directory of MLflow without MLflow: which file in it is the model, and what it says of it.

`MLmodel` is YAML of a fixed shape, written by MLflow alone: the few plain lines that are needed are read as such.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from models.errors import ModelError
from models.told import Features, Told

FLAVOURS = ("sklearn", "lightgbm", "xgboost", "catboost")
"""Which flavours may hold an estimator of scikit-learn's kind, and the key under which each keeps its library's version."""
VERSIONS = {
    "sklearn_version": "scikit-learn",
    "lgb_version": "lightgbm",
    "xgb_version": "xgboost",
    "catboost_version": "catboost",
}


def is_mlflow(path: Path) -> bool:
    """Tell whether a path is a model directory of MLflow."""
    return (path / "MLmodel").is_file()


def read_mlflow(path: Path) -> tuple[Path, Told]:
    """Return the file that holds the estimator, and what the directory says of it; the name is that of the registry, if known.

    Raises:
        ModelError: it cannot be read, or holds no estimator in a file of its own.
    """
    try:
        text = (path / "MLmodel").read_text(encoding="utf-8")
        meta = path / "registered_model_meta"
        registered = _keys(meta.read_text(encoding="utf-8"), "") if meta.is_file() else {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ModelError(f"The MLflow model {path} cannot be read: {exc}.") from None
    for flavour in FLAVOURS:
        keys = _keys(_block(text, flavour), "    ")
        file = keys.get("pickled_model") or keys.get("data")
        if file:
            return path / Path(file).name, Told(
                name=registered.get("model_name", ""),
                version=registered.get("model_version", ""),
                example=_example(path),
                libraries={library: keys[key] for key, library in VERSIONS.items() if key in keys},
            )
    raise ModelError(
        f"The MLflow model {path} has none of the flavours {', '.join(FLAVOURS)}: save a scikit-learn regressor with "
        f"mlflow.sklearn.save_model."
    )


def _block(text: str, flavour: str) -> str:
    found = re.search(rf"^  {flavour}:\n((?:    .*\n)*)", text, re.MULTILINE)
    return found.group(1) if found else ""


def _keys(text: str, indent: str) -> dict[str, str]:
    """Return the plain `key: value` lines of an indentation; of none a nested one."""
    return {key: value.strip("'\"") for key, value in re.findall(rf"^{indent}(\w+): (\S.*?)\s*$", text, re.MULTILINE)}


def _example(path: Path) -> Features | None:
    """Return the first row of MLflow's input example, if there is one that is a row of features."""
    try:
        found: Any = msgspec.json.decode((path / "input_example.json").read_bytes())
        rows = found["data"] if isinstance(found, dict) else found
        row: list[Any] = rows[0]
        example: Any = (
            dict(zip(found["columns"], row, strict=True)) if isinstance(found, dict) and "columns" in found else row
        )
        row_of_features: Features = msgspec.convert(example, Features)
        return row_of_features
    except Exception:  # none, or in another of MLflow's forms
        return None
