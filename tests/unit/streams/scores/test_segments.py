"""Segments by tags and by size: told apart up to a limit, and the rest counted as other."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scores.segments import (
    MAX_CHARS,
    MAX_KEYS,
    MAX_SEGMENTS,
    MAX_VALUES,
    N_SIZES,
    Segments,
    size_edges,
    size_names,
    size_of,
)

tags = st.dictionaries(st.sampled_from(["country", "tier", "other key"]), st.one_of(st.text(max_size=3), st.integers()))


@given(st.lists(tags, max_size=30))
def test_a_row_belongs_to_a_segment_for_each_key_that_counts(rows):
    segments = Segments(["country", "tier"])
    for row in rows:
        given = {key: row[key] for key in segments.keys if isinstance(row.get(key), str) and row[key]}
        assert segments.names(row) == {key: f"{key}:{value}" for key, value in given.items()}


def test_of_too_many_values_the_later_ones_are_other():
    segments = Segments(["id"])
    for i in range(100_000):
        segments.names({"id": f"v{i}"})
    assert len(segments.known) == MAX_VALUES
    assert segments.names({"id": "v99999"}) == {"id": "id:other"}
    assert segments.names({"id": "v3"}) == {"id": "id:v3"}


def test_memory_does_not_grow_with_the_number_of_values():
    segments = Segments([f"k{i}" for i in range(MAX_KEYS)])
    rng = np.random.default_rng(1)

    def size() -> int:
        return sum(map(sys.getsizeof, segments._names.values()))

    for values in rng.integers(0, 1000, (10_000, MAX_KEYS)).tolist():
        segments.names({f"k{i}": f"{value}" for i, value in enumerate(values)})
    full = size()
    for values in rng.integers(0, 1_000_000, (20_000, MAX_KEYS)).tolist():
        segments.names({f"k{i}": f"{value}" for i, value in enumerate(values)})
    assert size() == full
    assert len(segments.known) == MAX_SEGMENTS


def test_what_is_told_apart_stays_so_after_a_restart():
    before = Segments(["country", "tier"])
    for i in range(MAX_VALUES + 10):
        before.names({"country": f"c{i}", "tier": "gold"})
    after = Segments(["country", "tier"], before.known)
    assert sorted(after.known) == sorted(before.known)
    assert after.names({"country": "new"}) == {"country": "country:other"}
    assert after.names({"country": "c5"}) == {"country": "country:c5"}


def test_segments_of_keys_that_no_longer_count_are_forgotten():
    assert Segments(["tier"], ["country:DE", "tier:gold"]).known == ["tier:gold"]


@pytest.mark.parametrize("value", [5, None, "", "x" * (MAX_CHARS + 1), ["DE"]], ids=repr)
def test_a_value_that_cannot_be_used_costs_the_tag_and_not_the_row(value):
    segments = Segments(["country", "tier"])
    assert segments.names({"country": value, "tier": "gold"}) == {"tier": "tier:gold"}


def test_too_many_keys_are_refused():
    with pytest.raises(ValueError, match="9 segment keys, but there can be 8"):
        Segments([f"k{i}" for i in range(MAX_KEYS + 1)])


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_sizes_are_split_at_up_to_seven_edges_that_increase(values):
    edges = size_edges(np.array(values))
    assert 1 <= len(edges) < N_SIZES
    assert edges == sorted(set(edges))
    names = size_names("y_pred", edges)
    assert len(set(names)) == len(edges) + 1


def test_edges_are_round_and_split_evenly():
    values = np.random.default_rng(1).lognormal(5, 0.5, 4000)
    edges = size_edges(values)
    assert edges == [float(f"{edge:.3g}") for edge in edges]
    counts = np.bincount(np.searchsorted(edges, values, "right"), minlength=N_SIZES)
    assert counts / len(values) == pytest.approx(1 / N_SIZES, abs=0.03)
    assert size_names("y_pred", edges)[0] == f"y_pred:below {edges[0]:.0f}"
    assert size_names("y_pred", edges)[-1] == f"y_pred:{edges[-1]:.0f} and more"


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=7, unique=True).map(sorted), st.lists(st.integers(-4, 4)))
def test_a_value_belongs_behind_each_edge_that_it_is_not_below(edges, values):
    found = size_of([float(edge) for edge in edges], np.array(values, np.float64))
    assert found.tolist() == [sum(value >= edge for edge in edges) for value in values]


def test_values_that_are_all_equal_make_two_segments():
    assert size_names("y_true", size_edges(np.full(9, 2.58))) == ["y_true:below 2.58", "y_true:2.58 and more"]


def test_edges_are_written_as_short_as_they_are():
    names = size_names("y_true", [-0.5, 88.49, 95.57, 1000.0])
    assert names == [
        "y_true:below -0.5",
        "y_true:-0.5 to 88.49",
        "y_true:88.49 to 95.57",
        "y_true:95.57 to 1000",
        "y_true:1000 and more",
    ]
