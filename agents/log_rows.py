"""The rows of the two logs: a verdict as a CSV line, and CSV lines as rows. No files here."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from streams.verdicts import Verdict

METRIC_HEADER = b"id,y_true,y_pred,absolute_error\n"
UNMATCHED_HEADER = b"id,verdict,ts,value,at\n"
_NEEDS_QUOTES = re.compile(r'[,"\r\n]')


class MetricRow(NamedTuple):
    """One row of the metric log."""

    id: str
    y_true: float
    y_pred: float
    absolute_error: float


def metric_lines(matched: Sequence[Verdict]) -> list[str]:
    """Return a CSV line for each matched pair; floats as `repr`, which reads back exactly."""
    return [
        f"{name},{v.y_true!r},{v.y_pred!r},{abs(v.y_pred - v.y_true)!r}\n"  # type: ignore[operator]
        for name, v in zip(_names(matched), matched, strict=True)
    ]


def unmatched_lines(unmatched: Sequence[Verdict]) -> list[str]:
    """Return a CSV line for each unmatched row: its own time and value, and when it was given up (epoch seconds)."""
    lines = []
    for name, v in zip(_names(unmatched), unmatched, strict=True):
        ts, value = (v.ts_true, v.y_true) if v.verdict == "unmatched_true" else (v.ts_pred, v.y_pred)
        lines.append(f"{name},{v.verdict},{ts!r},{value!r},{v.at!r}\n")
    return lines


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
