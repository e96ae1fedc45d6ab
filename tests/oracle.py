"""What the join must answer, said again as plainly as it can be: dicts, a row at a time, nothing of the program's own.

Two references. `Oracle` is the whole rule, clock and watermark included. `matched_pairs` is for rows that nothing is
late for: an inner join of two tables by id.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

Side = Literal["true", "pred"]
OTHER: dict[Side, Side] = {"true": "pred", "pred": "true"}
MAX_DELAY_S = 24 * 3600.0
NEVER = float("-inf")


class Row(NamedTuple):
    """One row of either input. `ts`: when it happened, UTC epoch seconds. `model`: which made a prediction, if it says so."""

    side: Side
    id: str
    ts: float
    y: float
    model: str | None = None


class Ending(NamedTuple):
    """How one id ended. `at`: when it was decided, UTC epoch seconds."""

    id: str
    verdict: str
    at: float
    y_true: float | None = None
    y_pred: float | None = None
    ts_true: float | None = None
    ts_pred: float | None = None
    model: str | None = None
    challenger: bool = False


class Waiting(NamedTuple):
    """An id whose other side has not come. `at`: when the row was read."""

    row: Row
    at: float


class Oracle:
    """The join of one partition, in seconds. `read` takes the rows of one Kafka record, `tick` ends each batch."""

    def __init__(self, window_s: float, max_out_of_orderness_s: float, horizon_s: float):
        self.window_s, self.max_out_of_orderness_s, self.horizon_s = window_s, max_out_of_orderness_s, horizon_s
        self.newest: dict[Side, float] = {"true": NEVER, "pred": NEVER}
        self.waiting: dict[str, Waiting] = {}
        self.ended: dict[str, Ending] = {}
        self.endings: list[Ending] = []
        self.counts: Counter[str] = Counter()

    @property
    def watermark(self) -> float:
        """What both inputs have passed, so that nothing older is expected."""
        return min(self.newest.values()) - self.max_out_of_orderness_s

    def read(self, side: Side, rows: Iterable[Row], now: float) -> None:
        """Take one Kafka record. The watermark stands still in it, and a ts ahead of the clock does not move it."""
        watermark = self.watermark
        for row in rows:
            self.counts["rows_" + side] += 1
            self.newest[side] = max(self.newest[side], min(row.ts, now))
            self._take(row, watermark, now)

    def _take(self, row: Row, watermark: float, now: float) -> None:
        waiting = self.waiting.get(row.id)
        if waiting and waiting.row.side != row.side and waiting.row.ts + self.window_s < watermark:
            self._end_unmatched(row.id, now)
        if row.id in self.ended:
            ending = self.ended[row.id]
            self._count_further(ending.y_true if row.side == "true" else ending.y_pred, row.y)
        elif row.id not in self.waiting:
            self.waiting[row.id] = Waiting(row, now)
        else:
            self._meet(self.waiting[row.id].row, row, now)

    def _meet(self, first: Row, second: Row, now: float) -> None:
        if first.side == second.side:
            self._count_further(first.y, second.y)
        elif abs(first.ts - second.ts) > self.window_s:
            self._count_further(None, second.y)
        else:
            true, pred = (first, second) if first.side == "true" else (second, first)
            self._end(Ending(first.id, "matched", now, true.y, pred.y, true.ts, pred.ts))

    def _count_further(self, first: float | None, y: float) -> None:
        """Count a row that changes nothing, by the value that its side has already; None: it has none, it is late."""
        self.counts[
            "late" if first is None else "duplicates" if math.isclose(first, y, rel_tol=1e-9) else "conflicts"
        ] += 1

    def tick(self, now: float, idle: Collection[Side] = ()) -> None:
        """End what has waited long enough, and forget old endings."""
        for id_, (row, at) in list(self.waiting.items()):
            by_event_time = row.ts + self.window_s < self.watermark
            wait_s = self.window_s + self.max_out_of_orderness_s + (0 if OTHER[row.side] in idle else MAX_DELAY_S)
            if by_event_time or at + wait_s < now:
                self._end_unmatched(id_, now)
        self.ended = {id_: ending for id_, ending in self.ended.items() if ending.at + self.horizon_s >= now}

    def _end_unmatched(self, id_: str, now: float) -> None:
        side, _, ts, y, _ = self.waiting[id_].row
        if side == "true":
            self._end(Ending(id_, "unmatched_true", now, y_true=y, ts_true=ts))
        else:
            self._end(Ending(id_, "unmatched_pred", now, y_pred=y, ts_pred=ts))

    def _end(self, ending: Ending) -> None:
        del self.waiting[ending.id]
        self.counts[ending.verdict] += 1
        self.ended[ending.id] = ending
        self.endings.append(ending)


def matched_pairs(rows: Iterable[Row], window_s: float) -> dict[str, tuple[float, float]]:
    """Return (y_true, y_pred) of each id whose first truth and first prediction lie within the window."""
    first: dict[Side, dict[str, Row]] = {"true": {}, "pred": {}}
    for row in rows:
        first[row.side].setdefault(row.id, row)
    true, pred = first["true"], first["pred"]
    return {
        id_: (true[id_].y, pred[id_].y)
        for id_ in true.keys() & pred.keys()
        if abs(true[id_].ts - pred[id_].ts) <= window_s
    }
