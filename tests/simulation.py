"""Writers of one partition over one log, without Kafka: each step of a writer by itself, so that any can be its last.

`World` is what all share: the input topics, the log and the clock. A `Writer` is a worker that believes it owns the
partition; there may be several, since one that was paused does not know that it was replaced.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from streams.join import decision
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.decision import Decision
from tests.dict_view import DictView
from tests.oracle import Oracle, Row, Side
from tests.player import SIDES, as_inputs

START = 1_000_000.0


class Given(NamedTuple):
    """What a decision was made from."""

    batch: list[list[Row]]
    now: float
    idle: frozenset[Side]


class World:
    """Two input topics of Kafka records, the decision log with what each record was made from, and the clock."""

    def __init__(self, rules: Rules):
        self.rules, self.now = rules, START
        self.inputs: dict[Side, list[list[Row]]] = {"true": [], "pred": []}
        self.log: list[tuple[bytes, Given]] = []

    def record(self, offset: int) -> Decision:
        """Return the log's record at `offset`, as anybody reads it."""
        return decision.decode(self.log[offset][0])

    def valid(self) -> list[tuple[Decision, Given]]:
        """Return the records that count, with what they were made from."""
        records = [(self.record(offset), given) for offset, (_, given) in enumerate(self.log)]
        return [(record, given) for offset, (record, given) in enumerate(records) if record.base == offset - 1]

    def oracle(self) -> Oracle:
        """Return the oracle after all that the valid records were made from."""
        oracle = Oracle(*self.rules)
        for _, (batch, now, idle) in self.valid():
            for rows in batch:
                oracle.read(rows[0].side, rows, now)
            oracle.tick(now, idle)
        return oracle


class Writer:
    """Reads a batch, decides it, appends the decision, applies it if it directly follows its base, and else catches up."""

    def __init__(self, world: World):
        self.world, self.view, self.backup = world, DictView(), DictView()
        self.forget()

    def forget(self) -> None:
        """Lose what only memory holds."""
        self.batch: list[list[Row]] = []
        self.pending: tuple[Decision, Given] | None = None
        self.appended_at: int | None = None

    def next_offset(self, side: Side) -> int:
        """Return the offset of the input record that is to be read next."""
        return (
            self.view.checkpoint.input_offsets[SIDES.index(side)] + 1 + sum(rows[0].side == side for rows in self.batch)
        )

    def step(self, batch: int, idle: Collection[Side]) -> None:
        """Do what comes next; `batch` is how many Kafka records are decided at a time."""
        unread = [side for side in SIDES if self.next_offset(side) < len(self.world.inputs[side])]
        if self.appended_at is not None:
            self.apply()
        elif self.pending is not None:
            self.append()
        elif unread and len(self.batch) < batch:
            side = min(unread, key=self.next_offset)
            self.read(side, self.next_offset(side))
        else:
            self.decide(idle)

    def read(self, side: Side, offset: int) -> None:
        """Take a delivered Kafka record into the batch, if it is its turn."""
        if offset == self.next_offset(side) < len(self.world.inputs[side]):
            self.batch.append(self.world.inputs[side][offset])

    def decide(self, idle: Collection[Side]) -> None:
        """Decide the batch, and what is due."""
        checkpoint, now = self.view.checkpoint, self.world.now
        inputs, quiet = as_inputs(self.batch, checkpoint.input_offsets), ("true" in idle, "pred" in idle)
        decided = decide(checkpoint, inputs, self.view, self.world.rules, now=now, idle=quiet)
        if decided is not None:
            self.pending = decided.record, Given(list(self.batch), now, frozenset(idle))

    def decide_nothing(self) -> None:
        """Make the record that keeps an idle log alive."""
        record = decision.empty(self.view.checkpoint, "", self.world.now, self.world.rules)
        self.pending = record, Given([], self.world.now, frozenset())

    def append(self) -> None:
        """Send the decision to the log."""
        assert self.pending is not None
        record, given = self.pending
        self.world.log.append((decision.encode(record), given))
        self.appended_at = len(self.world.log) - 1

    def apply(self) -> None:
        """Go on from where the decision was appended."""
        assert self.pending is not None
        assert self.appended_at is not None
        if self.appended_at == self.pending[0].base + 1:
            self.view.apply(self.appended_at, self.pending[0])
            self.forget()
        else:
            self.catch_up()

    def catch_up(self) -> None:
        """Apply what the log has, and keep what of the batch is still to be decided."""
        input_offsets = {side: self.view.checkpoint.input_offsets[n] for n, side in enumerate(SIDES)}
        for offset in range(self.view.checkpoint.offset + 1, len(self.world.log)):
            self.view.apply(offset, self.world.record(offset))
        n_done = {side: self.view.checkpoint.input_offsets[n] - input_offsets[side] for n, side in enumerate(SIDES)}
        batch, self.batch = self.batch, []
        self.pending = self.appended_at = None
        for rows in batch:
            side = rows[0].side
            n_done[side] -= 1
            if n_done[side] < 0:
                self.batch.append(rows)
