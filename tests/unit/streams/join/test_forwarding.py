"""Rows that lie anywhere: whoever finds them sends them on, whoever dies between, and each id ends as if they had lain right."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from streams.join import decision
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.input import Input
from streams.wire import forwarding
from streams.wire.decoder import Decoder
from streams.wire.forwarding import Origin
from streams.wire.partition import partition_of
from streams.wire.rows import PredRow, Row, TrueRow
from tests.dict_view import DictView
from tests.player import endings_of

N = 3
RULES = Rules(window_s=1000.0, max_out_of_orderness_s=10.0, horizon_s=10_000.0)
KINDS = ("y_true", "y_pred")
Written = tuple[list[Row], Origin | None]


class Partition:
    """One partition: its inputs, its log, and an owner that may die between any two of its steps."""

    def __init__(self, number: int, topics: list[list[list[Written]]]):
        self.number, self.topics = number, topics
        self.log: list[bytes] = []
        self.view = DictView()
        self.forwarded = -1

    def decide(self, n_records: int, now: float) -> bool:
        """Decide the next records of both inputs; False if there is nothing to decide."""
        inputs = []
        for side in (0, 1):
            first = self.view.checkpoint.input_offsets[side] + 1
            there = self.topics[side][self.number][first : first + n_records]
            for offset, (rows, origin) in enumerate(there, start=first):
                mine, foreign = (rows, {}) if origin else forwarding.parted(rows, self.number, N)
                inputs.append(Input(side, offset, mine, 0, origin, foreign))
        decided = decide(self.view.checkpoint, inputs, self.view, RULES, now=now)
        if decided is None:
            return False
        record = decided.record
        record.checkpoint.log = self.view.checkpoint.log or f"log{self.number}"
        record.checkpoint.forwarded = self.forwarded
        self.log.append(decision.encode(record))
        self.view.apply(len(self.log) - 1, record)
        assert self.view.checkpoint.counts.difference() == 0
        return True

    def send(self, rng: random.Random) -> None:
        """Send on what the log holds and is not confirmed; the owner may die in the middle, or before it is confirmed."""
        for offset in range(self.forwarded + 1, len(self.log)):
            record = decision.decode(self.log[offset])
            assert isinstance(record, decision.Decision)
            for i, one in enumerate(forwarding.decode(record.forwards)):
                rows, refused = Decoder(KINDS[one.side]).record(one.packet, 0.0)
                assert not refused
                origin = forwarding.origin_of(record.checkpoint.log, offset, i)
                self.topics[one.side][one.partition].append((rows, origin))
                if rng.random() < 0.15:
                    return
            if rng.random() < 0.15:
                return
            self.forwarded = offset


@pytest.mark.parametrize("seed", range(60))
def test_each_id_ends_once_wherever_its_rows_lay_and_whoever_died(seed: int) -> None:
    rng = random.Random(seed)
    topics: list[list[list[Written]]] = [[[] for _ in range(N)] for _ in KINDS]
    partitions = [Partition(number, topics) for number in range(N)]
    ids = [f"id-{i}" for i in range(60)]
    rows = [
        (side, TrueRow(name, 1.0, 5.0) if side == 0 else PredRow(name, 1.0, 7.0)) for name in ids for side in (0, 1)
    ]
    rng.shuffle(rows)
    for side, row in rows:
        number = rng.randrange(N)
        there, applied = topics[side][number], partitions[number].view.checkpoint.input_offsets[side]
        if there and there[-1][1] is None and len(there) - 1 > applied and rng.random() < 0.5:
            there[-1][0].append(row)
        else:
            there.append(([row], None))
        rng.choice(partitions).decide(rng.randint(1, 3), now=10.0)
        rng.choice(partitions).send(rng)
    for _ in range(400):
        for each in partitions:
            each.send(rng)
        are_sent = all(each.forwarded == len(each.log) - 1 for each in partitions)
        moved = [each.decide(3, now=10.0) for each in partitions]
        if are_sent and not any(moved):
            break

    records = [(each.number, decision.decode(value)) for each in partitions for value in each.log]
    verdicts = [(number, ending) for number, record in records for ending in endings_of(record)]
    assert Counter(ending.id for _, ending in verdicts) == Counter(ids)
    assert {ending.verdict for _, ending in verdicts} == {"matched"}
    assert all(partition_of(ending.id, N) == number for number, ending in verdicts), "each in its own partition"
    counts = [each.view.checkpoint.counts for each in partitions]
    assert sum(count.duplicates + count.conflicts + count.late for count in counts) == 0, "no copy is taken for a row"
    n_misplaced = sum(
        partition_of(row.id, N) != number
        for side in topics
        for number, part in enumerate(side)
        for given_rows, origin in part
        if origin is None
        for row in given_rows
    )
    assert sum(count.forwarded for count in counts) == n_misplaced > 0
