"""The newest rows of the metric log, read from its end, however long it is."""

from __future__ import annotations

import io
import re
from pathlib import Path

from agents.log_rows import METRIC_HEADER, MetricRow, read_metric_rows

_BYTES_A_ROW = 100
"""A guess at how much to read first."""
_MOST_BYTES = 4 << 20
_PLAIN_ROW = re.compile(rb'^[^,"\n]+(,[-+.0-9einfa]+){3}\n', re.MULTILINE)
"""A row whose id needs no quotes. Reading may begin there: it is not inside of an id that holds newlines (unless such
an id imitates a row)."""


def newest_rows(path: Path, n: int) -> list[MetricRow]:
    """Return the last `n` rows of a metric log, the newest last; none if there is no log.

    A row that is just being written is left out. Any process may call this, beside the one that writes. Where ids are
    so odd that 4 MB hold fewer than `n` rows after one with a plain id, there are fewer.

    Raises:
        OSError: the file is there but cannot be read.
    """
    n_bytes = n * _BYTES_A_ROW
    while n > 0:
        try:
            data, is_whole = _end_of(path, n_bytes)
        except FileNotFoundError:
            break
        lines = io.StringIO(data.decode(errors="replace"), newline="\n")
        rows = [row for row in read_metric_rows(lines) if row is not None]
        if is_whole or len(rows) >= n or n_bytes >= _MOST_BYTES:
            return rows[-n:]
        n_bytes *= 4
    return []


def _end_of(path: Path, n_bytes: int) -> tuple[bytes, bool]:
    """Return whole rows from the last `n_bytes` of the file, and whether these are all of its rows."""
    with path.open("rb") as file:
        start = max(len(METRIC_HEADER), file.seek(0, io.SEEK_END) - n_bytes)
        file.seek(start)
        data = file.read()
    data = data[: data.rfind(b"\n") + 1]
    if start == len(METRIC_HEADER):
        return data, True
    first = _PLAIN_ROW.search(data, data.find(b"\n") + 1)
    return data[first.start() :] if first else b"", False
