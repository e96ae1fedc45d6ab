"""The rows of the two logs: a verdict as a CSV line, and CSV lines as rows. No files here."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.metric_log.sink import Sink
from streams.wire.values import MAX_DIFFERENCE
from streams.wire.verdicts import Verdict

METRIC_HEADER = b"id,y_true,y_pred,absolute_error\n"
UNMATCHED_HEADER = b"id,verdict,ts,value,at\n"
_NEEDS_QUOTES = re.compile(r'[,"\r\n]')
_PLAIN = (1e-4, 1e16)
"""Sizes between which JSON writes a number as `repr` does: without an exponent."""
_encode_figures = msgspec.json.Encoder().encode


class MetricRow(NamedTuple):
    """One row of the metric log."""

    id: str
    y_true: float
    y_pred: float
    absolute_error: float


def metric_lines(matched: Sequence[Verdict]) -> bytes:
    """Return a CSV line for each matched pair; floats as `repr`, which reads back exactly."""
    if not matched:
        return b""
    y_true, y_pred = [v.y_true for v in matched], [v.y_pred for v in matched]
    numbers = np.array((y_true, y_pred), np.float64)
    with np.errstate(over="ignore"):
        error = np.minimum(np.abs(numbers[1] - numbers[0]), MAX_DIFFERENCE)
    figures = zip(y_true, y_pred, error.tolist(), strict=True)
    if _is_plain(numbers) and _is_plain(error):
        texts = _encode_figures(list(figures))[2:-2].decode().split("],[")  # a third of the time that `repr` takes
    else:
        texts = [f"{true!r},{pred!r},{size!r}" for true, pred, size in figures]
    return "".join([f"{name},{text}\n" for name, text in zip(_names(matched), texts, strict=True)]).encode()


def _is_plain(numbers: NDArray[np.float64]) -> bool:
    sizes = np.abs(numbers)
    return bool(np.all(((sizes >= _PLAIN[0]) & (sizes < _PLAIN[1])) | (sizes == 0)))


def unmatched_lines(unmatched: Sequence[Verdict]) -> bytes:
    """Return a CSV line for each unmatched row: its own time and value, and when it was given up (epoch seconds)."""
    lines = []
    for name, v in zip(_names(unmatched), unmatched, strict=True):
        ts, value = (v.ts_true, v.y_true) if v.verdict == "unmatched_true" else (v.ts_pred, v.y_pred)
        lines.append(f"{name},{v.verdict},{ts!r},{value!r},{v.at!r}\n")
    return "".join(lines).encode()


METRIC = Sink("metric_log.csv", METRIC_HEADER, ("matched",), metric_lines)
UNMATCHED = Sink("unmatched_log.csv", UNMATCHED_HEADER, ("unmatched_true", "unmatched_pred"), unmatched_lines)


def _names(verdicts: Sequence[Verdict]) -> list[str]:
    names = [v.id for v in verdicts]
    if _NEEDS_QUOTES.search("".join(names)) is None:
        return names
    return ['"' + name.replace('"', '""') + '"' if _NEEDS_QUOTES.search(name) else name for name in names]


def read_metric_rows(lines: Iterable[str]) -> Iterator[MetricRow | None]:
    """Yield the rows of a metric log's lines, the header left out; None for what is not a row."""
    reader = csv.reader(lines)
    while True:
        try:
            name, y_true, y_pred, absolute_error = next(reader)
            yield MetricRow(name, float(y_true), float(y_pred), float(absolute_error))
        except StopIteration:
            return
        except (ValueError, csv.Error):
            yield None
