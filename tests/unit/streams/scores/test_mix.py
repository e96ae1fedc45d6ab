"""A change is split into mix and model without a rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.mix import split

side = st.tuples(st.integers(0, 1000), st.floats(0, 1e6))
segments = st.lists(st.tuples(side, side), min_size=1, max_size=12).filter(
    lambda rows: any(before[0] for before, _ in rows) and any(now[0] for _, now in rows)
)


@given(segments)
def test_mix_and_model_add_up_to_the_change(rows):
    (n_before, before), (n, now) = (np.array(column, float).T for column in zip(*rows, strict=True))
    before[n_before == 0], now[n == 0] = np.nan, np.nan
    found = split(n_before, before, n, now)
    change = np.nansum(n * now) / n.sum() - np.nansum(n_before * before) / n_before.sum()
    assert found.mix.sum() + found.model.sum() == pytest.approx(change, rel=1e-9, abs=1e-6)


def test_simpsons_world_is_called_mix():
    """Both segments got better, and the whole worse, since most predictions are now of the harder one."""
    found = split(np.array([900, 100]), np.array([10.0, 50.0]), np.array([300, 700]), np.array([9.0, 45.0]))
    assert found.mix.sum() > 0 > found.model.sum()
    assert found.mix.sum() + found.model.sum() > 0


def test_where_only_one_segments_errors_grew_it_is_the_model_there():
    found = split(np.array([500, 500]), np.array([10.0, 50.0]), np.array([50, 50]), np.array([10.0, 80.0]))
    assert found.mix.tolist() == [0, 0]
    assert found.model.tolist() == [0, 15]


def test_a_segment_that_one_side_lacks_changed_only_the_mix():
    found = split(np.array([100, 0]), np.array([10.0, np.nan]), np.array([50, 50]), np.array([10.0, 30.0]))
    assert found.model.tolist() == [0, 0]
    assert found.mix.sum() == 10
