"""The records of the topic `metric`: how each id ended, what came, and the tag that lets a reader count each record once."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from streams.wire.rows import Id
from streams.wire.tags import TagSet
from streams.wire.times import MAX_TS_S
from streams.wire.versions import Newer

VERSION: Final = 3
"""Of records of the topic `metric`; one without a field `version` is of version 1, which had no report. Up to version 2, an
id had one verdict, whatever its model."""
VerdictKind = Literal["matched", "unmatched_true", "unmatched_pred"]


ModelName = Annotated[str, Meta(max_length=128, description="which model made the prediction")]


class Carried(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What rows may carry beside id, ts and value; it stays with the id, up to its verdict, its page and the exports.

    `tags` are those of the prediction, `true_tags` those of the truth. To carry a further field: name it here, in `Verdict`
    before `challenger`, and in `streams.join.carried`. Its value is hashable.
    """

    model: ModelName | None = None
    tags: TagSet | None = None
    true_tags: TagSet | None = None


class Verdict(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How one id ended. The side that never came is None. Times are UTC epoch seconds; `at`: when it was decided.

    It ends with the fields of `Carried`, and `challenger`: whether it is of a model other than the reference, so that the
    CSV files, which have one row an id, leave it out.
    """

    id: Id
    verdict: VerdictKind
    at: float
    y_true: float | None = None
    y_pred: float | None = None
    ts_true: float | None = None
    ts_pred: float | None = None
    model: ModelName | None = None
    tags: TagSet | None = None
    true_tags: TagSet | None = None
    challenger: bool = False


class Tag(msgspec.Struct, frozen=True, gc=False):
    """Which decision a record of the topic `metric` is of.

    `log` is the identity of the decision log, `offset` the decision's offset in `partition` of it. `previous` is the
    offset of the decision before it that was reported too (-1: none). A reader drops a record whose offset it has seen, and
    knows that one is missing where `previous` is not the last it saw.
    """

    log: str
    partition: int
    offset: int
    previous: int


class Arrivals(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Predictions of one model and with the same tags that came with a decision: three columns, by the whole second of ts.

    `n_predictions` counts each id's first, whether it is joined or waits; `n_late` what came after its id was given up,
    truths included, by the prediction's ts.
    """

    model: ModelName | None
    seconds: list[int]
    n_predictions: list[int]
    n_late: list[int]
    tags: TagSet | None = None


class Pairs(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Ids that two models have predicted and whose truth came, counted with the later of the two verdicts.

    Columns by the whole second of the ts of the reference's prediction: `n` ids, and sums over them of the absolute and the
    squared error of the reference and of the other `model`. `tags` are those of the reference's predictions.
    """

    reference: ModelName
    model: ModelName
    seconds: list[int]
    n: list[int]
    absolute_of_reference: list[float]
    absolute_of_model: list[float]
    squared_of_reference: list[float]
    squared_of_model: list[float]
    tags: TagSet | None = None
    true_tags: TagSet | None = None

    @property
    def sums(self) -> tuple[list[float], ...]:
        """The columns of sums."""
        return self.absolute_of_reference, self.absolute_of_model, self.squared_of_reference, self.squared_of_model


class Report(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a decision says beside its verdicts. `at`: when it was made. `newest_true`: the largest ts of y_true until then.

    `n_unreadable` rows of its Kafka records could not be read, `n_bad_tags` tags were left out. Times are UTC epoch seconds.
    `challengers`: the models beside the reference, where several are listed.
    """

    at: float
    newest_true: float | None = None
    n_unreadable: int = 0
    arrivals: list[Arrivals] = []
    n_bad_tags: int = 0
    pairs: list[Pairs] = []
    challengers: list[ModelName] = []


class VerdictRecord(Tag, frozen=True, gc=False):
    """One Kafka record of the topic `metric`: the verdicts of one decision, and its report; None where none was made yet."""

    rows: list[Verdict]
    report: Report | None = None


class _StoredTag(Tag, frozen=True, gc=False):
    version: int = 1


class _StoredRecord(VerdictRecord, frozen=True, gc=False):
    version: int = 1


_decode_tag = msgspec.json.Decoder(_StoredTag).decode
_decode_record = msgspec.json.Decoder(_StoredRecord).decode
_decode_rows = msgspec.json.Decoder(list[Verdict]).decode


def record_bytes(tag: Tag, rows: bytes, report: bytes = b"") -> bytes:
    """Return a record of the topic `metric`, from its rows and its report as JSON; either may be empty."""
    return b'{"version":%d,"log":"%s","partition":%d,"offset":%d,"previous":%d,"rows":%s,"report":%s}' % (
        VERSION,
        tag.log.encode(),
        tag.partition,
        tag.offset,
        tag.previous,
        rows or b"[]",
        report or b"null",
    )


def decode_tag(value: bytes | None) -> Tag | Newer | None:
    """Read a record's tag alone, at a fifth of what its rows cost; None if it is no record of ours. Never raises."""
    found: _StoredTag | None = _read(_decode_tag, value)
    if found is None or not _is_sound(found):
        return None
    if found.version > VERSION:
        return Newer("the topic metric", found.version, VERSION)
    return Tag(found.log, found.partition, found.offset, found.previous)


def decode(value: bytes | None) -> VerdictRecord | Newer | None:
    """Read a record of the topic `metric`; None if it is none of ours. Never raises."""
    found: _StoredRecord | None = _read(_decode_record, value)
    if found is None or found.version > VERSION:
        tag = decode_tag(value)
        return tag if isinstance(tag, Newer) else None
    if not _is_sound(found) or not _are_whole(found.rows) or not _adds_up(found.report):
        return None
    return VerdictRecord(found.log, found.partition, found.offset, found.previous, found.rows, found.report)


def decode_rows(json: bytes) -> list[Verdict] | None:
    """Read the verdicts that a decision holds as JSON; None if they are none of ours. Never raises."""
    rows: list[Verdict] | None = _read(_decode_rows, json) if json else []
    return rows if rows is not None and _are_whole(rows) else None


def _are_whole(rows: list[Verdict]) -> bool:
    """Tell whether each verdict has the value and time of each side that came, as each of ours has."""
    for row in rows:
        if row.verdict != "unmatched_pred" and (row.y_true is None or row.ts_true is None):
            return False
        if row.verdict != "unmatched_true" and (row.y_pred is None or row.ts_pred is None):
            return False
    return True


def _adds_up(report: Report | None) -> bool:
    """Tell whether each column of a report has a number for each second, and none is below zero, as in ours."""
    return report is None or (_are_columns(report.arrivals) and _are_pairs(report.pairs))


def _are_pairs(pairs: list[Pairs]) -> bool:
    return all(
        len(one.seconds) == len(one.n)
        and all(len(one.seconds) == len(column) for column in one.sums)
        and min([0, *one.seconds]) == 0
        and min(one.n, default=1) > 0
        and max(one.seconds, default=0) <= MAX_TS_S
        and all(math.isfinite(value) and value >= 0 for column in one.sums for value in column)
        for one in pairs
    )


def _are_columns(arrivals: list[Arrivals]) -> bool:
    return all(
        len(one.seconds) == len(one.n_predictions) == len(one.n_late)
        and min([0, *one.seconds, *one.n_predictions, *one.n_late]) == 0
        and max(one.seconds, default=0) <= MAX_TS_S
        for one in arrivals
    )


def _is_sound(tag: Tag) -> bool:
    return tag.partition >= 0 and -1 <= tag.previous < tag.offset and tag.log != ""


def _read(decode: Any, value: bytes | None) -> Any:
    """Return what `decode` makes of foreign bytes, None if it raises: msgspec raises more than its own errors."""
    try:
        return decode(value or b"")
    except Exception:
        return None
