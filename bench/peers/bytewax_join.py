"""The join in Bytewax: its `join` by id, its recovery store, and a sink that goes on where a snapshot was taken.

Run by `python -m bytewax.run`, with a snapshot each second. Its join has no window: an id that never ends waits for ever.
"""

from __future__ import annotations

import os
from typing import Any

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import init_db_dir

from bench.peers import given

Pair = tuple[str, tuple[float, float]]


class TrueRow(msgspec.Struct, gc=False):
    """The truth of one id."""

    id: str
    ts: float
    y_true: float


class PredRow(msgspec.Struct, gc=False):
    """The prediction of one id."""

    id: str
    ts: float
    y_pred: float


class _Csv(StatefulSinkPartition[tuple[float, float], int]):
    """The open file; its state is its length."""

    def __init__(self, size: int | None) -> None:
        self._file = given.CSV.open("a")
        self._file.truncate(size or 0)
        if not size:
            self._file.write(given.HEADER)

    def write_batch(self, values: list[Any]) -> None:
        self._file.writelines(values)
        self._file.flush()
        os.fsync(self._file.fileno())

    def snapshot(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


class MetricLog(FixedPartitionedSink[str, int]):
    """The one CSV."""

    def list_parts(self) -> list[str]:
        """Name it."""
        return [given.CSV.name]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Csv:
        """Open it, cut back to where the snapshot left it."""
        return _Csv(resume_state)


_true = msgspec.json.Decoder(TrueRow).decode
_pred = msgspec.json.Decoder(PredRow).decode


def truth(message: KafkaSourceMessage[bytes, bytes]) -> tuple[str, float]:
    """Return the id and the truth of a record."""
    given.note_beginning()
    row = _true(message.value)
    return row.id, row.y_true


def prediction(message: KafkaSourceMessage[bytes, bytes]) -> tuple[str, float]:
    """Return the id and the prediction of a record."""
    row = _pred(message.value)
    return row.id, row.y_pred


def line(pair: Pair) -> tuple[str, str]:
    """Return the row of a pair, for the one file."""
    row_id, (y_true, y_pred) = pair
    return "", given.line(row_id, y_true, y_pred)


def read(name: str) -> Any:
    """Return the records of a topic."""
    return op.input(name, flow, KafkaSource([given.KAFKA], [f"{given.APP}-{name}"]))


if not given.STATE.exists():
    given.STATE.mkdir()
    init_db_dir(given.STATE, 1)
flow = Dataflow("join")
truths = op.map("truth", read("y_true"), truth)
predictions = op.map("prediction", read("y_pred"), prediction)
op.output("log", op.map("line", op.join("pairs", truths, predictions), line), MetricLog())
