"""Histograms of cells as bytes: about two bytes for a bin in use, and fast to read by the thousand.

A histogram is a header, the steps from bin to bin by size of error, their counts, and with few bins the errors themselves.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from streams.scores.delay import Ints
from streams.scores.error_bins import ErrorBins

_HEADER = struct.Struct("<IHBB")
"""Rank of the first bin, number of bins, bytes of a step, bytes of a count."""
_MAX_RANKS = 1 << 18
_VALUE = np.dtype("<f8")


def encode(errors: ErrorBins, n_cells: int) -> list[bytes]:
    """Return the histogram of each cell, empty for one without errors."""
    ranks = np.where(errors.code >= 0, 2 * errors.code, -2 * errors.code - 1)
    order = np.argsort(errors.owner * _MAX_RANKS + ranks)
    ranks, counts, values = ranks[order], errors.n[order], errors.value[order]
    bounds = np.searchsorted(errors.owner, np.arange(n_cells + 1)).tolist()
    steps = np.diff(ranks, prepend=0)
    first = [start for start, end in pairwise(bounds) if start < end]
    steps[first] = 0
    return [
        _encode_one(int(ranks[start]), steps[start:end], counts[start:end], values[start:end]) if start < end else b""
        for start, end in pairwise(bounds)
    ]


def _encode_one(rank: int, steps: Ints, counts: Ints, values: np.typing.NDArray[np.float64]) -> bytes:
    widths = [_width(int(column.max())) for column in (steps, counts)]
    parts = [_HEADER.pack(rank, len(steps), *widths)]
    parts += [column.astype(f"<u{width}").tobytes() for column, width in zip((steps, counts), widths, strict=True)]
    if not np.isnan(values).all():
        parts.append(values.astype(_VALUE).tobytes())
    return b"".join(parts)


def _width(largest: int) -> int:
    return next(width for width in (1, 2, 4, 8) if largest < 1 << 8 * width)


def decode(encoded: Sequence[bytes]) -> ErrorBins:
    """Return the histograms of cells, by size of error."""
    cells = [(owner, raw, *_HEADER.unpack_from(raw)) for owner, raw in enumerate(encoded) if raw]
    if not cells:
        return ErrorBins.merge([], [])
    n_bins = np.array([n for _, _, _, n, _, _ in cells])
    start = np.cumsum(n_bins) - n_bins
    steps, counts = [], []
    value = np.full(int(n_bins.sum()), np.nan)
    for first, (_, raw, _, n, step_width, count_width) in zip(start.tolist(), cells, strict=True):
        at = _HEADER.size + n * step_width
        steps.append(np.frombuffer(raw, f"<u{step_width}", n, _HEADER.size))
        counts.append(np.frombuffer(raw, f"<u{count_width}", n, at))
        if len(raw) > at + n * count_width:
            value[first : first + n] = np.frombuffer(raw, _VALUE, n, at + n * count_width)
    rank = np.cumsum(np.concatenate(steps, dtype=np.int64))
    rank += np.repeat(np.array([rank for _, _, rank, *_ in cells]) - rank[start], n_bins)
    code = np.where(rank % 2 == 0, rank // 2, -(rank + 1) // 2)
    owner = np.repeat([owner for owner, *_ in cells], n_bins)
    return ErrorBins(owner, code, np.concatenate(counts, dtype=np.int64), value)
