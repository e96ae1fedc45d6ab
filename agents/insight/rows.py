"""Cells as rows of the table `cells`, and back."""

from __future__ import annotations

import math
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from agents.insight import histograms
from agents.insight.schema import DETAILS, FIGURES, TOTALS
from streams.scores.cells import COUNTS, Cells, Worst
from streams.scores.error_bins import ErrorBins

Row = tuple[Any, ...]
_encode_json = msgspec.json.Encoder().encode
_decode_labels = msgspec.json.Decoder(list[int]).decode
_decode_worst = msgspec.json.Decoder(list[tuple[str, float, float]]).decode
_SUMS_TYPE = np.dtype("<f8")
"""Sums are stored little-endian, by column of SUMS and then by bin of delay."""


class Unreadable(sqlite3.DatabaseError):
    """A cell does not hold what one holds, such as bytes that have changed on the disk, which SQLite does not see."""


@contextmanager
def readable() -> Iterator[None]:
    """Raise what decoding raises as Unreadable."""
    try:
        yield
    except (msgspec.MsgspecError, struct.error, ArithmeticError, LookupError, TypeError, ValueError) as exc:
        raise Unreadable(f"a cell cannot be read ({exc})") from exc


def encode(cells: Cells) -> Iterator[Row]:
    """Yield a row for each cell, of CELL_COLUMNS."""
    totals = np.stack([cells.sum_of(name).sum(axis=1) for name in TOTALS], axis=1).tolist()
    columns = (cells.series, cells.start.astype(np.int64), cells.width.astype(np.int64), *cells.counts.T)
    numbers = zip(*(column.tolist() for column in columns), strict=True)
    sums = np.ascontiguousarray(cells.sums, _SUMS_TYPE)
    errors = histograms.encode(cells.errors, len(cells.start))
    ends = zip(cells.error_min.tolist(), cells.error_max.tolist(), strict=True)
    for i, (keys, (low, high), n) in enumerate(zip(numbers, ends, cells.n.tolist(), strict=True)):
        range_ = (low, high) if math.isfinite(low) else (None, None)
        worst = _encode_json([label[1:] for label in cells.worst[i]]).decode()
        yield (*keys, *range_, _encode_json(n).decode(), sums[i].tobytes(), errors[i], worst, sum(n), *totals[i])


@readable()
def decode(rows: Sequence[Row], *, details: bool) -> Cells:
    """Return the cells of rows, at least one, of FIGURES or with details of FIGURES and DETAILS.

    Without details they have no histogram and no worst labels.

    Raises:
        Unreadable: a row holds no cell.
    """
    columns = dict(zip(FIGURES + DETAILS, zip(*rows, strict=True), strict=False))
    n = np.array([_decode_labels(text) for text in columns["labels"]], np.int64)
    sums = np.frombuffer(b"".join(columns["sums"]), _SUMS_TYPE).reshape(len(rows), -1, n.shape[1])
    return Cells(
        np.array(columns["series"], np.int64),
        np.array(columns["start"], np.float64),
        np.array(columns["width"], np.float64),
        np.array([columns[name] for name in COUNTS], np.int64).T,
        n,
        sums,
        np.array([math.inf if end is None else end for end in columns["error_min"]]),
        np.array([-math.inf if end is None else end for end in columns["error_max"]]),
        histograms.decode(columns["errors"]) if details else ErrorBins.merge([], []),
        [_worst(text) for text in columns["worst"]] if details else [[] for _ in rows],
    )


@readable()
def decode_worst(text: str) -> list[Worst]:
    """Return the labels that a cell's column `worst` holds; raises Unreadable."""
    return _worst(text)


def _worst(text: str) -> list[Worst]:
    return [Worst(abs(y_pred - y_true), name, y_true, y_pred) for name, y_true, y_pred in _decode_worst(text)]
