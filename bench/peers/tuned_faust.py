"""The join in Faust, tuned: one table write an event as in the naive one, and all that a user can do around it.

Values come as bytes and are read by msgspec, the tables keep floats instead of dicts, buffers and batches are large,
offsets are committed seldom, and the CSV is flushed a few times a second. (Faust lets nobody write to a table in `take`.)
"""

from __future__ import annotations

import faust
import msgspec

from bench.peers import given

FLUSH_S = 0.2

app = faust.App(
    given.APP,
    broker=f"kafka://{given.KAFKA}",
    store="rocksdb://",
    datadir=given.STATE,
    topic_partitions=given.N_PARTITIONS,
    topic_disable_leader=True,
    web_port=given.WEB_PORT,
    stream_wait_empty=False,
    stream_buffer_maxsize=65_536,
    stream_publish_on_commit=False,
    broker_commit_every=50_000,
    broker_commit_interval=5.0,
    broker_max_poll_records=2000,
    consumer_max_fetch_size=4 << 20,
    producer_linger=0.05,
    producer_max_batch_size=1 << 20,
    producer_max_request_size=4 << 20,
    producer_acks=1,
)


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


def raw_topic(side: str) -> faust.TopicT:
    """Return a topic whose values are read as bytes."""
    return app.topic(
        f"{given.APP}-{side}", key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )


_true = msgspec.json.Decoder(TrueRow).decode
_pred = msgspec.json.Decoder(PredRow).decode
table_options = {"partitions": given.N_PARTITIONS, "key_type": str, "value_type": float}
true_of = app.Table("true_of", **table_options)
pred_of = app.Table("pred_of", **table_options)
log = given.CSV.open("w")
log.write(given.HEADER)


@app.timer(FLUSH_S)
async def flush() -> None:
    """Hand the rows on to the file."""
    log.flush()


@app.agent(raw_topic("y_true"))
async def read_truths(stream: faust.StreamT[bytes]) -> None:
    """Take the truths."""
    async for value in stream:
        given.note_beginning()
        row = _true(value)
        true_of[row.id] = row.y_true
        y_pred = pred_of.get(row.id)
        if y_pred is not None:
            log.write(given.line(row.id, row.y_true, y_pred))


@app.agent(raw_topic("y_pred"))
async def read_predictions(stream: faust.StreamT[bytes]) -> None:
    """Take the predictions."""
    async for value in stream:
        given.note_beginning()
        row = _pred(value)
        pred_of[row.id] = row.y_pred
        y_true = true_of.get(row.id)
        if y_true is not None:
            log.write(given.line(row.id, y_true, row.y_pred))
