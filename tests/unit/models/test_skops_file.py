"""A skops file is opened only if its types are trusted, its size is bearable and its indices stay inside."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import skops.io
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import GammaRegressor, HuberRegressor, Ridge, TweedieRegressor
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from models import skops_file
from tests.unit.models.model_files import ROWS, X, Y, as_skops, refusal, rezipped, save

ESTIMATORS = [
    AdaBoostRegressor(n_estimators=3),
    BaggingRegressor(n_estimators=3, max_features=2),
    DecisionTreeRegressor(),
    ExtraTreesRegressor(3),
    GammaRegressor(),
    GaussianProcessRegressor(1.0 * RBF() + Matern() + WhiteKernel()),
    GradientBoostingRegressor(n_estimators=3),
    GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=KFold(2)),
    HistGradientBoostingRegressor(max_iter=3),
    HuberRegressor(),
    KNeighborsRegressor(),
    KNeighborsRegressor(algorithm="ball_tree", p=1),
    MLPRegressor(hidden_layer_sizes=4, max_iter=5),
    RandomForestRegressor(3),
    SVR(),
    StackingRegressor([("a", Ridge()), ("b", RandomForestRegressor(2))], DecisionTreeRegressor(), passthrough=True),
    TweedieRegressor(power=1.5, link="log"),
    VotingRegressor([("a", Ridge()), ("b", DecisionTreeRegressor())]),
    make_pipeline(FunctionTransformer(np.cbrt), Ridge()),
    make_pipeline(SelectKBest(f_regression, k=2), Ridge()),
    make_pipeline(SimpleImputer(), Ridge()),
    make_pipeline(SplineTransformer(), Ridge()),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.skops"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator", ESTIMATORS, ids=lambda e: type(e.steps[0][1] if hasattr(e, "steps") else e).__name__
)
def test_scikit_learns_own_regressors_load_and_predict_what_they_predicted(path: Path, estimator: Any):
    estimator.fit(X, Y - Y.min() + 1)

    assert as_skops(path, estimator).predict(ROWS) == pytest.approx(estimator.predict(X[:5]))


def test_a_type_that_is_not_trusted_is_refused_with_the_setting_that_would_allow_it(path: Path):
    raw = skops.io.dumps(make_pipeline(FunctionTransformer(pd.eval), Ridge()))

    message = refusal(save(path, raw))

    [named] = [word for word in message.split() if word.startswith("HINDSIGHT_MODEL_TYPES=")]
    assert named == "HINDSIGHT_MODEL_TYPES=pandas.eval"


def test_a_type_that_somebody_allowed_is_opened(path: Path):
    estimator = make_pipeline(FunctionTransformer(np.mean, kw_args={"axis": 1, "keepdims": True}), Ridge()).fit(X, Y)

    path.write_bytes(skops.io.dumps(estimator))
    assert "numpy.mean" in refusal(path)
    assert as_skops(path, estimator, types=("numpy.mean",)).predict(ROWS) == pytest.approx(estimator.predict(X[:5]))


@pytest.mark.parametrize("raw", [b"", b"PK", b"\x00" * 1000], ids=["empty", "cut off", "zeros"])
def test_what_is_no_skops_file_is_refused_although_its_card_fits(path: Path, raw: bytes):
    assert "not a skops file" in refusal(save(path, raw))


def bomb(n_bytes: int) -> bytes:
    """Return a zip file, small as a file, that unpacks to `n_bytes`."""
    return rezipped(skops.io.dumps(Ridge().fit(X, Y)), {"more.npy": bytes(n_bytes)}, compression=zipfile.ZIP_DEFLATED)


def test_a_file_that_would_unpack_to_far_more_than_it_is_is_not_opened(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(skops_file, "MAX_UNPACKED_BYTES", 10_000_000)
    monkeypatch.setattr(skops_file.skops.io, "get_untrusted_types", None)

    assert "would unpack to" in refusal(save(path, bomb(11_000_000)))


def test_a_bomb_in_the_zip_file_of_a_sparse_matrix_is_not_opened(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(skops_file, "MAX_UNPACKED_BYTES", 10_000_000)
    monkeypatch.setattr(skops_file.skops.io, "get_untrusted_types", None)
    raw = rezipped(skops.io.dumps(Ridge().fit(X, Y)), {"1.npz": bomb(11_000_000)}, compression=zipfile.ZIP_DEFLATED)

    assert "would unpack to" in refusal(save(path, raw))


def test_a_compressed_model_of_an_ordinary_size_is_opened(path: Path):
    estimator = SVR().fit(scipy.sparse.csr_matrix(X), Y)
    raw = skops.io.dumps(estimator, compression=zipfile.ZIP_DEFLATED)

    model = skops_file.open_skops(path, raw, ())

    assert model.predict(X[:5]) == pytest.approx(estimator.predict(X[:5]))
