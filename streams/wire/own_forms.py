"""The forms of a body that the program documents, decoded by type: `{"id", "ts", "y_true"}` and `{"id", "body"}`.

This is where the bridge spends its time, so a kind has one loop, without a call for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from streams.kinds import Kind
from streams.wire.rows import Features, FeaturesRow, Id, PredRow, Row, TrueRow, Ts, Value
from streams.wire.tags import NO_TAGS
from streams.wire.values import MAX_ID_CHARS, MAX_LABEL_CHARS

Label = Annotated[str, Meta(max_length=MAX_LABEL_CHARS)]


class _Body(msgspec.Struct, gc=False):
    """What every row in the program's own forms has; `ts` absent: something else says when it happened, maybe another field."""

    id: Id | int | float
    ts: Ts | None = None
    timestamp: Any = None
    time: Any = None
    tags: Raw = NO_TAGS


class _FeaturesBody(_Body, gc=False):
    features: Features | None = None
    body: Features | None = None


class _TrueBody(_Body, gc=False):
    y_true: Value | None = None
    body: Value | None = None


class _PredBody(_Body, gc=False):
    y_pred: Value | None = None
    body: Value | None = None
    model: Label | int | float | None = None
    version: Label | int | float | None = None


body_of_kind: dict[Kind, type[_Body]] = {"features": _FeaturesBody, "y_true": _TrueBody, "y_pred": _PredBody}


class LookCloser(Exception):
    """What was decoded is not all that a row says, or not enough for one."""


def _trues(some: Iterable[_TrueBody], ts: float, redelivered: bool) -> list[Row]:
    rows: list[Row] = []
    for one in some:
        row_id, when, value = one.id, one.ts, one.y_true
        if value is None and (value := one.body) is None:
            raise LookCloser
        if when is None:
            if one.timestamp is not None or one.time is not None:
                raise LookCloser
            when = ts
        text = row_id if type(row_id) is str else repr(row_id)
        if len(text) > MAX_ID_CHARS:
            raise LookCloser
        rows.append(TrueRow(text, when, value, redelivered, one.tags))
    return rows


def _preds(some: Iterable[_PredBody], ts: float, redelivered: bool) -> list[Row]:
    rows: list[Row] = []
    for one in some:
        row_id, when, value, model, version = one.id, one.ts, one.y_pred, one.model, one.version
        if value is None and (value := one.body) is None:
            raise LookCloser
        if when is None:
            if one.timestamp is not None or one.time is not None:
                raise LookCloser
            when = ts
        text = row_id if type(row_id) is str else repr(row_id)
        if len(text) > MAX_ID_CHARS:
            raise LookCloser
        if model is not None and type(model) is not str:
            model = repr(model)
        if version is not None and type(version) is not str:
            version = repr(version)
        rows.append(PredRow(text, when, value, model, version, redelivered, one.tags))
    return rows


def _features(some: Iterable[_FeaturesBody], ts: float, redelivered: bool) -> list[Row]:
    rows: list[Row] = []
    for one in some:
        row_id, when, value = one.id, one.ts, one.features
        if value is None and (value := one.body) is None:
            raise LookCloser
        if when is None:
            if one.timestamp is not None or one.time is not None:
                raise LookCloser
            when = ts
        text = row_id if type(row_id) is str else repr(row_id)
        if len(text) > MAX_ID_CHARS:
            raise LookCloser
        rows.append(FeaturesRow(text, when, value, one.tags))
    return rows


rows_of_kind: dict[Kind, Callable[[Any, float, bool], list[Row]]] = {
    "features": _features,
    "y_true": _trues,
    "y_pred": _preds,
}
