"""Train the model: `python -m models.train [--out models/model.skops]`.

Candidates are compared by cross-validation with a baseline that always says the mean. Kept is the simplest one whose
RMSE is within one standard error of the best. Rows held out before all that say how good the kept model is.
"""

from __future__ import annotations

import argparse
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LassoCV, LinearRegression, RidgeCV
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import RepeatedKFold, cross_validate, train_test_split

from models.artefact import load, sha256
from models.card import Card, Scores, card_path, encode
from models.data import TARGET, UNIT, Data, diabetes
from models.errors import ModelError
from streams.process import atomic_file

OUT = Path("models/model.skops")
SEED = 0
HELD_OUT = 0.2
BASELINE = "mean"
LIBRARIES = ("scikit-learn", "skops", "numpy")
Floats = NDArray[np.float64]


def candidates() -> dict[str, Any]:
    """Return the unfitted regressors, the simplest first after the baseline.

    Ridge comes before plain least squares: the serum measurements s1..s6 are collinear, and unshrunk coefficients of
    several hundred points cancel each other out.
    """
    return {
        BASELINE: DummyRegressor(),
        "ridge": RidgeCV(alphas=np.logspace(-3, 1, 9)),
        "linear": LinearRegression(),
        "lasso": LassoCV(),
        "boosting": GradientBoostingRegressor(learning_rate=0.05, max_depth=2, random_state=SEED),
        "forest": RandomForestRegressor(100, min_samples_leaf=5, random_state=SEED),
    }


def split(data: Data) -> tuple[Floats, Floats, Floats, Floats]:
    """Return x, held-out x, y and held-out y: always the same, with low and high targets alike in both parts."""
    eighths = pd.qcut(data.y, 8, labels=False)
    parts = train_test_split(data.x, data.y, test_size=HELD_OUT, random_state=SEED, stratify=eighths)
    return tuple(parts)


def score(estimator: Any, x: Floats, y: Floats) -> dict[str, float]:
    """Return MAE, RMSE, R² and bias (mean of y_pred - y_true) of a fitted regressor."""
    y_pred = estimator.predict(x)
    return {
        "mae": float(mean_absolute_error(y, y_pred)),
        "rmse": float(root_mean_squared_error(y, y_pred)),
        "r2": float(r2_score(y, y_pred)),
        "bias": float(np.mean(y_pred - y)),
    }


def compare(x: Floats, y: Floats) -> pd.DataFrame:
    """Cross-validate every candidate: one row each with its mean scores and `rmse_se`, the standard error of RMSE."""
    folds = RepeatedKFold(n_splits=5, n_repeats=4, random_state=SEED)
    table = {}
    for name, estimator in candidates().items():
        found = cross_validate(estimator, x, y, cv=folds, scoring=score)
        scores = pd.DataFrame({metric: found[f"test_{metric}"] for metric in ("mae", "rmse", "r2", "bias")})
        table[name] = scores.mean()
        table[name]["rmse_se"] = scores["rmse"].sem()
    return pd.DataFrame(table).T


def choose(table: pd.DataFrame) -> str:
    """Return the first, so the simplest, candidate within one standard error of the best RMSE.

    The one-standard-error rule of Breiman et al., Classification and Regression Trees (1984).
    """
    compared = table.drop(index=BASELINE)
    best = compared.loc[compared["rmse"].idxmin()]
    return str(compared.index[compared["rmse"] <= best["rmse"] + best["rmse_se"]][0])


def train(data: Data, out: Path) -> tuple[pd.DataFrame, Card]:
    """Compare, fit the kept candidate on all rows but the held-out ones, and write the model and its card.

    Raises:
        OSError: a file cannot be written; what was there before is untouched.
    """
    x, x_held, y, y_held = split(data)
    table = compare(x, y)
    kept = choose(table)
    estimator = candidates()[kept].fit(x, y)
    raw = skops.io.dumps(estimator)
    card = Card(
        model=kept,
        sha256=sha256(raw),
        features=data.features,
        target=TARGET,
        unit=UNIT,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        n_rows_trained=len(y),
        n_rows_held_out=len(y_held),
        held_out=Scores(**score(estimator, x_held, y_held)),
        chosen_among={name: Scores(**row) for name, row in table.drop(columns="rmse_se").to_dict("index").items()},
        libraries={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    )
    _write(out, raw, card)
    return table, card


def _write(out: Path, raw: bytes, card: Card) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.replace(out, raw)
    atomic_file.replace(card_path(out), encode(card))


def _show(table: pd.DataFrame, card: Card, out: Path) -> None:
    shown = table.rename(columns={"mae": "MAE", "rmse": "RMSE", "r2": "R²", "rmse_se": "± RMSE"})
    print(f"Cross-validation on {card.n_rows_trained} rows, errors in {card.unit} ({card.target}):\n")
    print(shown.to_string(float_format="{:.2f}".format))
    held = card.held_out
    assert held is not None
    print(f"\nKept {card.model}: the simplest within one standard error of the best RMSE.")
    print(
        f"On {card.n_rows_held_out} held-out rows: MAE {held.mae:.2f}, RMSE {held.rmse:.2f}, R² {held.r2:.2f}, "
        f"bias {held.bias:+.2f}."
    )
    print(f"Wrote {out} ({load(out).label}) and {card_path(out)}.")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m models.train", description="Train the model that the worker runs.")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write, ending in .skops (default: %(default)s)")
    out: Path = parser.parse_args(arguments).out
    if out.suffix != ".skops":
        parser.error(f"--out is {out}: the file must end in .skops, and its card is written beside it.")
    try:
        table, card = train(diabetes(), out)
        _show(table, card, out)
    except OSError as exc:
        print(f"The model was not written: {exc.strerror or exc} ({exc.filename or out}).", file=sys.stderr)
        return 1
    except ModelError as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; no model was written.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
