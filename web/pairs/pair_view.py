"""One id of the table as the pages, the API and the files know it: both its rows, its verdict, and what else came of it.

It is what workers tell each other, so it holds what is in the table and nothing that changes with the clock. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from streams.join import deadlines
from streams.join.carried import unpack as unpack_carried
from streams.join.deadlines import Rules
from streams.join.keys import id_of, key_of, model_of, other_key
from streams.join.state import CONFLICT, DUPLICATE, LATE, MATCHED, PRED, REDELIVERED, TRUE, UNMATCHED, WAITING, other
from streams.join.state import unpack as unpack_state
from streams.scores.delay import Clock
from streams.table.store import PairsStore
from streams.wire.checked import Finite, Natural, Time
from streams.wire.values import difference
from streams.wire.verdicts import Carried

Kind = Literal["y_true", "y_pred"]
State = Literal["waiting_for_pred", "waiting_for_true", "matched", "unmatched_true", "unmatched_pred"]
Place = tuple[int | float | str, ...]
"""Where a row stands in an order: pages are merged by it, and the next one begins behind it."""
_STATES: dict[int, State] = {
    WAITING + TRUE: "waiting_for_pred",
    WAITING + PRED: "waiting_for_true",
    MATCHED: "matched",
    UNMATCHED: "unmatched_true",
    UNMATCHED + PRED: "unmatched_pred",
}
_HAS: dict[State, tuple[bool, bool, bool]] = {
    "waiting_for_pred": (True, False, False),
    "waiting_for_true": (False, True, False),
    "matched": (True, True, True),
    "unmatched_true": (True, False, True),
    "unmatched_pred": (False, True, True),
}
"""Whether an id in this state has a truth, a prediction, a verdict."""
_WORDS = {
    "waiting_for_pred": "waiting for y_pred",
    "waiting_for_true": "waiting for y_true",
    "unmatched_true": "unmatched, only y_true",
    "unmatched_pred": "unmatched, only y_pred",
}
FLAGS: tuple[Literal["late", "conflict", "duplicate"], ...] = ("late", "conflict", "duplicate")


class Side(msgspec.Struct, frozen=True, gc=False):
    """One row of an id: its value, when it happened (`ts`) and when the join read it (`at`), UTC epoch seconds."""

    y: Finite
    ts: Finite
    at: Time
    offset: Natural
    redelivered: bool


class Other(msgspec.Struct, frozen=True, gc=False):
    """The last row of an id that conflicted or came late, and so changed nothing: of which side it is, and the rest."""

    side: Kind
    y: Finite
    ts: Finite
    at: Time
    offset: Natural


class PairView(msgspec.Struct, gc=False):
    """One id. What never came is None; `decided_at` is when its verdict was given, None while it waits.

    `n_repeats` counts its rows beyond the first truth and the first prediction. `worker` is who answered for it.
    """

    id: str
    state: State
    true: Side | None
    pred: Side | None
    decided_at: Time | None
    duplicate: bool
    conflict: bool
    late: bool
    n_repeats: Natural
    partition: Natural
    place: Place = ()
    other: Other | None = None
    worker: str = ""
    carried: Carried = Carried()
    """What its rows carry besides; where several models predict it, the model is the one of this state."""
    challengers: list[PairView] = []
    """How it stands for each further model, where one id is asked for."""

    def side(self, kind: str) -> Side | None:
        """Return its row of `y_true` or `y_pred`."""
        return self.true if kind == "y_true" else self.pred

    @property
    def waits(self) -> bool:
        """Whether it can still be joined."""
        return self.decided_at is None

    @property
    def kind(self) -> Literal["waiting", "matched", "unmatched"]:
        """How it stands, whichever side is missing."""
        return "waiting" if self.decided_at is None else "matched" if self.state == "matched" else "unmatched"

    @property
    def error(self) -> float | None:
        """y_pred - y_true where both were joined."""
        if self.state != "matched" or self.pred is None or self.true is None:
            return None
        return difference(self.pred.y, self.true.y)

    def label_delay(self, clock: Clock) -> float | None:
        """Return how long after its prediction its label was known, in seconds, by a clock; None where it has none."""
        if self.state != "matched" or self.pred is None or self.true is None or self.decided_at is None:
            return None
        return (self.decided_at if clock == "arrival" else self.true.ts) - self.pred.ts

    @property
    def first_at(self) -> float:
        """When its first row came."""
        return min(side.at for side in (self.true, self.pred) if side is not None)

    @property
    def last_event(self) -> float:
        """When it last changed: its verdict, or the arrival of its first row while it waits."""
        return self.first_at if self.decided_at is None else self.decided_at

    def deadline_at(self, rules: Rules) -> float:
        """Return until when it waits at the longest by the wall clock, or waited: UTC epoch seconds.

        Event time may end it sooner: once both inputs have passed its ts by the window and the max out-of-orderness.
        """
        return self.first_at + deadlines.wait_s(rules)

    def left_s(self, rules: Rules, now: float) -> float | None:
        """Return how long it still waits at the longest, in seconds; None if it does not wait."""
        return round(max(0.0, self.deadline_at(rules) - now), 3) if self.waits else None

    def states(self) -> list[tuple[str, str]]:
        """Return its states as (icon, words), the one that matters most first."""
        return [
            (self.kind, _WORDS.get(self.state, self.kind)),
            *((flag, flag) for flag in FLAGS if getattr(self, flag)),
        ]

    def __post_init__(self) -> None:
        """Raise ValueError if it is no id that can be: one of another worker may be anything."""
        if (self.true is not None, self.pred is not None, self.decided_at is not None) != _HAS[self.state]:
            raise ValueError(f"an id that is {self.state} has other rows")


def view(row_id: str, packed: bytes, partition: int, place: Place = (), model: str = "") -> PairView:
    """Return an id as it is kept in the table; `model`: of which listed model that is, if there are several."""
    kind, flags, n_repeats, *rest, carries = unpack_state(packed)
    true = pred = decided_at = None
    if kind == WAITING + TRUE:
        true = _side(flags & REDELIVERED[TRUE], *rest)
    elif kind == WAITING + PRED:
        pred = _side(flags & REDELIVERED[PRED], *rest)
    else:
        y_true, y_pred, ts_true, ts_pred, at_true, at_pred, decided_at, offset_true, offset_pred = rest
        if kind != UNMATCHED + PRED:
            true = _side(flags & REDELIVERED[TRUE], y_true, ts_true, at_true, offset_true)
        if kind != UNMATCHED + TRUE:
            pred = _side(flags & REDELIVERED[PRED], y_pred, ts_pred, at_pred, offset_pred)
    return PairView(
        row_id,
        _STATES[kind],
        true,
        pred,
        decided_at,
        bool(flags & DUPLICATE),
        bool(flags & CONFLICT),
        bool(flags & LATE),
        n_repeats,
        partition,
        place,
        carried=msgspec.structs.replace(unpack_carried(carries), model=model) if model else unpack_carried(carries),
    )


def of_key(store: PairsStore, key: bytes, packed: bytes, partition: int, place: Place = ()) -> PairView:
    """Return an id as it stands for the model that a key of the table is of."""
    return view(id_of(key), packed, partition, place, model_of(key) or store.checkpoint.base)


def _side(redelivered: int, y: float, ts: float, at: float, offset: int) -> Side:
    return Side(y, ts, at, offset, bool(redelivered))


def add_others(stores: Mapping[int, PairsStore], found: Sequence[PairView]) -> None:
    """Read the rows that are kept beside those ids that conflicted or came late, a read a partition."""
    for partition, store in stores.items():
        flagged = [pair for pair in found if pair.partition == partition and (pair.conflict or pair.late)]
        packed = store.states([other_key(_key_of(store, pair.id, pair.carried.model or "")) for pair in flagged])
        for pair, raw in zip(flagged, packed, strict=True):
            if raw is not None:
                kept = other(raw)
                pair.other = Other("y_true" if kept.side == TRUE else "y_pred", kept.y, kept.ts, kept.at, kept.offset)


def of_id(store: PairsStore, row_id: str, partition: int, reference: str) -> PairView | None:
    """Return an id as it stands for the reference, with its challengers; for another model if the reference has nothing."""
    names = sorted(store.checkpoint.by_model, key=lambda name: (name != reference, name)) or [""]
    packed = store.states([_key_of(store, row_id, name) for name in names])
    found = [
        view(row_id, raw, partition, model=name) for name, raw in zip(names, packed, strict=True) if raw is not None
    ]
    if not found:
        return None
    add_others({partition: store}, found)
    first, *found[0].challengers = found
    return first


def _key_of(store: PairsStore, row_id: str, model: str) -> bytes:
    """Return the table's key of an id's state for a model: the base's, too, of one that was never listed."""
    return key_of(row_id, model if model in store.checkpoint.by_model and model != store.checkpoint.base else "")
