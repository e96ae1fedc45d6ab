"""Several writers on one log, none of which knows of the others; each may pause or die between any two of its steps."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streams.join.deadlines import Rules
from tests.oracle import Row
from tests.player import SIDES, endings_of
from tests.simulation import World, Writer

N_WRITERS = 3
BOTH = {"true", "pred"}
writers = st.integers(0, N_WRITERS - 1)
sides = st.sampled_from(SIDES)
rows = st.tuples(
    st.sampled_from("abcdefghijklmnop"), st.integers(-4, 30).map(lambda n: n / 4), st.sampled_from([1.0, 2.0])
)


def crashes(writer):
    writer.forget()


def crashes_and_starts_from_a_copy(writer):
    """The copy may be an empty database."""
    writer.forget()
    writer.view = writer.backup.copy()


def is_copied(writer):
    writer.backup = writer.view.copy()


def takes_the_partition_over(writer):
    writer.forget()
    writer.catch_up()


def hears_no_answer_and_catches_up(writer):
    """Its record may be in the log, or not: only the log knows."""
    writer.catch_up()


def sends_again_what_it_sent(writer):
    if writer.appended_at is not None:
        writer.world.log.append(writer.world.log[writer.appended_at])


def keeps_the_log_alive(writer):
    if writer.pending is None and not writer.batch:
        writer.decide_nothing()


MISHAPS = [
    crashes,
    crashes_and_starts_from_a_copy,
    is_copied,
    takes_the_partition_over,
    hears_no_answer_and_catches_up,
    sends_again_what_it_sent,
    keeps_the_log_alive,
]


class SeveralWriters(RuleBasedStateMachine):
    """The horizon is longer than any run, so that each id may have one verdict in all."""

    def __init__(self):
        super().__init__()
        self.world = World(Rules(window_s=4.0, max_out_of_orderness_s=1.0, horizon_s=1e6))
        self.writers = [Writer(self.world) for _ in range(N_WRITERS)]
        self.replica = Writer(self.world)
        self.snapshots = [self.replica.view.copy()]

    # The world

    @rule(records=st.lists(st.tuples(sides, st.lists(rows, min_size=1, max_size=4)), min_size=1, max_size=4))
    def publish(self, records):
        for side, rows in records:
            now = self.world.now
            self.world.inputs[side].append([Row(side, row_id, now - age, y) for row_id, age, y in rows])

    @rule(pause_s=st.sampled_from([0.25, 1.0, 6.0]))
    def wait(self, pause_s):
        self.world.now += pause_s

    # The writers

    @rule(n=writers, n_steps=st.integers(1, 20), batch=st.integers(1, 3), idle=st.sets(sides))
    def go_on(self, n, n_steps, batch, idle):
        """A writer takes its next steps, and may stop after any of them."""
        for _ in range(n_steps):
            self.writers[n].step(batch, idle)

    @rule(n=writers, side=sides, back=st.integers(1, 3))
    def redeliver(self, n, side, back):
        writer = self.writers[n]
        batch = list(writer.batch)
        writer.read(side, writer.next_offset(side) - back)
        assert writer.batch == batch

    @rule(n=writers, mishap=st.sampled_from(MISHAPS))
    def go_wrong(self, n, mishap):
        mishap(self.writers[n])

    # What holds

    @invariant()
    def no_id_has_two_verdicts(self):
        verdicts = Counter(ending.id for record, _ in self.world.valid() for ending in endings_of(record))
        assert set(verdicts.values()) <= {1}

    @invariant()
    def the_invariant_holds_after_every_record(self):
        assert all(record.checkpoint.counts.difference() == 0 for record, _ in self.world.valid())

    @invariant()
    def whoever_is_at_an_offset_holds_what_everybody_holds_there(self):
        while len(self.snapshots) <= len(self.world.log):
            offset = len(self.snapshots) - 1
            self.replica.view.apply(offset, self.world.record(offset))
            self.snapshots.append(self.replica.view.copy())
        for writer in self.writers:
            there = self.snapshots[writer.view.checkpoint.offset + 1]
            assert (writer.view.packed, writer.view.index) == (there.packed, there.index)
            assert writer.view.checkpoint == there.checkpoint

    def teardown(self):
        """Whatever happened, the next owner brings it all to an end as if nothing had."""
        writer = self.writers[0]
        writer.catch_up()
        for side in SIDES:
            for offset in range(writer.next_offset(side), len(self.world.inputs[side])):
                writer.read(side, offset)
        for pause_s in (0.0, 100.0, 0.0):
            self.world.now += pause_s
            writer.decide(BOTH)
            if writer.pending is not None:
                writer.append()
                writer.apply()
        oracle, counts = self.world.oracle(), writer.view.checkpoint.counts
        endings = [ending for record, _ in self.world.valid() for ending in endings_of(record)]

        self.no_id_has_two_verdicts()
        self.the_invariant_holds_after_every_record()
        self.whoever_is_at_an_offset_holds_what_everybody_holds_there()
        assert Counter(e._replace(at=0.0) for e in endings) == Counter(e._replace(at=0.0) for e in oracle.endings)
        assert {e.id for e in endings} == {row.id for side in SIDES for rows in self.world.inputs[side] for row in rows}
        for side in SIDES:
            n_rows = sum(map(len, self.world.inputs[side]))
            assert getattr(counts, f"rows_{side}") == oracle.counts[f"rows_{side}"] == n_rows
        assert (counts.waiting, counts.late) == (0, oracle.counts["late"])


TestSeveralWriters = pytest.mark.slow(SeveralWriters.TestCase)
TestSeveralWriters.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
