"""An id is in the segments that its figures are counted in."""

from __future__ import annotations

import numpy as np
import pytest

from streams.scores.segments import size_names
from streams.wire.verdicts import Carried
from web.pairs.pair_view import PairView, Side
from web.pairs.query import BadQuery, read
from web.pairs.segment import belongs, is_known

EDGES = [-2.5, 0.0, 80.0, 110.0]


def pair(y: float = 1.0, **carried: str) -> PairView:
    side = Side(y, 0.0, 0.0, 0, False)
    return PairView("a", "matched", side, side, 1.0, False, False, False, 0, 0, carried=Carried(**carried))


@pytest.mark.parametrize("key", ["y_pred", "y_true"])
@pytest.mark.parametrize("y", [-3.0, -2.5, -0.1, 0.0, 79.9, 80.0, 110.0, 1e9])
def test_a_size_is_in_just_the_segment_that_counts_it(key, y):
    names = size_names(key, EDGES)
    found = [belongs(pair(y), name) for name in names]
    assert found == [i == np.searchsorted(EDGES, y, "right") for i in range(len(names))]


def test_a_tag_of_the_prediction_counts_and_one_of_the_truth_only_where_that_has_none():
    both = pair(tags='{"country":"DE"}', true_tags='{"country":"FR","tier":"gold"}')
    assert [belongs(both, name) for name in ("country:DE", "country:FR", "country:", "tier:gold")] == [
        True,
        False,
        False,
        True,
    ]
    assert belongs(pair(), "country:")


@pytest.mark.parametrize("name", ["country:other", "country", "y_pred:some", "y_true:1 to x"])
def test_what_cannot_be_told_is_said(name):
    assert not is_known(name)
    with pytest.raises(BadQuery, match="segment is one such as"):
        read({"segment": name})


def test_a_query_by_segment_comes_back_as_it_was():
    assert read({"segment": "y_pred:80 to 110"}).segment == "y_pred:80 to 110"
