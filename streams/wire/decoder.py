"""Reads what RabbitMQ's queues and Kafka's topics hold, whoever wrote it: rows and named refusals, never an exception.

The program's own forms are decoded by type, which is fast; whatever else comes is looked at field by field.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from streams.fields import NO_FIELDS, Fields
from streams.kinds import Kind
from streams.wire import foreign, own_forms, times
from streams.wire.foreign import Beside
from streams.wire.formats import BOM, NotJson, json_value
from streams.wire.json_arrays import WHITE, rows_of
from streams.wire.rows import MAX_NAMED, FeaturesRow, PredRow, Reason, Row, TrueRow, Unreadable, type_of_kind
from streams.wire.times import MAX_TS_S, Time
from streams.wire.values import Unfit

Decoded = tuple[list[Row], list[Unreadable]]
OTHERS = ""
"""Stands for all sentences that are not said."""
MAX_READ = 1000
"""Of so many refused rows of one body it is worked out what is wrong with each; the others are counted."""
SMALLEST_ROW_BYTES = len(b'{"i":1,"y":1}')
"""A body can hold half a million elements that are smaller; they are not even looked at."""
MAX_NOTES = 100
"""So many different notes are counted; they name fields, and those are foreign."""


def id_of_key(key: bytes | None) -> Beside:
    """Return the key of a Kafka record as what may be its id, if it is text."""
    try:
        text = (key or b"").decode()
    except UnicodeDecodeError:
        return {}
    return {"key": text} if text and text.isprintable() else {}


class Decoder:
    """Reads the rows of one kind. `notes` counts what was read otherwise than it was sent, by a sentence for people."""

    def __init__(
        self,
        kind: Kind,
        fields: Fields = NO_FIELDS,
        *,
        ids_of: Callable[[Any], Beside] = id_of_key,
        max_body_bytes: int = sys.maxsize,
    ) -> None:
        """Make a decoder.

        Args:
            fields: names of one's own for the fields.
            ids_of: returns the ids in what came beside a body; called only for one that has none itself.
            max_body_bytes: larger bodies are refused before they are parsed.
        """
        self.kind: Kind = kind
        self.notes = Counter[str]()
        self._fields = fields
        self._ids_of = ids_of
        self._max_body_bytes = max_body_bytes
        self._is_own = not any(fields)
        body, row = own_forms.body_of_kind[kind], type_of_kind[kind]
        self._one, self._many = msgspec.json.Decoder(body).decode, msgspec.json.Decoder(list[body]).decode  # type: ignore[valid-type]
        of_row: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row)
        self._row, self._rows = of_row.decode, of_row.decode_lines
        self._packet = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
        self._own_rows = own_forms.rows_of_kind[kind]

    def record(self, value: bytes, ts: float, key: bytes | None = None) -> Decoded:
        """Read one Kafka record: a packet of the bridge's, a row, or whatever `body` reads.

        Args:
            ts: when the record was made, UTC epoch seconds, for rows that do not say it themselves.
            key: its key, which is the id where the value has none.
        """
        try:
            if value[:1] != b"{":
                return self._packet(value), []
            if self._is_own:
                return [self._row(value)], []
        except Exception:  # noqa: S110  foreign bytes: msgspec raises more than its own errors
            pass
        return self.body(value, ts, False, key)

    def run(self, values: Sequence[bytes]) -> list[Row] | None:
        """Read Kafka records of one row each, in the program's own form, in one call; None if one is anything else."""
        lines = b"\n".join(values)
        if not self._is_own or lines.count(b"\n") != len(values) - 1:
            return None
        try:
            rows: list[Row] = self._rows(lines)
        except Exception:  # foreign bytes; one by one it is found which, and what is wrong with it
            return None
        return rows if len(rows) == len(values) else None

    def body(self, body: bytes, ts: float, redelivered: bool = False, beside: Any = None) -> Decoded:
        """Read one RabbitMQ body: a row, the `{"id", "body"}` form, an array of rows, or a line for each.

        Of an array the good rows are returned, and the bad ones are refused together: one body has one refusal at most.

        Args:
            ts: when the message happened, an epoch in any unit, for rows that do not say it themselves.
            redelivered: marks the rows of a message that RabbitMQ delivered before.
            beside: what came with the body, for `ids_of`.
        """
        if len(body) > self._max_body_bytes:
            detail = (
                f"larger than HINDSIGHT_MAX_BODY_BYTES: {len(body):,} bytes, and {self._max_body_bytes:,} may come; send fewer "
                "rows in a message, or raise it"
            )
            return [], [Unreadable(body, "oversize", detail)]
        if ts > MAX_TS_S:
            ts = self._in_seconds(ts)
        if self._is_own:
            try:
                is_one = body[:1] == b"{" or body.lstrip(WHITE)[:1] != b"["
                return self._own_rows((self._one(body),) if is_one else self._many(body), ts, redelivered), []
            except Exception:  # noqa: S110  foreign bytes, as above
                pass
        text = body.removeprefix(BOM)
        pieces = rows_of(text)
        if pieces is None:
            return self._alone(body, text, ts, redelivered, self._ids_of(beside))
        return self._each(body, pieces, ts, redelivered)

    def _alone(self, body: bytes, piece: bytes, ts: float, redelivered: bool, beside: Beside) -> Decoded:
        try:
            return [self._foreign(piece, ts, redelivered, beside)], []
        except Unfit as exc:
            return [], [Unreadable(body, _reason(exc), str(exc))]

    def _each(self, body: bytes, pieces: Sequence[bytes], ts: float, redelivered: bool) -> Decoded:
        """Read what holds several rows, one by one."""
        rows: list[Row] = []
        refused: list[bytes] = []
        said = Counter[str]()
        reason: Reason = "bad_row"
        for piece in pieces:
            if len(refused) >= MAX_READ and len(piece) < SMALLEST_ROW_BYTES:
                refused.append(piece)
                said[OTHERS] += 1
                continue
            try:
                rows.append(self._piece(piece, ts, redelivered))
            except Unfit as exc:
                reason = reason if refused else _reason(exc)
                refused.append(piece)
                sentence = str(exc) if len(refused) <= MAX_READ else OTHERS
                said[sentence if sentence in said or len(said) < MAX_NAMED else OTHERS] += 1
        if not refused:
            return rows, []
        raw = (
            b"[%s]" % (b",".join(refused) or b",") if rows else body
        )  # so that it is never taken for a body of its own
        return rows, [Unreadable(raw, reason, _detail(said, len(pieces)), len(refused))]

    def _piece(self, piece: bytes, ts: float, redelivered: bool) -> Row:
        if self._is_own and piece[:1] == b"{":
            try:
                return self._own_rows((self._one(piece),), ts, redelivered)[0]
            except Exception:  # noqa: S110  foreign bytes, as above
                pass
        return self._foreign(piece, ts, redelivered, None)

    def _foreign(self, piece: bytes, ts: float, redelivered: bool, beside: Beside | None) -> Row:
        said = foreign.parts(self.kind, json_value(piece), self._fields, beside)
        for note in said.notes:
            self._note(note)
        when = ts if said.ts is None else said.ts
        if self.kind == "features":
            return FeaturesRow(said.id, when, said.value, said.tags)  # type: ignore[arg-type]
        if self.kind == "y_true":
            return TrueRow(said.id, when, said.value, redelivered, said.tags)  # type: ignore[arg-type]
        return PredRow(said.id, when, said.value, said.model, said.version, redelivered, said.tags)  # type: ignore[arg-type]

    def _in_seconds(self, epoch: float) -> float:
        time = times.of_number(epoch) or Time(MAX_TS_S)
        self._note(time.note)
        return time.ts

    def _note(self, note: str) -> None:
        if note in self.notes or len(self.notes) < MAX_NOTES:
            self.notes[note] += 1


def _detail(said: Counter[str], n: int) -> str:
    """Return what is wrong with rows of one body of `n` rows; a sentence of several comes once, with how many they are."""
    if n == 1:
        return next(iter(said))
    more = f"; and {said.pop(OTHERS):,} more" if OTHERS in said else ""
    return "; ".join(f"{sentence} ({times:,} of {n:,} rows)" for sentence, times in said.items()) + more


def _reason(exc: Unfit) -> Reason:
    return "not_json" if isinstance(exc, NotJson) else "bad_row"
