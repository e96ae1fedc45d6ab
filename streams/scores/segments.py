"""Segments: by tags, as `country:DE`, of which only so many are told apart; and by size, as `y_pred:80 to 110`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from streams.fields import MAX_CHARS, MAX_KEYS
from streams.scores.delay import Ints
from streams.scores.histogram import Floats

MAX_VALUES = 64
MAX_SEGMENTS = 500
OTHER = "other"
N_SIZES = 8


class Segments:
    """The segments that rows belong to by their tags.

    Of more than MAX_VALUES values of a key, and of more than MAX_SEGMENTS segments in all, the later ones become
    `key:other`. What is told apart stays so: give `known` to a new instance. Memory does not grow with the number of values.
    """

    def __init__(self, keys: Sequence[str], known: Iterable[str] = ()) -> None:
        """Take the keys that count, at most MAX_KEYS, and the names of segments that are told apart already.

        Raises:
            ValueError: there are more keys.
        """
        if len(keys) > MAX_KEYS:
            raise ValueError(f"{len(keys)} segment keys, but there can be {MAX_KEYS} at most: {', '.join(keys)}")
        self.keys = tuple(keys)
        self._names: dict[str, dict[str, str]] = {key: {} for key in keys}
        self._n_names = 0
        for name in known:
            key, _, value = name.partition(":")
            if key in self._names and value not in self._names[key]:
                self._add(key, value)

    @property
    def known(self) -> list[str]:
        """The names of all segments that are told apart."""
        return [name for names in self._names.values() for name in names.values()]

    def names(self, tags: Mapping[str, object]) -> dict[str, str]:
        """Return by key the name of the segment of a row with these tags; none where it has no such tag, or a bad one."""
        found = {key: self._name(key, tags[key]) for key in self.keys if key in tags}
        return {key: name for key, name in found.items() if name}

    def _name(self, key: str, value: object) -> str:
        if not (isinstance(value, str) and 0 < len(value) <= MAX_CHARS):
            return ""
        name = self._names[key].get(value)
        if name is None:
            if len(self._names[key]) >= MAX_VALUES or self._n_names >= MAX_SEGMENTS:
                return f"{key}:{OTHER}"
            name = self._add(key, value)
        return name

    def _add(self, key: str, value: str) -> str:
        self._n_names += 1
        return self._names[key].setdefault(value, f"{key}:{value}")


def size_edges(values: Floats) -> list[float]:
    """Return up to 7 edges that split values, at least one, into parts of about the same number.

    They are as round as can be, while no more than one value in a hundred changes sides.
    """
    exact = sorted(set(np.quantile(values, np.arange(1, N_SIZES) / N_SIZES).tolist()))
    values = np.sort(values)
    for digits in range(1, 17):
        edges = sorted({float(f"{edge:.{digits}g}") for edge in exact})
        moved = np.abs(np.searchsorted(values, edges) - np.searchsorted(values, exact[: len(edges)]))
        if len(edges) == len(exact) and moved.max() <= len(values) / 100:
            return edges
    return exact


def size_of(edges: Sequence[float], values: Floats) -> Ints:
    """Return which of the segments that edges make each value belongs to: how many edges it is not below.

    To compare with each edge takes a third of a search, for as few as there are.
    """
    found = np.zeros(len(values), np.int8)
    for edge in edges:
        found += values >= edge
    return found.astype(np.int64)


def size_names(key: str, edges: Sequence[float]) -> list[str]:
    """Return the names of the segments that edges, at least one, make; `size_of` returns numbers of them."""
    texts = [repr(float(edge)).removesuffix(".0") for edge in edges]
    between = [f"{key}:{low} to {high}" for low, high in pairwise(texts)]
    return [f"{key}:below {texts[0]}", *between, f"{key}:{texts[-1]} and more"]
