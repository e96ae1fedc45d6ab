"""From the decision to the row in the file: log, outboxes and sink, any of which may die, sleep or be doubled anywhere.

The core, `decision.is_valid`, and the sink's choice of what it has seen are the program's own; Kafka and the disk are
lists. What is modelled of the owner: which entries it puts into its outbox, and what it writes as confirmed.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agents.metric_log.log import _unseen
from agents.metric_log.state import LogState
from streams.join import decision
from streams.join.deadlines import Rules
from streams.join.decision import Decision
from streams.wire.verdicts import Tag, VerdictRecord, decode, record_bytes
from tests.oracle import Row
from tests.player import SIDES
from tests.simulation import World, Writer

LOG = "log"
N_WRITERS = 3
writers = st.integers(0, N_WRITERS - 1)
sinks = st.integers(0, 1)
sides = st.sampled_from(SIDES)
rows = st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 30).map(lambda n: n / 4), st.sampled_from([1.0, 2.0]))


class Sender(Writer):
    """A writer with an outbox in memory: what it applied and the topic `metric` may not have yet."""

    def __init__(self, world: World):
        super().__init__(world)
        self.restart()

    def restart(self) -> None:
        """Come back after a death: only what log and table hold is known."""
        self.forget()
        self.outbox: list[VerdictRecord] = []
        self.confirmed = self.view.checkpoint.confirmed
        self.catch_up()
        self.outbox = []
        self.confirmed = checkpoint = self.view.checkpoint.confirmed
        for offset in range(checkpoint + 1, self.view.checkpoint.verdicts_at + 1):
            self.post(offset, self.world.record(offset))

    def decide(self, idle):
        super().decide(idle)
        if self.pending is not None:
            record, _ = self.pending
            record.checkpoint.log, record.checkpoint.confirmed = LOG, self.confirmed

    def apply(self):
        appended_at, (record, _) = self.appended_at, self.pending
        super().apply()
        if appended_at == record.base + 1:
            self.post(appended_at, record)

    def catch_up(self):
        first = self.view.checkpoint.offset + 1
        super().catch_up()
        for offset in range(first, len(self.world.log)):
            self.post(offset, self.world.record(offset))

    def post(self, offset: int, record: Decision) -> None:
        if decision.is_valid(record, offset) and decision.is_reported(record):
            tag = Tag(LOG, 0, offset, record.checkpoint.verdicts_at)
            sent = decode(record_bytes(tag, record.verdicts, record.report))
            assert isinstance(sent, VerdictRecord)
            self.outbox.append(sent)


class Delivery(RuleBasedStateMachine):
    """Three workers that may own the partition, two that may write the files; `metric` is the topic in between."""

    def __init__(self):
        super().__init__()
        self.world = World(Rules(window_s=4.0, max_out_of_orderness_s=1.0, horizon_s=1e6))
        self.metric: list[VerdictRecord] = []
        self.writers = [Sender(self.world) for _ in range(N_WRITERS)]
        self.disk = LogState("nobody")
        self.file: list[str] = []
        self.committed = 0
        self.sinks: list[tuple[str, int]] = [("nobody's", 0), ("nobody's", 0)]
        self.n_broken = self.n_opened = 0

    @rule(records=st.lists(st.tuples(sides, st.lists(rows, min_size=1, max_size=4)), min_size=1, max_size=4))
    def publish(self, records):
        for side, some in records:
            now = self.world.now
            self.world.inputs[side].append([Row(side, row_id, now - age, y) for row_id, age, y in some])

    @rule(pause_s=st.sampled_from([0.25, 6.0]))
    def wait(self, pause_s):
        self.world.now += pause_s

    @rule(n=writers, n_steps=st.integers(1, 12), idle=st.sets(sides))
    def join(self, n, n_steps, idle):
        for _ in range(n_steps):
            self.writers[n].step(2, idle)

    @rule(n=writers, is_answered=st.booleans())
    def send(self, n, is_answered):
        """Without an answer it is sent again: the topic may have it twice."""
        writer = self.writers[n]
        if writer.outbox:
            self.metric.append(writer.outbox[0])
            if is_answered:
                writer.confirmed = max(writer.confirmed, writer.outbox.pop(0).offset)

    @rule(n=writers)
    def die(self, n):
        self.writers[n].restart()

    @rule(n=sinks)
    def open_files(self, n):
        """The last to open them fences the others, and reads from where Kafka's group committed."""
        self.n_opened += 1
        self.disk.writer = f"writer {self.n_opened}"
        self.sinks[n] = (self.disk.writer, self.committed)

    @rule(n=sinks, n_records=st.integers(1, 5), is_committed=st.booleans(), dies=st.booleans())
    def write(self, n, n_records, is_committed, dies):
        """Rows and state change together; Kafka may not hear of it."""
        token, at = self.sinks[n]
        if token != self.disk.writer:
            return
        records = self.metric[at : at + n_records]
        state = self.disk.copy()
        fresh, n_broken = _unseen(records, state)
        if dies:
            return
        self.disk = state
        self.n_broken += n_broken
        self.file += [verdict.id for record in fresh for verdict in record.rows]
        self.sinks[n] = (token, at + len(records))
        if is_committed:
            self.committed = at + len(records)

    @invariant()
    def no_id_stands_twice_in_the_files(self):
        assert max(Counter(self.file).values(), default=1) == 1

    @invariant()
    def no_verdict_is_missing_between_two_that_are_there(self):
        assert self.n_broken == 0

    @invariant()
    def nobody_writes_that_metric_has_what_it_has_not(self):
        there = {record.offset for record in self.metric}
        valid = [record for record, _ in self.world.valid()]
        confirmed = max((record.checkpoint.confirmed for record in valid), default=-1)
        told = [
            offset
            for offset, r in enumerate(map(self.world.record, range(len(self.world.log))))
            if decision.is_valid(r, offset) and r.verdicts and offset <= confirmed
        ]
        assert there.issuperset(told)

    def teardown(self):
        """The next owner and the next writer of the files bring it all to an end."""
        writer = self.writers[0]
        writer.restart()
        for side in SIDES:
            for offset in range(writer.next_offset(side), len(self.world.inputs[side])):
                writer.read(side, offset)
        for pause_s in (0.0, 100.0, 0.0):
            self.world.now += pause_s
            writer.decide(set(SIDES))
            if writer.pending is not None:
                writer.append()
                writer.apply()
        while writer.outbox:
            self.send(0, is_answered=True)
        self.open_files(0)
        self.write(0, len(self.metric) + 1, is_committed=True, dies=False)

        self.no_id_stands_twice_in_the_files()
        self.no_verdict_is_missing_between_two_that_are_there()
        assert set(self.file) == {row.id for side in SIDES for some in self.world.inputs[side] for row in some}


TestDelivery = pytest.mark.slow(Delivery.TestCase)
TestDelivery.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
