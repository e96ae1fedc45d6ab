"""What skops cannot check: the indices in trees, neighbour searches and sparse matrices, which compiled code follows blindly.

skops proves of which types a file is made, not what they hold. A tree whose child or feature lies outside of its arrays ends the
process at the first prediction, and one whose child lies before it never answers (scikit-learn pull request 34558).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

LEAF = -1
ANY_NUMBER = int(np.iinfo(np.intp).max)
HOLDERS = (BaseForest, BaseGradientBoosting, BaseHistGradientBoosting, BaseDecisionTree)
"""They check the rows that they are given against their own number of features, then let their trees go unchecked."""


class BrokenIndices(Exception):
    """A part of the model points outside of itself; the message names it."""


def check_indices(estimator: Any) -> None:
    """Check every tree, neighbour search and sparse matrix that an estimator holds.

    Raises:
        BrokenIndices: one of them points outside of its own arrays, or backwards.
    """
    for part, n_features in _parts(estimator, ANY_NUMBER, set()):
        if not _is_sound(part, n_features):
            raise BrokenIndices(f"a {type(part).__name__} in it points outside of itself")


def _parts(value: Any, n_features: int, seen: set[int]) -> Iterator[tuple[Any, int]]:
    """Yield each part to check, with the number of features that a row is sure to have when it comes there."""
    if id(value) in seen or isinstance(value, type):
        return
    seen.add(id(value))
    if isinstance(value, Tree | TreePredictor | KDTree | BallTree) or scipy.sparse.issparse(value):
        yield value, n_features
        return
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, list | tuple):
        inside = value
    elif isinstance(value, np.ndarray):
        inside = value.flat if value.dtype == object else ()
    elif hasattr(value, "__dict__"):
        inside = vars(value).values()
        n_features = min(n_features, vars(value).get("n_features_in_", 0)) if isinstance(value, HOLDERS) else ANY_NUMBER
    for each in inside:
        yield from _parts(each, n_features, seen)


def _is_sound(part: Any, n_features: int) -> bool:
    if isinstance(part, Tree):
        left = part.children_left
        return _goes_on(left, part.children_right, part.feature, left == LEAF, n_features)
    if isinstance(part, TreePredictor):
        nodes, in_categories = part.nodes, part.nodes["is_categorical"].astype(bool)
        return _goes_on(
            nodes["left"], nodes["right"], nodes["feature_idx"], nodes["is_leaf"].astype(bool), n_features
        ) and bool((nodes["bitset_idx"][in_categories] < len(part.raw_left_cat_bitsets)).all())
    return _is_sound_search(part) if isinstance(part, KDTree | BallTree) else _is_sound_matrix(part)


def _goes_on(left: Any, right: Any, feature: Any, is_leaf: Any, n_features: int) -> bool:
    """Tell whether each node but the leaves leads to two later nodes of the same tree, by a feature that rows have."""
    n = len(left)
    at, inner = np.arange(n), ~is_leaf
    later = all(bool(((child > at) & (child < n))[inner].all()) for child in (left, right))
    return n > 0 and later and bool(((feature >= 0) & (feature < n_features))[inner].all())


def _is_sound_search(tree: Any) -> bool:
    data, order, nodes, bounds, _, n_levels, n_nodes, *_ = tree.__getstate__()
    n = len(data)
    starts, ends, is_leaf = nodes["idx_start"], nodes["idx_end"], nodes["is_leaf"].astype(bool)
    return (
        n_nodes == len(nodes) == 2**n_levels - 1
        and bounds.shape[1:] == (n_nodes, data.shape[1])
        and len(bounds) == (2 if isinstance(tree, KDTree) else 1)
        and len(order) == n
        and bool(((order >= 0) & (order < n)).all())
        and bool(((starts >= 0) & (starts <= ends) & (ends <= n)).all())
        and bool(is_leaf[n_nodes // 2 :].all())
    )


def _is_sound_matrix(matrix: Any) -> bool:
    try:
        matrix.check_format(full_check=True)
    except (AttributeError, ValueError):  # of a format that knows no such check; or it failed
        return False
    return True
