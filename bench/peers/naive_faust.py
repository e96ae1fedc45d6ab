"""The join in plain Faust: a table in RocksDB, one write to it for each event, a CSV row when both sides are there.

As Faust's documentation shows it: an agent a topic, both on one table that is partitioned like the topics. It loses rows
when it is killed, has no window, and counts no duplicates.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import faust

LOGS = Path(os.environ["NAIVE_LOGS_DIR"])
N_PARTITIONS = 4

app = faust.App(
    os.environ["NAIVE_APP"],
    broker=f"kafka://{os.environ['NAIVE_KAFKA']}",
    store="rocksdb://",
    datadir=os.environ["NAIVE_STATE_DIR"],
    topic_partitions=N_PARTITIONS,
    topic_disable_leader=True,
    web_port=int(os.environ["NAIVE_WEB_PORT"]),
    stream_wait_empty=False,
)


class TrueRow(faust.Record, serializer="json"):
    """The truth of one id."""

    id: str
    ts: float
    y_true: float


class PredRow(faust.Record, serializer="json"):
    """The prediction of one id."""

    id: str
    ts: float
    y_pred: float


truths = app.topic(f"{app.conf.id}-y_true", key_type=bytes, key_serializer="raw", value_type=TrueRow)
predictions = app.topic(f"{app.conf.id}-y_pred", key_type=bytes, key_serializer="raw", value_type=PredRow)
pairs = app.Table("pairs", default=dict, partitions=N_PARTITIONS)
log = (LOGS / "metric_log.csv").open("w")
log.write("id,y_true,y_pred,absolute_error\n")


@cache
def note_beginning() -> None:
    """Tell the benchmark that the first event is here."""
    (LOGS / "began").touch()


def join(row_id: str, side: str, value: float) -> None:
    """Keep one side of an id; write the row once both are there."""
    pair = pairs[row_id]
    note_beginning()
    pair[side] = value
    pairs[row_id] = pair
    if len(pair) == 2:
        log.write(f"{row_id},{pair['y_true']!r},{pair['y_pred']!r},{abs(pair['y_true'] - pair['y_pred'])!r}\n")
        log.flush()


@app.agent(truths)
async def read_truths(stream: faust.StreamT[TrueRow]) -> None:
    """Take the truths."""
    async for row in stream:
        join(row.id, "y_true", row.y_true)


@app.agent(predictions)
async def read_predictions(stream: faust.StreamT[PredRow]) -> None:
    """Take the predictions."""
    async for row in stream:
        join(row.id, "y_pred", row.y_pred)
