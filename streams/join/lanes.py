"""Several models for one id: each has a join of its own, its lane. Pure.

One truth is held against every model's prediction, so each lane reads all rows of y_true, and of y_pred those of its model;
the verdicts are those of the lanes together. What the lanes share is the clock: the watermark is that of both inputs,
whoever made the rows. Without listed models there is one lane, and it takes any prediction.

Which states are whose is in their keys (`keys`), so that nothing changes hands when models are listed otherwise: the base
stays the model that was the reference when models were first listed; a model that is no longer listed gets no further
rows, and what waits in its lane ends at its deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple, cast

import msgspec

from streams.join import carried, keys
from streams.join.decision import Checkpoint, Counts
from streams.join.state import TRUE
from streams.wire.rows import PredRow, TrueRow

Rows = Sequence[TrueRow | PredRow]
FATES = (
    "matched",
    "unmatched_true",
    "unmatched_pred",
    "duplicates",
    "conflicts",
    "late",
    "waiting",
    "evicted",
    "moved",
)
"""The counts that the lanes keep; the totals are their sums."""


class Run(NamedTuple):
    """The rows of one Kafka record that a lane reads; `offsets`: see `Input`."""

    rows: Rows
    keys: list[bytes]
    offsets: Sequence[int]


class Lane:
    """The join of one model, or of any model where none are listed.

    Args:
        counts: what it counts into.
        name: of the model; empty: any.
        is_base: its states have the keys of the base.
        is_reference: its verdicts are those of the CSV files.
        is_open: it takes any model's predictions, and its verdicts have the name that each gives.
    """

    def __init__(
        self, counts: Counts, name: str = "", *, is_base: bool = True, is_reference: bool = True, is_open: bool = False
    ):
        self.counts, self.name = counts, name
        self._prefix = keys.BASE if is_base else keys.MODEL
        self._suffix = b"" if is_base else keys.suffix(name)
        self.values: Callable[[bytes], tuple[Any, ...]] = (
            carried.values if is_open else partial(carried.values_of_model, name, not is_reference)
        )
        """Returns what a verdict ends with, from what its id carries; `nothing`, where it carries nothing."""
        self.nothing = self.values(carried.NOTHING)
        self._is_open = is_open

    def keys(self, rows: Rows) -> list[bytes]:
        """Return the keys of rows."""
        return self.keys_of([row.id for row in rows])

    def keys_of(self, ids: Sequence[str]) -> list[bytes]:
        """Return the keys of ids."""
        prefix, suffix = self._prefix, self._suffix
        if not suffix:  # as `keys.key_of` makes them, without a call a row
            return [prefix + row_id.encode() for row_id in ids]
        return [prefix + row_id.encode() + suffix for row_id in ids]

    def named(self, carries: list[bytes]) -> list[bytes]:
        """Return what predictions carry, each with the lane's model if it names none."""
        if self._is_open:
            return carries
        known = {one: carried.named(one, self.name) for one in set(carries)}
        return [known[one] for one in carries]


def base_of(checkpoint: Checkpoint, models: Sequence[str]) -> str:
    """Return the model whose states have the keys of the base; empty: any model."""
    return checkpoint.base or (models[0] if models else "")


class Lanes:
    """The lanes of one decision.

    Args:
        checkpoint: where the partition stands; nothing of it is changed.
        listed: the models, the reference first; none: any model's prediction is that of its id.
        counts: of all lanes together; the only lane's own where no models are or were listed.
    """

    def __init__(self, checkpoint: Checkpoint, listed: Sequence[str], counts: Counts):
        self._counts = counts
        self.base = base_of(checkpoint, listed)
        self.listed = tuple(listed)
        self.names = self.listed or (self.base,)
        self.by_model: dict[str, Counts] = {}
        if self.base:
            known = checkpoint.by_model or {self.base: _of_a_lane(counts)}
            self.by_model = {name: msgspec.structs.replace(one) for name, one in known.items()}
        self._lanes: dict[str, Lane] = {}
        self._read = [self.of(name) for name in self.names]

    def of(self, name: str) -> Lane:
        """Return the lane of a model, listed or not; an empty name is the base."""
        name = name or self.base
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = self._made(name)
        return lane

    def _made(self, name: str) -> Lane:
        if not name:
            return Lane(self._counts, is_open=True)
        counts, is_base = self.by_model.setdefault(name, Counts()), name == self.base
        is_open = is_base and not self.listed
        return Lane(counts, name, is_base=is_base, is_reference=name == self.names[0], is_open=is_open)

    def of_key(self, key: bytes) -> Lane:
        """Return the lane that a state is of."""
        return self.of(keys.model_of(key)) if self.base else self._read[0]

    def runs(self, side: int, rows: Rows, offsets: Sequence[int]) -> list[list[tuple[Lane, Run]]]:
        """Return what each lane reads of one Kafka record: steps one after the other, the lanes of a step side by side.

        In a run of records the clock moves from row to row, so that rows of other models stand between those of one.
        """
        if len(self._read) == 1 or side == TRUE:
            return [[(lane, Run(rows, lane.keys(rows), offsets)) for lane in self._read]]
        by_name = {lane.name: lane for lane in self._read}
        named = [row.model or self.names[0] for row in cast(Sequence[PredRow], rows)]
        if not offsets:
            parts: dict[str, list[TrueRow | PredRow]] = {}
            for row, name in zip(rows, named, strict=True):
                parts.setdefault(name, []).append(row)
            return [[(by_name[name], Run(part, by_name[name].keys(part), ())) for name, part in parts.items()]]
        steps, at = [], 0
        for name, some in groupby(named):
            end = at + len(list(some))
            lane, part = by_name[name], rows[at:end]
            steps.append([(lane, Run(part, lane.keys(part), offsets[at:end]))])
            at = end
        return steps

    def count(self, side: int, n_rows: int) -> None:
        """Count rows of a Kafka record in the totals, once whatever lanes read them."""
        if self.by_model and side == TRUE:
            self._counts.rows_true += n_rows

    def sum_up(self) -> None:
        """Bring the totals to what the lanes have counted."""
        if not self.by_model:
            return
        each = self.by_model.values()
        for name in ("rows_pred", *FATES):
            setattr(self._counts, name, sum(getattr(one, name) for one in each))
        self._counts.fanned_out = sum(one.rows_true for one in each) - self._counts.rows_true

    @property
    def n_waiting(self) -> int:
        """How many states wait, in all lanes."""
        return sum(one.waiting for one in self.by_model.values()) if self.by_model else self._counts.waiting


def _of_a_lane(counts: Counts) -> Counts:
    """Return what of the counts of a partition is that of its only lane."""
    return Counts(counts.rows_true, counts.rows_pred, **{name: getattr(counts, name) for name in FATES})
