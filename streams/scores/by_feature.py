"""Where in the features the error is: by quantile of each feature, and what the ids with the extreme errors have in common. Pure.

The groups are those of a regression bias table: the 5% of ids with the lowest errors (y_pred - y_true), the 5% with the highest,
and the majority between them. A bin of a feature is held against all other ids; the intervals are Bonferroni's, so that all of
them together hold with 95%, however many features and bins are looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

import msgspec
import numpy as np

from streams.scores.answer import TAIL
from streams.scores.histogram import Floats
from streams.scores.losses import LARGEST
from streams.scores.numbers import tick
from streams.scores.segments import OTHER, size_edges, size_of
from streams.wire.checked import Finite, Natural, Share, Size
from streams.wire.values import Cell

MIN_IDS = 100
"""Of fewer ids nothing is said: the tails would be of less than five."""
MIN_BIN = 20
"""A bin of fewer ids is shown, and held against nothing."""
MOST_FEATURES = 100
MOST_VALUES = 8
MISSING = "missing"
_ALPHA = 0.05
Cells = Mapping[str, Cell]


class Bin(msgspec.Struct, frozen=True):
    """The ids whose feature lies in one bin, or has one value; `name` says which.

    Attributes:
        low: where a bin of numbers begins, and `high` where it ends, not included; None at the ends of all, and of values.
        excess: how much larger the mean absolute error is than that of all other ids, with an interval of ± `half`; None of too
            few ids.
    """

    name: str
    low: Finite | None
    high: Finite | None
    n: Natural
    share_of_loss: Share | None
    mae: Size
    bias: Finite
    excess: Finite | None
    half: Size | None

    @property
    def at_least(self) -> float:
        """How much larger the error is for certain; -infinity where that cannot be told."""
        return -np.inf if self.excess is None or self.half is None else self.excess - self.half


class ByFeature(msgspec.Struct, frozen=True):
    """One feature: its bins in order, the `worst` of them by what is certain, and its value in each group of ids.

    Attributes:
        worst: the number of a bin; None if all are too small.
        is_worse: whether the worst bin has a larger error than all other ids beyond chance.
        lowest: the mean where it is a number, else the most frequent value, of the ids with the lowest errors; `majority` and
            `highest` likewise. None if it is missing in all.
        spread: how far `lowest` and `highest` lie apart, as a share of the feature's range; None where it is no number.
    """

    name: str
    bins: list[Bin]
    worst: int | None
    is_worse: bool
    lowest: Finite | str | None
    majority: Finite | str | None
    highest: Finite | str | None
    spread: Share | None


class Sample(NamedTuple):
    """The ids that are looked at: their errors, y_pred - y_true, and their features in the same order."""

    errors: Floats
    features: Sequence[Cells]


class _Coded(NamedTuple):
    """A feature in all ids: the bin of each, the names of the bins, and its numbers if it is one; NaN where it is missing.

    `edges` are those of the bins of numbers, which come first.
    """

    of: np.ndarray
    names: list[str]
    numbers: Floats | None = None
    edges: Sequence[float] = ()

    def ends(self, i: int) -> tuple[float | None, float | None]:
        """Return where a bin begins and ends."""
        if i > len(self.edges) or not self.edges:
            return None, None
        return (self.edges[i - 1] if i else None), (self.edges[i] if i < len(self.edges) else None)


def by_feature(sample: Sample) -> list[ByFeature]:
    """Return all features, at most MOST_FEATURES: those with the largest certain excess first; none of too few ids."""
    if len(sample.errors) < MIN_IDS:
        return []
    names = list(dict.fromkeys(name for row in sample.features for name in row))[:MOST_FEATURES]
    coded = {name: _coded([row.get(name) for row in sample.features]) for name in names}
    n_bins = sum(len(one.names) for one in coded.values())
    z = NormalDist().inv_cdf(1 - _ALPHA / 2 / max(n_bins, 1))
    found = [_feature(name, one, sample.errors, z) for name, one in coded.items()]
    return sorted(found, key=lambda one: -np.inf if one.worst is None else one.bins[one.worst].at_least, reverse=True)


def _coded(values: Sequence[Cell]) -> _Coded:
    given = [value for value in values if value is not None]
    if given and not any(isinstance(value, str | bool) for value in given):
        numbers = np.array([np.nan if value is None else float(value) for value in values])
        numbers = np.clip(numbers, -LARGEST, LARGEST)
        is_in = ~np.isnan(numbers)
        edges = size_edges(numbers[is_in])
        of = np.where(is_in, size_of(edges, numbers), len(edges) + 1)
        return _Coded(of, [*_names(edges), MISSING], numbers, edges)
    words = [_word(value) for value in values]
    frequent = [word for word, _ in Counter(words).most_common(MOST_VALUES)]
    number = {word: i for i, word in enumerate(frequent)}
    return _Coded(np.array([number.get(word, len(frequent)) for word in words]), [*frequent, OTHER])


def _names(edges: Sequence[float]) -> list[str]:
    """Return the names of the bins, with four digits where these tell the edges apart."""
    texts = [tick(float(f"{edge:.4g}")) for edge in edges]
    if len({*texts}) < len(edges):
        texts = [repr(edge) for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    return [f"below {texts[0]}", *between, f"{texts[-1]} and more"]


def _word(value: Cell) -> str:
    return MISSING if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _feature(name: str, coded: _Coded, errors: Floats, z: float) -> ByFeature:
    size = np.abs(errors)
    bins = [_bin(coded, i, errors, size, z) for i in np.unique(coded.of).tolist()]
    of_worst = max(range(len(bins)), key=lambda i: bins[i].at_least)
    worst = of_worst if bins[of_worst].excess is not None else None
    lowest, majority, highest = (_common(coded, ids) for ids in _groups(errors))
    return ByFeature(
        name,
        bins,
        worst,
        worst is not None and bins[worst].at_least > 0,
        lowest,
        majority,
        highest,
        _spread(coded.numbers, lowest, highest),
    )


def _bin(coded: _Coded, i: int, errors: Floats, size: Floats, z: float) -> Bin:
    is_in = coded.of == i
    inside, outside, loss = size[is_in], size[~is_in], float(size.sum())
    excess = half = None
    if min(len(inside), len(outside)) >= MIN_BIN:
        excess = float(inside.mean() - outside.mean())
        half = z * float(np.sqrt(inside.var(ddof=1) / len(inside) + outside.var(ddof=1) / len(outside)))
    share = min(float(inside.sum()) / loss, 1.0) if loss > 0 else None
    low, high = coded.ends(i)
    return Bin(
        coded.names[i], low, high, len(inside), share, float(inside.mean()), float(errors[is_in].mean()), excess, half
    )


def _groups(errors: Floats) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places of the ids with the lowest errors, of the majority, and of those with the highest."""
    order, n_tail = np.argsort(errors, kind="stable"), max(1, round(TAIL * len(errors)))
    return order[:n_tail], order[n_tail:-n_tail], order[-n_tail:]


def _common(coded: _Coded, ids: np.ndarray) -> float | str | None:
    if coded.numbers is None:
        return coded.names[int(np.bincount(coded.of[ids]).argmax())]
    given = coded.numbers[ids]
    given = given[~np.isnan(given)]
    return float(given.mean()) if len(given) else None


def _spread(numbers: Floats | None, lowest: float | str | None, highest: float | str | None) -> float | None:
    if numbers is None or not isinstance(lowest, float) or not isinstance(highest, float):
        return None
    whole = float(np.nanmax(numbers) - np.nanmin(numbers))
    return min(abs(highest - lowest) / whole, 1.0) if whole > 0 else 0.0
