"""Going on without a state file: the summary from the rows, and where the stream meets the rows that are there.

No state means no positions, so a record that comes again cannot be known by its offset. But the topic has one order,
and a log is its rows in that order: what comes again is the end of the file, line by line.
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from agents.log_rows import MetricRow, read_metric_rows
from agents.progress import Progress
from streams.summary import ErrorSummary

logger = logging.getLogger(__name__)
_ROWS_AT_A_TIME = 20_000


def summarise(path: Path, size: int) -> ErrorSummary:
    """Return the summary of a metric log's rows up to `size` bytes; lines that are not rows are counted and said.

    Raises:
        OSError: the file cannot be read.
    """
    summary, n_unreadable = ErrorSummary(), 0
    with path.open("rb") as file, Progress(f"Reading {path}", size) as progress:
        rows = read_metric_rows(_lines(file.readline() and file, size - file.tell()))
        while batch := list(islice(rows, _ROWS_AT_A_TIME)):
            readable = [row for row in batch if row is not None]
            n_unreadable += len(batch) - len(readable)
            _add(summary, readable)
            progress.show(file.tell())
    if n_unreadable:
        logger.warning("%s: %d lines are not rows of a metric log; they are left out of the figures.", path, n_unreadable)
    return summary
