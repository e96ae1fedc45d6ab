"""Going on without a state file: how many rows there are, and which of the rows that come are there already.

No state means no positions, so a record that comes again cannot be known by its offset; its lines can. A worker that
starts sends its partitions' last verdicts again, one partition after the other, so they may come in another order than
that of the file.
"""

from __future__ import annotations

import io
import logging
import mmap
from itertools import islice
from pathlib import Path

from agents.metric_log.csv_rows import read_metric_rows
from streams.process.progress import Progress

logger = logging.getLogger(__name__)
_ROWS_AT_A_TIME = 20_000


def n_rows(path: Path) -> int:
    """Return how many rows a metric log has. Lines that are not rows are left out, counted and said.

    Raises:
        OSError: the file cannot be read.
    """
    n = n_unreadable = 0
    with path.open("rb") as file, Progress(f"Reading {path}", path.stat().st_size) as progress:
        lines = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="\n")
        next(lines)
        rows = read_metric_rows(lines)
        while batch := list(islice(rows, _ROWS_AT_A_TIME)):
            n_unreadable += batch.count(None)
            n += len(batch) - batch.count(None)
            progress.show(file.tell())
    if n_unreadable:
        logger.warning("%s: %d lines are not rows; they are not counted.", path, n_unreadable)
    return n


class Held:
    """The lines that a file held when it was opened, found one by one; in the file's order, at no cost.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            is_empty = path.stat().st_size == 0  # which cannot be mapped; a zero byte is no line either
            self._held = mmap.mmap(-1, 1) if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._next = 0

    def knows(self, line: bytes) -> bool:
        """Return whether this line stands in the file."""
        if self._held[self._next : self._next + len(line)] != line:
            found = self._held.rfind(b"\n" + line)
            if found == -1 and self._held[: len(line)] != line:
                return False
            self._next = found + 1
        self._next += len(line)
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._held.close()
