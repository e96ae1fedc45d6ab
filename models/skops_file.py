"""Opening a skops file: only types that are trusted, of a size that was looked at first, with indices that stay inside."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import skops.io

from models.errors import ModelError, said
from models.indices import BrokenIndices, check_indices

TRUSTED = frozenset(
    {
        "builtins.object",
        "collections.OrderedDict",
        "functools.partial",
        "numpy.dtype",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "scipy.sparse._csc.csc_array",
        "scipy.sparse._csc.csc_matrix",
        "scipy.sparse._csr.csr_array",
        "scipy.sparse._csr.csr_matrix",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.DotProduct",
        "sklearn.gaussian_process.kernels.ExpSineSquared",
        "sklearn.gaussian_process.kernels.Exponentiation",
        "sklearn.gaussian_process.kernels.Matern",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.RationalQuadratic",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.ManhattanDistance64",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.validation.check_array",
    }
)
"""What scikit-learn's own regressors hold beyond the types that skops trusts itself; `check_indices` looks into them."""
MAX_UNPACKED_BYTES = 100 << 20
MAX_RATIO = 20
"""A file that unpacks to more than both, in bytes and as a multiple of its size, is taken for a bomb."""
ZIP = (b"PK\3\4", b"PK\5\6")
"""How a zip file inside of a zip file begins: skops keeps a sparse matrix so."""
TRAIN = "Train one with `python -m models.train`"


def open_skops(path: Path, raw: bytes, types: Iterable[str]) -> Any:
    """Return what a skops file holds, if it holds trusted types and `types` alone.

    Raises:
        ModelError: it holds others, is far larger than it looks, points outside of itself, or is no skops file.
    """
    trusted = TRUSTED | set(types)
    try:
        unpacked = _unpacked_bytes(raw)
        foreign = None
        if unpacked <= max(MAX_UNPACKED_BYTES, MAX_RATIO * len(raw)):
            foreign = sorted(set(skops.io.get_untrusted_types(data=raw)) - trusted)
            if not foreign:
                return _checked(skops.io.loads(raw, trusted=sorted(trusted)))
    except BrokenIndices as exc:
        raise ModelError(
            f"The model {path} is broken: {exc}. It was damaged, or crafted to do harm. {TRAIN}."
        ) from None
    except Exception as exc:  # foreign bytes: skops and zipfile raise whatever they meet
        raise ModelError(f"The file {path} is not a skops file that can be read: {said(exc)}. {TRAIN}.") from None
    if foreign is None:
        raise ModelError(
            f"The model {path} of {len(raw):,} bytes would unpack to {unpacked:,}, so it is not opened: save it again, "
            f"uncompressed, if it is yours."
        )
    raise ModelError(
        f"The model {path} holds types that are not trusted: {', '.join(foreign)}. If they and the file come from somebody whose "
        f"code you would run, allow them: HINDSIGHT_MODEL_TYPES={','.join(foreign)}"
    )


def _checked(estimator: Any) -> Any:
    check_indices(estimator)
    return estimator


def _unpacked_bytes(raw: bytes) -> int:
    """Return what a zip file says it unpacks to, the zip files in it included; zipfile reads no more than it says."""
    total = 0
    with zipfile.ZipFile(BytesIO(raw)) as archive:
        for entry in archive.infolist():
            total += entry.file_size
            if total <= max(MAX_UNPACKED_BYTES, MAX_RATIO * len(raw)):
                with archive.open(entry) as file:
                    begins = file.read(4)
                if begins in ZIP:
                    total += _unpacked_bytes(archive.read(entry))
    return total
