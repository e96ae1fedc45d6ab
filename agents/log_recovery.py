"""Going on without a state file: the summary from the rows, and where the stream meets the rows that are there.

No state means no positions, so a record that comes again cannot be known by its offset. But the topic has one order,
and a log is its rows in that order: whatever comes again is the end of the file, line by line.
"""

from __future__ import annotations

import io
import logging
import mmap
from collections.abc import Sequence
from itertools import accumulate, islice, takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.log_rows import read_metric_rows
from agents.progress import Progress
from streams.summary import ErrorSummary

logger = logging.getLogger(__name__)
_ROWS_AT_A_TIME = 20_000


def summarise(path: Path) -> ErrorSummary:
    """Return the summary of a metric log's rows. Lines that are not rows are left out, counted and said.

    Raises:
        OSError: the file cannot be read.
    """
    summary, n_unreadable = ErrorSummary(), 0
    with path.open("rb") as file, Progress(f"Reading {path}", path.stat().st_size) as progress:
        lines = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="\n")
        next(lines)
        rows = read_metric_rows(lines)
        while batch := list(islice(rows, _ROWS_AT_A_TIME)):
            readable = [row for row in batch if row is not None]
            n_unreadable += len(batch) - len(readable)
            summary.update(np.array([row.y_true for row in readable]), np.array([row.y_pred for row in readable]))
            progress.show(file.tell())
    if n_unreadable:
        logger.warning("%s: %d lines are not rows; the figures leave them out.", path, n_unreadable)
    return summary


class Overlap(NamedTuple):
    """How many leading lines a file holds already, and where the lines after them would be; -1: the file has ended."""

    n_known: int
    then_at: int


def overlap(path: Path, lines: Sequence[bytes], at: int) -> Overlap:
    """Compare lines that may come again with the file's own, from `at` on; 0: look for where they begin.

    Lines are known only if all of them, or as many as the file still holds, stand there in their order.

    Raises:
        OSError: the file cannot be read.
    """
    block = b"".join(lines)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        if at == 0:
            at = _last_place(held, block, lines[0])
        elif not _stands_at(held, block, at):
            logger.warning("%s: the rows that come do not go on where the file does; they are all written.", path)
            at = -1
        n_left = len(held) - at
    if at == -1:
        return Overlap(0, -1)
    if len(block) < n_left:
        return Overlap(len(lines), at + len(block))
    return Overlap(sum(1 for _ in takewhile(lambda end: end <= n_left, accumulate(map(len, lines)))), -1)


def _stands_at(held: mmap.mmap, block: bytes, at: int) -> bool:
    return at < len(held) and held[at : at + len(block)] == block[: len(held) - at]


def _last_place(held: mmap.mmap, block: bytes, line: bytes) -> int:
    end = len(held)
    while (found := held.rfind(b"\n" + line, 0, end)) != -1:
        if _stands_at(held, block, found + 1):
            return found + 1
        end = found + len(line)
    return -1
