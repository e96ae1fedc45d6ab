"""One id of the table, spelled out for tests."""

from __future__ import annotations

from typing import NamedTuple

from streams.join import carried
from streams.join.state import (
    CONFLICT,
    DUPLICATE,
    LATE,
    MATCHED,
    NAN,
    PRED,
    REDELIVERED,
    TRUE,
    UNMATCHED,
    WAITING,
    unpack,
)
from streams.wire.verdicts import Carried


class Pair(NamedTuple):
    """One id of the table: both sides with None for what never came, and how it stands."""

    id: str
    state: str
    y_true: float | None
    y_pred: float | None
    ts_true: float | None
    ts_pred: float | None
    at_true: float | None
    at_pred: float | None
    decided_at: float | None
    offset_true: int | None
    offset_pred: int | None
    redelivered_true: bool
    redelivered_pred: bool
    duplicate: bool
    conflict: bool
    late: bool
    n_repeats: int
    carried: Carried = Carried()


_NAMES = {
    WAITING + TRUE: "waiting_for_pred",
    WAITING + PRED: "waiting_for_true",
    MATCHED: "matched",
    UNMATCHED: "unmatched_true",
    UNMATCHED + PRED: "unmatched_pred",
}


def pair(row_id: str, packed: bytes) -> Pair:
    """Return the id with its state spelled out."""
    kind, flags, n_repeats, *rest, carries = unpack(packed)
    decided_at = None
    if kind < MATCHED:
        nothing = (NAN, NAN, NAN, -1)
        true, pred = (tuple(rest), nothing) if kind == WAITING + TRUE else (nothing, tuple(rest))
    else:
        y_true, y_pred, ts_true, ts_pred, at_true, at_pred, decided_at, offset_true, offset_pred = rest
        true, pred = (y_true, ts_true, at_true, offset_true), (y_pred, ts_pred, at_pred, offset_pred)
    return Pair(
        id=row_id,
        state=_NAMES[kind],
        y_true=_known(true[0]),
        y_pred=_known(pred[0]),
        ts_true=_known(true[1]),
        ts_pred=_known(pred[1]),
        at_true=_known(true[2]),
        at_pred=_known(pred[2]),
        decided_at=decided_at,
        offset_true=None if true[3] == -1 else true[3],
        offset_pred=None if pred[3] == -1 else pred[3],
        redelivered_true=bool(flags & REDELIVERED[TRUE]),
        redelivered_pred=bool(flags & REDELIVERED[PRED]),
        duplicate=bool(flags & DUPLICATE),
        conflict=bool(flags & CONFLICT),
        late=bool(flags & LATE),
        n_repeats=n_repeats,
        carried=carried.unpack(carries),
    )


def _known(value: float) -> float | None:
    return None if value != value else value
