"""The join in plain Faust: a table in RocksDB, one write to it for each event, a CSV row when both sides are there.

As Faust's documentation shows it: an agent a topic, both on one table that is partitioned like the topics. It loses rows
when it is killed, has no window, and counts no duplicates.
"""

from __future__ import annotations

import faust

from bench.peers import given

app = faust.App(
    given.APP,
    broker=f"kafka://{given.KAFKA}",
    store="rocksdb://",
    datadir=given.STATE,
    topic_partitions=given.N_PARTITIONS,
    topic_disable_leader=True,
    web_port=given.WEB_PORT,
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


truths = app.topic(f"{given.APP}-y_true", key_type=bytes, key_serializer="raw", value_type=TrueRow)
predictions = app.topic(f"{given.APP}-y_pred", key_type=bytes, key_serializer="raw", value_type=PredRow)
pairs = app.Table("pairs", default=dict, partitions=given.N_PARTITIONS)
log = given.CSV.open("w")
log.write(given.HEADER)


def join(row_id: str, side: str, value: float) -> None:
    """Keep one side of an id; write the row once both are there."""
    pair = pairs[row_id]
    given.note_beginning()
    pair[side] = value
    pairs[row_id] = pair
    if len(pair) == 2:
        log.write(given.line(row_id, pair["y_true"], pair["y_pred"]))
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
