"""Verdicts as rows of a Parquet file, and what a file says of itself in its footer. No files here.

The package pyarrow is not part of the base installation: it is imported where it is needed.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import numpy as np

from agents.metric_log.local_path import Positions
from streams.wire import versions
from streams.wire.tags import parsed
from streams.wire.values import MAX_DIFFERENCE
from streams.wire.verdicts import Verdict
from streams.wire.versions import Newer

if TYPE_CHECKING:
    import pyarrow as pa

VERSION: Final = 1
"""Of what a footer and the manifest say."""
FOOTER_KEY = b"hindsight"
T = TypeVar("T")


class Footer(msgspec.Struct):
    """What a file knows beside its rows, at the key `hindsight` of its footer.

    `number`: of the file, in the order in which they were written. `positions`: the offset of the last decision that is in
    this file or in one before it, by decision log and partition; all of the topic `metric` before the offset `read_to` is.
    `n_missing`: how often decisions before those of this file were no longer in Kafka.
    """

    number: int
    positions: Positions
    read_to: int
    n_missing: int = 0
    version: int = VERSION


_encode = msgspec.json.Encoder().encode


def package_problem() -> str:
    """Return in a sentence that the package is missing; an empty string if it is not."""
    if importlib.util.find_spec("pyarrow") is not None:
        return ""
    return (
        "HINDSIGHT_PARQUET_EVERY_S is set, but the package pyarrow is not installed: install requirements-parquet.lock with "
        "pip, or leave the setting empty."
    )


def columns(verdicts: Sequence[Verdict]) -> pa.RecordBatch:
    """Return verdicts as columns: times in UTC epoch seconds, `error` = y_pred - y_true, null where a side never came."""
    import pyarrow as pa

    y_true, y_pred = ([getattr(verdict, name) for verdict in verdicts] for name in ("y_true", "y_pred"))
    sides = np.array((y_pred, y_true), np.float64)  # None becomes NaN
    with np.errstate(over="ignore"):
        error = np.clip(sides[0] - sides[1], -MAX_DIFFERENCE, MAX_DIFFERENCE)
    arrays = {
        "id": pa.array([verdict.id for verdict in verdicts], pa.string()),
        "model": pa.array([verdict.model for verdict in verdicts], pa.string()),
        "ts_true": pa.array([verdict.ts_true for verdict in verdicts], pa.float64()),
        "ts_pred": pa.array([verdict.ts_pred for verdict in verdicts], pa.float64()),
        "at": pa.array([verdict.at for verdict in verdicts], pa.float64()),
        "y_true": pa.array(y_true, pa.float64()),
        "y_pred": pa.array(y_pred, pa.float64()),
        "error": pa.array(error, pa.float64(), mask=np.isnan(error)),
        "tags": pa.array([_tags(verdict.tags, verdict.true_tags) for verdict in verdicts], pa.string()),
        "verdict": pa.array([verdict.verdict for verdict in verdicts], pa.string()),
    }
    return pa.RecordBatch.from_pydict(arrays)


@lru_cache(maxsize=4096)
def _tags(of_pred: str | None, of_true: str | None) -> str | None:
    """Return the tags of both sides as the JSON text of an object; the prediction's win."""
    if of_pred is None or of_true is None:
        return of_pred or of_true
    return _encode({**parsed(of_true), **parsed(of_pred)}).decode()


def file_bytes(parts: Sequence[pa.RecordBatch], footer: Footer) -> bytes:
    """Return a whole Parquet file of these rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_batches(parts).replace_schema_metadata({FOOTER_KEY: _encode(footer)})
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def decode(raw: bytes | None, kind: type[T], what: str) -> T | Newer | None:
    """Return what a footer or the manifest says, None if it is none of ours. Never raises."""
    try:
        if (version := versions.of_json(raw or b"")) > VERSION:
            return Newer(what, version, VERSION)
        return msgspec.json.decode(raw or b"", type=kind)
    except Exception:  # anybody may have written it; msgspec raises more than its own errors
        return None
