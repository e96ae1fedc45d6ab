"""The rows on the wire: what a RabbitMQ body may be, and the packets of rows that Kafka carries.

No sockets here. The bytes are foreign: `decode_body` turns them into rows and named refusals, and never raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from streams.kinds import Kind
from streams.wire.json_arrays import WHITE, elements

MAX_ID_CHARS = 128
MAX_NAMED = 5
"""Of how many refused rows of one body it is said what is wrong with each; the others are counted."""
MAX_TS_S = 1e11
"""Epoch seconds past the year 5000: a larger `ts` is in milliseconds, and would push the watermark out of reach."""
Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)]
Ts = Annotated[float, Meta(ge=0, le=MAX_TS_S)]
Cell = float | str | bool | None
"""One feature: a number, a category, or null where it is missing."""
Features = Annotated[list[Cell], Meta(min_length=1)] | Annotated[dict[str, Cell], Meta(min_length=1)]


class FeaturesRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a model predicts from: `features` in the model's order or by name, at `ts` (UTC epoch seconds)."""

    id: Id
    ts: Ts
    features: Features


class TrueRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The truth of one id. `redelivered`: RabbitMQ delivered this message before."""

    id: Id
    ts: Ts
    y_true: float
    redelivered: bool = False


class PredRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The prediction of one id, and which `version` of which `model` made it."""

    id: Id
    ts: Ts
    y_pred: float
    model: str | None = None
    version: str | None = None
    redelivered: bool = False


T = TypeVar("T")
type_of_kind: dict[Kind, type[FeaturesRow] | type[TrueRow] | type[PredRow]] = {
    "features": FeaturesRow,
    "y_true": TrueRow,
    "y_pred": PredRow,
}
Row = FeaturesRow | TrueRow | PredRow


Reason = Literal["oversize", "not_json", "bad_row", "bad_features", "bad_prediction", "refused"]


class Unreadable(NamedTuple):
    """What cannot be used of one body: its original bytes, a reason to filter by, a sentence for people, how many rows.

    `raw` is the body where nothing of it can be used. Where the rest of an array is good, it is the refused element, or
    an array of the refused elements as they came.
    """

    raw: bytes
    reason: Reason
    detail: str
    n_rows: int = 1


class _Body(msgspec.Struct, gc=False):
    """Fields that every foreign row has; `ts` absent means that something else says when it happened."""

    id: Id | int | float
    ts: Ts | None = None


class _FeaturesBody(_Body, gc=False):
    features: Features | None = None
    body: Features | None = None


class _TrueBody(_Body, gc=False):
    y_true: float | None = None
    body: float | None = None


class _PredBody(_Body, gc=False):
    y_pred: float | None = None
    body: float | None = None
    model: str | None = None
    version: Any = None


_one: dict[Kind, msgspec.json.Decoder[Any]] = {
    "features": msgspec.json.Decoder(_FeaturesBody),
    "y_true": msgspec.json.Decoder(_TrueBody),
    "y_pred": msgspec.json.Decoder(_PredBody),
}
_many: dict[Kind, msgspec.json.Decoder[Any]] = {
    "features": msgspec.json.Decoder(list[_FeaturesBody]),
    "y_true": msgspec.json.Decoder(list[_TrueBody]),
    "y_pred": msgspec.json.Decoder(list[_PredBody]),
}
_rows = {kind: msgspec.json.Decoder(row_type) for kind, row_type in type_of_kind.items()}
_packets = {kind: msgspec.json.Decoder(list[row_type]) for kind, row_type in type_of_kind.items()}  # type: ignore[valid-type]
encode_packet = msgspec.json.Encoder().encode
"""Encode rows of one partition as one Kafka record's value: a JSON array of row objects."""


def decode_record(kind: Kind, value: bytes, *, ts: float) -> tuple[list[Row], list[Unreadable]]:
    """Read one Kafka record's value: a packet of ours, a row, or whatever `decode_body` reads from anybody's producer.

    Never raises. `ts`, UTC epoch seconds, is when the record was made, for rows that do not say it themselves.
    """
    try:
        return ([_rows[kind].decode(value)] if value[:1] == b"{" else _packets[kind].decode(value)), []
    except Exception:  # foreign bytes; the slower reader names what is wrong with them
        return decode_body(kind, value, ts=ts, max_bytes=len(value))


def decode_run(kind: Kind, values: Sequence[bytes]) -> list[Row] | None:
    """Read records of one row each, in our own form, in one call; None if one of them is anything else. Never raises."""
    lines = b"\n".join(values)
    if lines.count(b"\n") != len(values) - 1:
        return None
    try:
        rows: list[Row] = _rows[kind].decode_lines(lines)
    except Exception:  # foreign bytes; one by one it is found which, and what is wrong with it
        return None
    return rows if len(rows) == len(values) else None


def decode_body(
    kind: Kind, body: bytes, *, ts: float, redelivered: bool = False, max_bytes: int = 1 << 20
) -> tuple[list[Row], list[Unreadable]]:
    """Read one RabbitMQ body (or one Kafka record) of `kind`: a row, the `{"id", "body"}` form, or an array of rows.

    Never raises: the bytes are foreign. Of an array, the good rows are returned and the bad ones are refused together: one
    body has one refusal at most, however many rows of it are bad.

    Args:
        ts: when the message happened, UTC epoch seconds, for rows that do not say it themselves.
        redelivered: marks the rows of a message that RabbitMQ delivered before.
        max_bytes: larger bodies are refused before they are parsed.
    """
    if len(body) > max_bytes:
        detail = f"{len(body)} bytes, more than HINDSIGHT_MAX_BODY_BYTES={max_bytes}"
        return [], [Unreadable(body, "oversize", detail)]
    is_array = body.lstrip(WHITE)[:1] == b"["
    try:
        if is_array:
            return [_row(piece, ts, redelivered) for piece in _many[kind].decode(body)], []
        return [_row(_one[kind].decode(body), ts, redelivered)], []
    except Exception as exc:  # foreign bytes: msgspec raises more than its own errors (RecursionError, UnicodeError)
        whole = _refused(body, exc)
    pieces = elements(body) if is_array else None
    if pieces is None or not any(piece[:1] == b"{" for piece in pieces):
        return [], [whole]
    return _each(kind, body, pieces, ts, redelivered)


def _each(
    kind: Kind, body: bytes, pieces: Sequence[bytes], ts: float, redelivered: bool
) -> tuple[list[Row], list[Unreadable]]:
    """Read an array that holds a bad element, element by element."""
    rows: list[Row] = []
    refused: list[bytes] = []
    named: list[tuple[int, Unreadable]] = []
    for n, piece in enumerate(pieces):
        try:
            rows.append(_row(_one[kind].decode(piece), ts, redelivered))
        except Exception as exc:  # foreign bytes, as above
            refused.append(piece)
            if len(named) < MAX_NAMED:
                named.append((n, _refused(piece, exc)))
    if len(refused) == 1 and rows and refused[0][:1] != b"[":
        return rows, [named[0][1]]
    more = f"; and {len(refused) - len(named):,} more" if len(refused) > len(named) else ""
    detail = "; ".join(f"element {n}: {one.detail}" for n, one in named) + more
    raw = b"[%s]" % b",".join(refused) if rows else body
    return rows, [Unreadable(raw, named[0][1].reason, detail, len(refused))]


def _refused(raw: bytes, exc: Exception) -> Unreadable:
    reason: Reason = "bad_row" if isinstance(exc, msgspec.ValidationError) else "not_json"
    return Unreadable(raw, reason, str(exc))


def _row(body: _Body, ts: float, redelivered: bool) -> Row:
    row_id = body.id if type(body.id) is str else repr(body.id)
    if len(row_id) > MAX_ID_CHARS:
        raise msgspec.ValidationError(f"Expected a number of at most {MAX_ID_CHARS} digits - at `$.id`")
    when = ts if body.ts is None else body.ts
    if isinstance(body, _TrueBody):
        return TrueRow(row_id, when, _value("y_true", body.y_true, body.body), redelivered)
    if isinstance(body, _PredBody):
        value = _value("y_pred", body.y_pred, body.body)
        return PredRow(row_id, when, value, body.model, _version(body.version), redelivered)
    assert isinstance(body, _FeaturesBody)
    return FeaturesRow(row_id, when, _value("features", body.features, body.body))  # type: ignore[arg-type]


def _version(value: Any) -> str | None:
    """Return a model's version as text; None where it is nothing that could be one, which costs nobody the row."""
    text = value if isinstance(value, str) else repr(value) if type(value) in (int, float) else ""
    return text if 0 < len(text) <= MAX_ID_CHARS else None


def _value(name: str, value: T | None, body: T | None) -> T:
    value = value if value is not None else body
    if value is None:
        raise msgspec.ValidationError(f"Object missing required field `{name}` (or `body`)")
    return value
