"""One partition of the join, played without Kafka: rows in, endings out, in the words of the oracle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from streams.join import decision, state
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.decision import Decision
from streams.join.input import Input
from streams.join.keys import id_of
from streams.wire.rows import PredRow, TrueRow
from tests.dict_view import DictView
from tests.oracle import Ending, Row, Side
from tests.pair import Pair, pair

SIDES: tuple[Side, Side] = ("true", "pred")


class Player:
    """A writer with a log of its own; `view` is a DictView, or a PairsStore. `models`: as `decide` takes them."""

    def __init__(self, rules: Rules, view: Any = None, models: Sequence[str] = ()):
        self.rules, self.models = rules, models
        self.view = view if view is not None else DictView()
        self.log: list[bytes] = []

    def play(self, records: Sequence[Sequence[Row]], now: float, idle: Collection[Side] = ()) -> bool:
        """Decide, append and apply one batch of Kafka records, each of rows of one side; False if nothing changed."""
        record = self.decide(records, now, idle)
        self.append(record)
        self.catch_up()
        return record is not None

    def decide(self, records: Sequence[Sequence[Row]], now: float, idle: Collection[Side] = ()) -> Decision | None:
        """Decide one batch, no more."""
        given, quiet = as_inputs(records, self.view.checkpoint.input_offsets), ("true" in idle, "pred" in idle)
        decided = decide(self.view.checkpoint, given, self.view, self.rules, now=now, idle=quiet, models=self.models)
        return decided and decided.record

    def append(self, record: Decision | None) -> None:
        """Put a decision into the log, no more."""
        if record is not None:
            self.log.append(decision.encode(record))

    def catch_up(self) -> None:
        """Apply the log past the view's own offset."""
        for offset in range(self.view.checkpoint.offset + 1, len(self.log)):
            self.view.apply(offset, decision.decode(self.log[offset]))
            assert self.view.checkpoint.differences() == {}

    def settle(self, now: float, idle: Collection[Side] = ()) -> int:
        """Decide without rows until nothing changes; return how many decisions that took."""
        n = 0
        while self.play([], now, idle):
            n += 1
            assert n < 1000, "the expiry goes round in circles"
        return n

    def see(self, row_id: str) -> Pair | None:
        """Return one id as people see it."""
        (packed,) = self.view.states([b"i" + row_id.encode()])
        return pair(row_id, packed) if packed else None

    @property
    def endings(self) -> list[Ending]:
        """The verdicts of the whole log."""
        records = enumerate(map(decision.decode, self.log))
        valid = [record for offset, record in records if record.base == offset - 1]
        return [ending for record in valid for ending in endings_of(record)]

    @property
    def counts(self) -> dict[str, int]:
        """The running counts by name, without zeros."""
        return {name: n for name, n in msgspec.structs.asdict(self.view.checkpoint.counts).items() if n}


def as_inputs(records: Sequence[Sequence[Row]], input_offsets: Sequence[int]) -> list[Input]:
    """Return Kafka records that follow the offsets `input_offsets`."""
    offsets = list(input_offsets)
    inputs = []
    for rows in records:
        side = SIDES.index(rows[0].side)
        offsets[side] += 1
        inputs.append(Input(side, offsets[side], list(map(_as_sent, rows))))
    return inputs


def _as_sent(row: Row) -> TrueRow | PredRow:
    return TrueRow(row.id, row.ts, row.y) if row.side == "true" else PredRow(row.id, row.ts, row.y, model=row.model)


def endings_of(record: Decision) -> list[Ending]:
    """Return the verdicts of a decision."""
    if not record.verdicts:
        return []
    return [Ending(**row) for row in msgspec.json.decode(record.verdicts)]


def ids_of(view: DictView, *, waiting: bool) -> set[str]:
    """Return the ids that wait, or those that are done."""
    ids = {key: packed for key, packed in view.packed.items() if key[:1] == b"i"}
    return {id_of(key) for key, packed in ids.items() if (state.kind_of(packed) < state.MATCHED) == waiting}
