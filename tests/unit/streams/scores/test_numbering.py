"""Numbering equals what numpy finds by sorting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.numbering import is_first, numbered, numbered_pairs

key = st.one_of(st.integers(-3, 40), st.integers(-(1 << 40), 1 << 40))


@given(st.lists(key))
def test_keys_are_numbered_in_order(keys):
    found, number = numbered(np.array(keys, np.int64))
    assert found.tolist() == sorted(set(keys))
    assert found[number].tolist() == keys


@given(st.lists(st.integers(0, 3)).map(sorted))
def test_the_first_of_each_run_of_keys_is_found(keys):
    first = np.flatnonzero(is_first(np.array(keys, np.int64)))
    assert first.tolist() == [keys.index(each) for each in sorted(set(keys))]


@given(st.lists(st.tuples(st.integers(0, 3), key)))
def test_pairs_are_numbered_in_order(pairs):
    columns = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    first, second, number = numbered_pairs(*columns)
    assert [*zip(first.tolist(), second.tolist(), strict=True)] == sorted(set(pairs))
    assert [*zip(first[number].tolist(), second[number].tolist(), strict=True)] == pairs
