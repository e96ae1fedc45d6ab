"""From Kafka records of one input to what the join is given: their rows, those of other partitions, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from streams.join.decide import Input
from streams.kafka.fetcher import Record
from streams.kinds import Kind
from streams.table.inputs import KINDS
from streams.wire import forwarding
from streams.wire.dead_letters import UnreadableRows, of_kafka
from streams.wire.decoder import Decoder
from streams.wire.partition import partitions_of
from streams.wire.rows import PredRow, Row, Unreadable, encode_packet

RUN_FROM, RUN_RECORDS = 8, 500
"""Fewer records than this are read one by one, and no more than this together: a decision holds whole runs."""


class Read(NamedTuple):
    """The inputs that records hold, in their order, and what of them cannot be read."""

    inputs: list[Input]
    refused: list[UnreadableRows]


def read(
    decoder: Decoder, partition: int, n_partitions: int, records: Sequence[Record], models: Sequence[str] = ()
) -> Read:
    """Read Kafka records of the side that the decoder is for; nothing that they hold raises.

    Most producers of others write a row a record: many such are decoded in one call, at a third of what it costs one by one.

    Args:
        models: those whose predictions are joined; the others' are refused. None: whoever made them.
    """
    found = Read([], [])
    for i in range(0, len(records), RUN_RECORDS):
        some = records[i : i + RUN_RECORDS]
        run = _run(decoder, partition, n_partitions, some, models) if len(some) >= RUN_FROM else None
        part = Read([run], []) if run is not None else _read_each(decoder, partition, n_partitions, some, models)
        found.inputs.extend(part.inputs)
        found.refused.extend(part.refused)
    return found


def _run(
    decoder: Decoder, partition: int, n_partitions: int, records: Sequence[Record], models: Sequence[str]
) -> Input | None:
    """Read records of one row each, all in their own partition and unmarked; None if they are anything else."""
    rows = decoder.run([record.value() or b"" for record in records])
    if rows is None or any(record.headers() for record in records) or _unlisted(decoder.kind, rows, models)[1]:
        return None
    mine, foreign = forwarding.parted(rows, partition, n_partitions)
    if foreign:
        return None
    offsets = [record.offset() for record in records]
    return Input(_side(decoder), offsets[-1], mine, offsets=offsets)  # type: ignore[arg-type]


def _read_each(
    decoder: Decoder, partition: int, n_partitions: int, records: Sequence[Record], models: Sequence[str]
) -> Read:
    inputs: list[Input] = []
    refused: list[UnreadableRows] = []
    unmarked: list[int] = []
    side = _side(decoder)
    for record in records:
        offset, headers = record.offset(), record.headers()
        rows, unreadable = decoder.record(record.value() or b"", record.timestamp()[1] / 1e3, record.key())
        rows, unlisted = _unlisted(decoder.kind, rows, models)
        unreadable = [*unreadable, *unlisted]
        marks = forwarding.marks(headers) if headers else forwarding.UNMARKED
        if marks.n_partitions != n_partitions and marks.origin is None and rows:
            unmarked.append(len(inputs))
        n_unreadable = sum(one.n_rows for one in unreadable)
        inputs.append(Input(side, offset, rows, n_unreadable, marks.origin))  # type: ignore[arg-type]
        if unreadable:
            source = f"topic {decoder.kind}/{partition}@{offset}"
            refused.append(UnreadableRows(source, unreadable, of_kafka(record.key(), headers)))
    _part(inputs, unmarked, partition, n_partitions)
    return Read(inputs, refused)


def _unlisted(kind: Kind, rows: list[Row], models: Sequence[str]) -> tuple[list[Row], list[Unreadable]]:
    """Return the rows without the predictions of models that are not joined, and a refusal for each of those."""
    if not models or kind != "y_pred":
        return rows, []
    predictions = cast(list[PredRow], rows)
    listed = {"", None, *models}
    if listed.issuperset([row.model for row in predictions]):
        return rows, []
    refused = [
        Unreadable(
            encode_packet(row),
            "unlisted_model",
            f"its model {row.model!r} is not in HINDSIGHT_MODELS ({', '.join(models)}): name it there, and requeue the row",
        )
        for row in predictions
        if row.model not in listed
    ]
    return [row for row in predictions if row.model in listed], refused


def _side(decoder: Decoder) -> int:
    return KINDS.index(decoder.kind)


def _part(inputs: list[Input], unmarked: Sequence[int], partition: int, n_partitions: int) -> None:
    """Take the rows of other partitions out of those inputs that anybody may have written: all looked at in one call."""
    homes = partitions_of([row.id for i in unmarked for row in inputs[i].rows], n_partitions) if unmarked else []
    at = 0
    for i in unmarked:
        rows = inputs[i].rows
        mine, foreign = forwarding.parted_by(rows, homes[at : at + len(rows)], partition)
        at += len(rows)
        if foreign:
            inputs[i] = inputs[i]._replace(rows=mine, foreign=foreign)
