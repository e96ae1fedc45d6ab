"""The rows on the wire, as the program writes them: Kafka carries packets of them. `decoder` reads them, and other forms."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from streams.kinds import Kind
from streams.wire.tags import NO_TAGS
from streams.wire.times import MAX_TS_S
from streams.wire.values import MAX_ID_CHARS, MAX_VALUE, Cell

MAX_NAMED = 5
"""So many sentences are said of the refused rows of one body; the others are counted."""
Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)]
Ts = Annotated[float, Meta(ge=0, le=MAX_TS_S)]
Value = Annotated[float, Meta(ge=-MAX_VALUE, le=MAX_VALUE)]
Features = Annotated[list[Cell], Meta(min_length=1)] | Annotated[dict[str, Cell], Meta(min_length=1)]


class FeaturesRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a model predicts from, at `ts` (UTC epoch seconds): `features` in the model's order, or by name.

    `tags` of all rows are JSON that nobody has looked at yet, see `streams.wire.tags`.
    """

    id: Id
    ts: Ts
    features: Features
    tags: msgspec.Raw = NO_TAGS


class TrueRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The truth of one id. `redelivered`: RabbitMQ delivered this message before."""

    id: Id
    ts: Ts
    y_true: Value
    redelivered: bool = False
    tags: msgspec.Raw = NO_TAGS


class PredRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The prediction of one id, and which `version` of which `model` made it."""

    id: Id
    ts: Ts
    y_pred: Value
    model: str | None = None
    version: str | None = None
    redelivered: bool = False
    tags: msgspec.Raw = NO_TAGS


type_of_kind: dict[Kind, type[FeaturesRow] | type[TrueRow] | type[PredRow]] = {
    "features": FeaturesRow,
    "y_true": TrueRow,
    "y_pred": PredRow,
}
Row = FeaturesRow | TrueRow | PredRow


Reason = Literal["oversize", "not_json", "bad_row", "bad_features", "bad_prediction", "unlisted_model", "refused"]


class Unreadable(NamedTuple):
    """What cannot be used of one body: its original bytes, a reason to filter by, a sentence for people, how many rows.

    `raw` is the body where nothing of it can be used. Where the rest of an array is good, it is an array of the refused
    elements as they came. `model` is the model that refused it; empty: none did.
    """

    raw: bytes
    reason: Reason
    detail: str
    n_rows: int = 1
    model: str = ""


encode_packet = msgspec.json.Encoder().encode
"""Encode rows of one partition as one Kafka record's value: a JSON array of row objects."""
