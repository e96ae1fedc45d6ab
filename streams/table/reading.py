"""From Kafka records of one input to what the join is given: their rows, those of other partitions, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from streams.join.input import Input
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
FEW_RECORDS = 16
"""Where a run cannot be read because of one record, so few go without it."""


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
        part = _read_part(decoder, partition, n_partitions, records[i : i + RUN_RECORDS], models)
        found.inputs.extend(part.inputs)
        found.refused.extend(part.refused)
    return found


def _read_part(
    decoder: Decoder, partition: int, n_partitions: int, records: Sequence[Record], models: Sequence[str]
) -> Read:
    """Read records so that those of one row each, however they were read, are runs."""
    found = Read([], [])
    unmarked: list[int] = []
    rows: list[Row] = []
    offsets: list[int] = []

    def end_run() -> None:
        if rows:
            unmarked.append(len(found.inputs))
            found.inputs.append(Input(_side(decoder), offsets[-1], rows.copy(), offsets=offsets.copy()))  # type: ignore[arg-type]
            rows.clear()
            offsets.clear()

    for some, together in _runs(decoder, records, models):
        if together is not None:
            rows += together
            offsets += [record.offset() for record in some]
            continue
        for record in some:
            given, refused, marks = _read_one(decoder, partition, record, models)
            is_unmarked = marks.n_partitions != n_partitions  # what was sent on may have come before the topics grew
            if is_unmarked and marks.origin is None and len(given.rows) == 1 and not refused:
                rows += given.rows
                offsets.append(given.offset)
                continue
            end_run()
            if is_unmarked and given.rows:
                unmarked.append(len(found.inputs))
            found.inputs.append(given)
            found.refused.extend(refused)
    end_run()
    _part(found.inputs, unmarked, partition, n_partitions)
    return found


def _runs(
    decoder: Decoder, records: Sequence[Record], models: Sequence[str]
) -> Iterator[tuple[Sequence[Record], list[Row] | None]]:
    """Yield records with their rows, as many together as can be; None for those that are to be read one by one."""
    rows = _run(decoder, records, models)
    if rows is not None or len(records) <= FEW_RECORDS:
        yield records, rows
        return
    for i in range(0, len(records), FEW_RECORDS):
        few = records[i : i + FEW_RECORDS]
        yield few, _run(decoder, few, models)


def _run(decoder: Decoder, records: Sequence[Record], models: Sequence[str]) -> list[Row] | None:
    """Read unmarked records of one row each; None if they are too few, or anything else."""
    if len(records) < RUN_FROM or any(record.headers() for record in records):
        return None
    rows = decoder.run([record.value() or b"" for record in records])
    return None if rows is None or unlisted(decoder.kind, rows, models)[1] else rows


def _read_one(
    decoder: Decoder, partition: int, record: Record, models: Sequence[str]
) -> tuple[Input, list[UnreadableRows], forwarding.Marks]:
    offset, headers = record.offset(), record.headers()
    rows, unreadable = decoder.record(record.value() or b"", record.timestamp()[1] / 1e3, record.key())
    rows, strange = unlisted(decoder.kind, rows, models)
    unreadable = [*unreadable, *strange]
    marks = forwarding.marks(headers) if headers else forwarding.UNMARKED
    n_unreadable = sum(one.n_rows for one in unreadable)
    given = Input(_side(decoder), offset, rows, n_unreadable, marks.origin)  # type: ignore[arg-type]
    if not unreadable:
        return given, [], marks
    source = f"topic {decoder.kind}/{partition}@{offset}"
    return given, [UnreadableRows(source, unreadable, of_kafka(record.key(), headers))], marks


def unlisted(kind: Kind, rows: list[Row], models: Sequence[str]) -> tuple[list[Row], list[Unreadable]]:
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
        given = inputs[i]
        homes_of = homes[at : at + len(given.rows)]
        at += len(given.rows)
        mine, foreign = forwarding.parted_by(given.rows, homes_of, partition)
        if foreign:
            offsets, foreign_offsets = (
                forwarding.parted_by(given.offsets, homes_of, partition) if given.offsets else ((), {})
            )
            inputs[i] = given._replace(rows=mine, foreign=foreign, offsets=offsets, foreign_offsets=foreign_offsets)
