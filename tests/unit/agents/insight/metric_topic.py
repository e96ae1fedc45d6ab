"""Records of the topic `metric` as the join makes them, by chance: chained by partition, with verdicts and a report."""

from __future__ import annotations

import random

from streams.wire.verdicts import Arrivals, Report, Verdict, VerdictRecord
from tests.unit.agents.insight.worlds import NOON

MODELS = ("ridge", "forest", None)


class Join:
    """Decides in several partitions; each decision has its offset, at times behind some that nobody is told of."""

    def __init__(self, seed: int, n_partitions: int = 2) -> None:
        self._rng = random.Random(seed)
        self._last = dict.fromkeys(range(n_partitions), -1)
        self._newest = dict.fromkeys(range(n_partitions), NOON - 900.0)
        self.now = NOON

    def decide(self, partition: int) -> VerdictRecord:
        """Return the record of a decision."""
        rng = self._rng
        self.now += rng.uniform(0, 20)
        self._newest[partition] = max(self._newest[partition], self.now - rng.uniform(0, 900))
        previous, offset = self._last[partition], self._last[partition] + rng.randint(1, 3)
        self._last[partition] = offset
        rows = [self._verdict(f"{partition}-{offset}-{i}") for i in range(rng.randint(0, 4))]
        report = Report(self.now, self._newest[partition], rng.choice((0, 0, 2)), [*map(self._arrivals, MODELS[:2])])
        return VerdictRecord("log", partition, offset, previous, rows, report)

    def _arrivals(self, model: str | None) -> Arrivals:
        seconds = sorted({int(self.now - self._rng.uniform(0, 90)) for _ in range(self._rng.randint(0, 3))})
        counts = [[self._rng.randint(0, 3) for _ in seconds] for _ in range(2)]
        return Arrivals(model, seconds, *counts)

    def _verdict(self, name: str) -> Verdict:
        rng = self._rng
        y, ts, model = rng.gauss(10, 3), self.now - rng.uniform(0, 3600), rng.choice(MODELS)
        lone = rng.random()
        if lone < 0.15:
            return Verdict(name, "unmatched_true", self.now, y_true=y, ts_true=ts)
        if lone < 0.3:
            return Verdict(name, "unmatched_pred", self.now, y_pred=y, ts_pred=ts, model=model)
        ts_true = min(ts + rng.lognormvariate(5, 1) - 5, self.now)
        return Verdict(name, "matched", self.now, y, y + rng.gauss(0, 1), ts_true, ts, model)
