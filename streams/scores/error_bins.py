"""Histograms of signed errors, one a cell, kept as one sparse table so that a thousand of them merge in one step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.scores import histogram
from streams.scores.histogram import Floats, Histogram
from streams.scores.numbering import is_first

Ints = NDArray[np.int64]
_CODES = 1 << 17
"""As many as there are codes on both sides of zero."""
_FEW = 4096
MAX_EXACT = 32
"""Bins of an owner up to which the values themselves are kept, for errors that take few values."""


class ErrorBins(NamedTuple):
    """How many errors of `owner` lie in bin `code`: by owner, each owner and code that came once.

    A code is the key k that the error's size has in a `Histogram`; of errors below zero it is -1 - k. `value` is the
    one error of that bin, NaN where there were several, or where the owner has more than MAX_EXACT bins.
    """

    owner: Ints
    code: Ints
    n: Ints
    value: Floats

    @classmethod
    def of(cls, owner: Ints, errors: Floats) -> Self:
        """Count errors, each for its owner."""
        keys = histogram.keys(np.abs(errors))
        code = np.where(errors < 0, -1 - keys, keys)
        packed = np.sort(_packed(owner, code))  # a third of the time of `argsort`, which only the values need
        first = np.flatnonzero(is_first(packed))
        owners, codes = _unpacked(packed[first])
        n_bins = np.bincount(owners)
        if n_bins.max(initial=0) > histogram.MAX_BINS:
            return cls._merged(owner, code, np.ones(len(errors), np.int64), errors)
        is_few, value = n_bins <= MAX_EXACT, np.full(len(first), np.nan)
        if (rows := is_few[owner]).any():
            value[is_few[owners]] = cls._merged(
                owner[rows], code[rows], rows[rows].astype(np.int64), errors[rows]
            ).value
        return cls(owners, codes, np.diff(first, append=len(packed)), value)

    @classmethod
    def merge(cls, parts: Sequence[Self], owners: Sequence[Ints]) -> Self:
        """Add up histograms; owner i of a part becomes `owners[part][i]`."""
        if not parts:
            nothing = np.zeros(0, np.int64)
            return cls(nothing, nothing, nothing, np.zeros(0))
        owner = np.concatenate([new[part.owner] for part, new in zip(parts, owners, strict=True)])
        code = np.concatenate([part.code for part in parts])
        n = np.concatenate([part.n for part in parts])
        return cls._merged(owner, code, n, np.concatenate([part.value for part in parts]))

    @classmethod
    def joined(cls, parts: Sequence[Self], n_owners: Sequence[int]) -> Self:
        """Return the histograms of parts, each of so many owners, behind each other."""
        before = np.cumsum([0, *n_owners])
        owner = np.concatenate([part.owner + shift for part, shift in zip(parts, before.tolist(), strict=False)])
        return cls(owner, *(np.concatenate(columns) for columns in zip(*(part[1:] for part in parts), strict=True)))

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Return the histograms of the owners for which `kept` is true, numbered anew."""
        rows = kept[self.owner]
        return type(self)((np.cumsum(kept) - 1)[self.owner[rows]], self.code[rows], self.n[rows], self.value[rows])

    @classmethod
    def _merged(cls, owner: Ints, code: Ints, n: Ints, value: Floats) -> Self:
        packed = _packed(owner, code)
        order = np.argsort(packed)
        packed, n, value = packed[order], n[order], value[order]
        first = np.flatnonzero(is_first(packed))
        if len(first) < len(packed):
            n, value = np.add.reduceat(n, first), _common(value, first)
        owner, code = _unpacked(packed[first])
        n_bins = np.bincount(owner) if len(owner) else np.zeros(0, np.int64)
        value = np.where(n_bins[owner] > MAX_EXACT, np.nan, value)
        if np.any(n_bins > histogram.MAX_BINS) and not np.array_equal(folded := _folded(owner, code), code):
            return cls._merged(owner, folded, n, value)
        return cls(owner, code, n, value)

    def histograms(self, *, least: float, largest: float) -> tuple[ExactHistogram, ExactHistogram]:
        """Return two histograms over all owners: of the errors of 0 and more, and of the sizes of those below.

        Args:
            least: the error that is furthest below zero.
            largest: the one that is furthest above.
        """
        whole = self.whole()
        over = whole.code >= 0
        return (
            _histogram(whole.code[over], whole.n[over], whole.value[over], largest),
            _histogram(-1 - whole.code[~over], whole.n[~over], -whole.value[~over], -least),
        )

    def whole(self) -> Self:
        """Return one histogram over all owners: of many rows by counting, ten times as fast as by sorting a million."""
        if len(self.code) < _FEW:
            return self._merged(np.zeros_like(self.owner), self.code, self.n, self.value)
        n = np.bincount(self.code + _CODES // 2, self.n, minlength=_CODES).astype(np.int64)
        code = np.flatnonzero(n) - _CODES // 2
        if len(code) <= MAX_EXACT:
            return self._merged(np.zeros_like(self.owner), self.code, self.n, self.value)
        return self._merged(np.zeros_like(code), code, n[n > 0], np.full(len(code), np.nan))


class ExactHistogram(Histogram):
    """A histogram that knows the one value of some of its bins."""

    values: dict[int, float] = msgspec.field(default_factory=dict)

    def copy(self) -> Self:
        """Return a histogram that further merges into this one do not change."""
        return type(self)(self.n, self.smallest, self.largest, self.counts.copy(), self.values.copy())

    def merge(self, other: Histogram) -> None:
        """Add the values of `other`; a bin of both is known where both hold the same one value."""
        known = other.values if isinstance(other, ExactHistogram) else {}
        for key in other.counts:
            mine = self.values.pop(key, math.nan) if key in self.counts else known.get(key, math.nan)
            if mine == known.get(key):
                self.values[key] = mine
        super().merge(other)

    def quantile(self, q: float) -> float:
        """Return the quantile as `Histogram` does; the very value where it is one of few.

        Raises:
            ValueError: as there.
        """
        near = super().quantile(q)
        return self.values.get(self._key(q), near)

    def knows(self, q: float) -> bool:
        """Tell whether `quantile` returns the very value."""
        return max(1, math.ceil(q * self.n)) in (1, self.n) or self._key(q) in self.values

    def _key(self, q: float) -> int:
        ordered = sorted(self.counts)
        upto = np.cumsum([self.counts[key] for key in ordered])
        return ordered[int(np.searchsorted(upto, max(1, math.ceil(q * self.n))))]

    def _ladder(self) -> tuple[Floats, Floats]:
        ends, below = super()._ladder()
        for i, key in enumerate(sorted(self.counts)):
            if key in self.values:
                ends[2 * i : 2 * i + 2] = self.values[key], np.nextafter(self.values[key], np.inf)
        return ends, below


def _packed(owner: Ints, code: Ints) -> Ints:
    return owner * _CODES + (code + _CODES // 2)


def _unpacked(packed: Ints) -> tuple[Ints, Ints]:
    return packed // _CODES, packed % _CODES - _CODES // 2


def _common(value: Floats, first: Ints) -> Floats:
    """Return the value of each run that begins at `first`, NaN if it holds several."""
    low = np.minimum.reduceat(value, first)
    return np.where(low == np.maximum.reduceat(value, first), low, np.nan)


def _folded(owner: Ints, code: Ints) -> Ints:
    """Return the codes, of each owner and side no more than MAX_BINS: the errors nearest to zero share the lowest."""
    is_over = code >= 0
    first = np.flatnonzero(is_first(owner * 2 + is_over))
    n_bins = np.diff(first, append=len(code))
    nearest = np.where(is_over[first], first + n_bins - histogram.MAX_BINS, first + histogram.MAX_BINS - 1)
    limit = np.repeat(code[np.clip(nearest, first, first + n_bins - 1)], n_bins)
    folded: Ints = np.where(is_over, np.maximum(code, limit), np.minimum(code, limit))
    return folded


def _histogram(keys: Ints, counts: Ints, values: Floats, largest: float) -> ExactHistogram:
    if not len(keys):
        return ExactHistogram()
    known = ~np.isnan(values)
    at = int(np.argmin(keys))
    smallest = float(values[at] if known[at] else histogram.opening(keys[at : at + 1])[0])
    exact = dict(zip(keys[known].tolist(), values[known].tolist(), strict=True))
    tally = dict(zip(keys.tolist(), counts.tolist(), strict=True))
    return ExactHistogram(int(counts.sum()), smallest, float(largest), tally, exact)  # a plain one: it goes into JSON
