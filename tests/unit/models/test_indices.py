"""A tree that points outside of itself would end the process: it is found before anything follows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import KDTree, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor
from sklearn.tree._tree import Tree

from models.indices import BrokenIndices, check_indices
from tests.unit.models.model_files import X, Y


def rebuilt(tree: Tree, **state: Any) -> Tree:
    """Return the tree with parts of its state replaced, as a crafted file would have them."""
    made = Tree(tree.n_features, tree.n_classes, tree.n_outputs)
    made.__setstate__(tree.__getstate__() | state)
    return made


def with_node(tree: Tree, **fields: Any) -> Tree:
    """Return the tree with fields of its root replaced."""
    nodes = tree.__getstate__()["nodes"].copy()
    for name, value in fields.items():
        nodes[name][0] = value
    return rebuilt(tree, nodes=nodes)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestRegressor(3),
        make_pipeline(PolynomialFeatures(2), GradientBoostingRegressor(n_estimators=3)),
        HistGradientBoostingRegressor(max_iter=3, categorical_features=[0]),
        KNeighborsRegressor(algorithm="kd_tree"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_what_was_trained_is_sound(estimator: Any):
    check_indices(estimator.fit(np.abs(X.round()), Y))


@pytest.mark.parametrize(
    "fields",
    [{"left_child": 1 << 40}, {"right_child": -7}, {"left_child": 0}, {"feature": 3}, {"feature": -5}],
    ids=["a child far outside", "a negative child", "a circle", "a feature too many", "a negative feature"],
)
@pytest.mark.parametrize("forest", [False, True], ids=["a tree", "a forest"])
def test_a_node_that_points_elsewhere_is_found(fields: dict[str, int], forest: bool):
    estimator = RandomForestRegressor(2).fit(X, Y) if forest else DecisionTreeRegressor().fit(X, Y)
    tree = estimator.estimators_[1] if forest else estimator
    tree.tree_ = with_node(tree.tree_, **fields)

    with pytest.raises(BrokenIndices, match="a Tree in it points outside of itself"):
        check_indices(estimator)


def test_a_forest_that_says_it_takes_fewer_features_than_its_trees_use_is_found():
    estimator = RandomForestRegressor(2).fit(X, Y)
    estimator.n_features_in_ = 1

    with pytest.raises(BrokenIndices):
        check_indices(estimator)


@pytest.mark.parametrize("field", ["left", "feature_idx", "bitset_idx"])
def test_a_node_of_histogram_boosting_that_points_elsewhere_is_found(field: str):
    estimator = HistGradientBoostingRegressor(max_iter=2, categorical_features=[0, 1, 2]).fit(np.abs(X.round()), Y)
    predictor = estimator._predictors[0][0]
    predictor.nodes[field][~predictor.nodes["is_leaf"].astype(bool)] = 1 << 20

    with pytest.raises(BrokenIndices, match="TreePredictor"):
        check_indices(estimator)


@pytest.mark.parametrize(
    ("at", "value"),
    [(1, 10_000), (2, 10_000), (6, 10_000)],
    ids=["a neighbour", "the end of a node", "the number of nodes"],
)
def test_a_search_of_neighbours_that_points_elsewhere_is_found(at: int, value: int):
    estimator = KNeighborsRegressor(algorithm="kd_tree").fit(X, Y)
    state = list(estimator._tree.__getstate__())
    if at == 6:
        state[6] = value
    else:
        state[at] = state[at].copy()
        (state[at] if at == 1 else state[at]["idx_end"])[0] = value
    broken = KDTree(X)
    broken.__setstate__(tuple(state))
    estimator._tree = broken

    with pytest.raises(BrokenIndices, match="KDTree"):
        check_indices(estimator)


def test_a_sparse_matrix_that_points_elsewhere_is_found():
    estimator = SVR().fit(scipy.sparse.csr_matrix(X), Y)
    check_indices(estimator)
    estimator.support_vectors_.indices[0] = 1 << 20

    with pytest.raises(BrokenIndices, match="csr_matrix"):
        check_indices(estimator)
