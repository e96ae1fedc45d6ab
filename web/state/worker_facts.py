"""What this worker knows now, as plain numbers: counts, rates, partitions. Read from the owners, once a second."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import NamedTuple

from agents import readiness
from agents.insight.database import InsightError
from agents.worker import Worker
from streams.faust_app import names
from streams.join.decision import NOWHERE_TS, Counts
from streams.table.owner import Owner
from streams.table.restore import Progress, restoring
from web.state.score_metrics import of_all
from web.state.status import OwnStatus, Partition
from web.state.topic_ends import Ends

RATE_OVER_S = 10.0
_MOST_MODELS = 1000


class _Errors(NamedTuple):
    mae: float | None
    n_left_out: int


class Facts:
    """The counts of this worker's partitions, how fast they grow, and where its partitions stand."""

    def __init__(self, worker: Worker, ends: Ends):
        self.worker, self.ends = worker, ends
        self.started_at = time.time()
        self._seen: deque[tuple[float, dict[str, int]]] = deque()
        self._owned: set[int] = set()

    async def run(self) -> None:
        """Watch the counts and Kafka, for as long as the worker runs."""
        while True:
            self._look()
            await asyncio.sleep(1.0)

    def _look(self) -> None:
        now = time.monotonic()
        owned = set(self.worker.pairs.owners)
        if self._owned != owned:  # what other partitions counted before is no rate of ours
            self._owned = owned
            self._seen.clear()
        self._seen.append((now, self._totals()))
        while now - self._seen[0][0] > RATE_OVER_S:
            self._seen.popleft()

    def _totals(self) -> dict[str, int]:
        counts, log = self.counts(), self.worker.plotting.log
        return {
            "rows": counts.rows_true + counts.rows_pred,
            "matched": counts.matched,
            "predicted": self.worker.predicting.n_predicted,
            "logged": log.state.n_matched if log else 0,
        }

    def rates(self) -> dict[str, float]:
        """Return what each stage did a second, over the last seconds."""
        if not self._seen:
            return dict.fromkeys(("rows", "matched", "predicted", "logged"), 0.0)
        (then, before), (now, after) = self._seen[0], self._seen[-1]
        took = max(now - then, 1e-9)
        return {name: round(max(0.0, (after[name] - before[name]) / took), 1) for name in after}

    def counts(self) -> Counts:
        """Return the sum of the counts of our partitions."""
        return Counts.together(owner.store.checkpoint.counts for owner in self.worker.pairs.owners.values())

    async def status(self) -> OwnStatus:
        """Return what this worker tells of itself."""
        counts, rates, errors = self.counts(), self.rates(), await self._errors()
        owners = self.worker.pairs.owners.values()
        return OwnStatus(
            rows_in=counts.rows_in,
            rows_per_s=rates["rows"],
            matched=counts.matched,
            matched_per_s=rates["matched"],
            predicted_per_s=rates["predicted"],
            logged_per_s=rates["logged"],
            waiting=counts.waiting,
            unmatched=counts.unmatched_true + counts.unmatched_pred,
            unmatched_true=counts.unmatched_true,
            unmatched_pred=counts.unmatched_pred,
            duplicates=counts.duplicates,
            conflicts=counts.conflicts,
            late=counts.late,
            forwarded=counts.forwarded,
            difference=sum(abs(n) for owner in owners for n in owner.store.checkpoint.differences().values()),
            quarantined=self.ends.quarantined(),
            mae=errors.mae,
            n_left_out=errors.n_left_out,
            event_time=self.event_time(),
            started_at=self.started_at,
            at=time.time(),
            problems=readiness.problems(self.worker),
            partitions=self.partitions(),
            unreadable=list(self.worker.unreadable),
            firing=self.worker.alerting.firing() if self.worker.alerting else [],
            verdict=self.worker.alerting.verdict if self.worker.alerting else None,
            models=[model.label for model in self.worker.predicting.models],
        )

    async def _errors(self) -> _Errors:
        """Return what insight.db says of all labels, if this worker writes it; nothing while it cannot be read."""
        if not self.worker.writes_the_log():
            return _Errors(None, 0)
        try:
            totals = await self.worker.answers.totals(_MOST_MODELS)
        except InsightError:  # which readiness says
            return _Errors(None, 0)
        return _Errors(of_all(totals).get("mae"), sum(total.n_left_out for total in totals))

    def event_time(self) -> float | None:
        """Return the largest ts seen of any row."""
        seen = [
            ts for owner in self.worker.pairs.owners.values() for ts in owner.store.checkpoint.ts if ts > NOWHERE_TS
        ]
        return max(seen, default=None)

    def partitions(self) -> list[Partition]:
        """Return where each of our partitions stands, those that are still being restored included."""
        being = [_being_restored(p, progress) for p, progress in restoring.items() if p not in self.worker.pairs.owners]
        return being + [self._partition(p, owner) for p, owner in sorted(self.worker.pairs.owners.items())]

    def _partition(self, partition: int, owner: Owner) -> Partition:
        checkpoint = owner.store.checkpoint
        ends = [self.ends.end(topic, partition) for topic in (names.y_true, names.y_pred)]
        known = [
            end - 1 - input_offsets
            for end, input_offsets in zip(ends, checkpoint.input_offsets, strict=True)
            if end is not None
        ]
        return Partition(
            partition,
            "waiting for Kafka" if owner.problem else "ready",
            owner.problem,
            lag=max(0, sum(known)) if known else None,
            rows_in=checkpoint.counts.rows_in,
            waiting=checkpoint.counts.waiting,
            difference=checkpoint.counts.difference(),
            log_offset=checkpoint.offset,
            last_commit_at=owner.last_commit_at or None,
            n_fenced=owner.n_fenced,
        )


def _being_restored(partition: int, progress: Progress) -> Partition:
    share = progress.share()
    return Partition(partition, f"restoring {share:.0%}", restored=share)
