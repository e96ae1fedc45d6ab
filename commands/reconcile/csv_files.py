"""The rows of the two CSV files, and how far the writer says that it has come."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from agents.metric_log import state
from agents.metric_log.csv_rows import METRIC, UNMATCHED
from agents.metric_log.files import end_of_last_line
from agents.metric_log.state import LogState
from commands.reconcile.evaluate import MATCHED
from commands.reconcile.facts import WRITTEN, Fact
from streams.process.progress import Progress


class NoLog(Exception):
    """There is no metric log that could be held against anything; the message says why."""


def read_state(directory: Path) -> LogState:
    """Return the state of the metric log.

    Raises:
        NoLog: there is none that can be read.
    """
    path = directory / state.STATE_NAME
    try:
        raw = state.read(directory)
    except OSError as exc:
        raise NoLog(f"{path} cannot be read ({exc}): the files were not checked") from None
    if raw is None:
        raise NoLog(f"there is no {path}: the files were not checked")
    found = state.decode(raw)
    if isinstance(found, LogState):
        return found
    raise NoLog(f"{found or f'{path} cannot be understood'}: the files were not checked")


def rows(directory: Path) -> Iterator[Fact | str]:
    """Yield the rows of both files, and a sentence for each line that is none.

    A last line without an end is left out: it is being written, or was when its writer died, and comes again.

    Raises:
        NoLog: a file cannot be read.
    """
    for name, row in ((METRIC.name, _matched), (UNMATCHED.name, _unmatched)):
        path = directory / name
        try:
            with path.open("rb") as file, Progress(f"Reading {path}", path.stat().st_size) as progress:
                whole = io.BufferedReader(_WholeLines(file))  # type: ignore[type-var]  # the stubs want more of a raw file
                lines = io.TextIOWrapper(whole, encoding="utf-8", errors="replace", newline="\n")
                reader = csv.reader(lines)
                next(reader, None)
                while True:
                    cells: list[str] = []
                    try:
                        cells = next(reader)
                        yield row(cells)
                    except StopIteration:
                        break
                    except (ValueError, csv.Error) as exc:
                        yield f"{path}: {','.join(cells)[:80]!r} before line {reader.line_num + 1} is no row ({exc})"
                    progress.show(file.tell())
        except OSError as exc:
            raise NoLog(f"{path} cannot be read: {exc}") from None


class _WholeLines(io.RawIOBase):
    """A file up to its last end of line."""

    def __init__(self, file: io.BufferedReader):
        self._file = file
        self._left = end_of_last_line(file, file.seek(0, io.SEEK_END))
        file.seek(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def _matched(cells: list[str]) -> Fact:
    row_id, y_true, y_pred, absolute_error = cells
    a, b = float(y_true), float(y_pred)
    verdict = MATCHED
    if float(absolute_error) != abs(b - a):
        raise ValueError("the error is not that of the row")
    return Fact(row_id, WRITTEN, verdict, a, b, -1, -1)


def _unmatched(cells: list[str]) -> Fact:
    row_id, verdict, ts, value, at = cells
    float(at)
    if verdict not in ("unmatched_true", "unmatched_pred"):
        raise ValueError(f"{verdict} is no verdict of this file")
    return Fact(row_id, WRITTEN, verdict, float(value), float(ts), -1, -1)
