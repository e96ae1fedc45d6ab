"""From records to cells: the same however many rows are summed up at once, and in whichever way."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import pytest

from agents.insight import records as made_of_records
from agents.insight.matched import Matched
from agents.insight.records import cells_of
from agents.insight.series import Series
from agents.insight.store import Frame
from streams.scores.cells import Cells
from streams.wire.verdicts import VerdictRecord
from tests.unit.agents.insight.metric_topic import Join
from tests.unit.agents.insight.worlds import FRAME, assert_same


class Numbers:
    """Numbers of series, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.known: dict[Series, int] = {}

    def of(self, series: Series) -> int:
        return self.known.setdefault(series, len(self.known))

    def cells(self, records: Sequence[VerdictRecord], frame: Frame) -> list[Cells]:
        """Return the cells of each axis, which have bins of their own."""
        by_bins = defaultdict[int, list[Cells]](list)
        for part in cells_of(records, Matched.of(records, frame.clock), frame, self.of):
            by_bins[part.n.shape[1]].append(part)
        return [Cells.merge(by_bins[n_bins]) for n_bins in sorted(by_bins)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("clock", ["arrival", "event"])
def test_rows_of_many_slices_sum_up_to_what_those_of_few_do(seed, clock):
    join, frame, numbers = Join(seed), FRAME._replace(clock=clock), Numbers()
    records = [join.decide(random.Random(seed).randrange(2)) for _ in range(40)]
    found = []
    for most in (0, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(made_of_records, "FEW_SLICES", most)
            found.append(numbers.cells(records, frame))
    for one, other in zip(*found, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("clock", ["arrival", "event"])
def test_records_sum_up_to_the_same_one_by_one(clock):
    join, frame, numbers = Join(7), FRAME._replace(clock=clock), Numbers()
    records = [join.decide(i % 2) for i in range(30)]
    whole, by_bins = numbers.cells(records, frame), defaultdict[int, list[Cells]](list)
    for record in records:
        for one in numbers.cells([record], frame):
            by_bins[one.n.shape[1]].append(one)
    assert sum(int(cells.n.sum()) for cells in whole) == 2 * sum(
        row.verdict == "matched" for record in records for row in record.rows
    )
    for expected in whole:
        assert_same(Cells.merge(by_bins[expected.n.shape[1]]), expected)


def test_nothing_makes_no_cells():
    assert Numbers().cells([], FRAME) == []
