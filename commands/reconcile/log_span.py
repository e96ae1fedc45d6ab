"""One partition of the decision log: where the span begins and ends, and whether its counts add up. Pure."""

from __future__ import annotations

from collections import Counter

import msgspec

from commands.reconcile.listings import Listing, Listings
from commands.reconcile.placings import Placings
from streams.join.decision import Checkpoint, Counts, Decision, checkpoint_after

ENDS = ("matched", "unmatched_true", "unmatched_pred")


class LogPart(msgspec.Struct):
    """One partition's log, from offset `first` on; `input_first` are the first offsets that the inputs still have.

    `confirming_to` is where the log ended before the topic `metric` was looked at: that topic has the verdicts of all
    records up to `confirmed`, which is what the last record before that end says.
    The span is what lies behind `start`, up to `end`. A start of None is the very beginning. `n_verdicts`, `n_rows` (of
    y_true and y_pred in Kafka) and `n_unreadable` are of the span.
    """

    partition: int
    first: int
    input_first: tuple[int, int]
    confirming_to: int
    start: Checkpoint | None = None
    end: Checkpoint | None = None
    last: Counts | None = None
    confirmed: int = -1
    n_verdicts: Counter[str] = msgspec.field(default_factory=Counter)
    n_rows: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    n_unreadable: int = 0
    n_foreign: int = 0
    """Rows of other partitions that lie in this one, of the span."""
    listings: Listings = msgspec.field(default_factory=Listings)
    placings: Placings = msgspec.field(default_factory=Placings)
    _applied: list[int] = msgspec.field(default_factory=lambda: [-1, -1])

    @property
    def is_whole(self) -> bool:
        """Whether log and inputs are there from their beginning."""
        return self.first == 0 and self.input_first == (0, 0)

    def take(
        self, offset: int, decided: Decision, verdicts: Counter[str], start: float | None, end: float | None
    ) -> list[str]:
        """Take the next valid record; return what is wrong with it.

        Args:
            verdicts: how many verdicts of each kind it holds.
            start: decisions before this time are not of the span, as far as the inputs are kept.
            end: decisions from this time on are not of the span.
        """
        wrong = self._check(offset, decided.checkpoint, verdicts)
        self.listings.take(offset, self._applied, Listing.of(decided.checkpoint))
        self.placings.take(offset, self._applied, decided.checkpoint.partitions)
        self._applied = decided.checkpoint.input_offsets
        if offset < self.confirming_to:
            self.confirmed = decided.checkpoint.confirmed
        if end is not None and decided.at >= end:
            return wrong
        checkpoint = checkpoint_after(decided, offset)
        self.end = checkpoint
        self.n_verdicts += verdicts
        if self._may_begin(checkpoint) and (decided.at < start if start is not None else self._needs_start):
            self.start = checkpoint
            self.n_verdicts = Counter()
        return wrong

    def before(self) -> Counts:
        """Return the counts that the span begins with."""
        return self.start.counts if self.start else Counts()

    def after(self) -> Counts:
        """Return the counts that the span ends with."""
        return self.end.counts if self.end else Counts()

    def inputs(self, side: int) -> tuple[int, int]:
        """Return the first offset of an input in the span, and the one after its last."""
        begin = self.start.input_offsets[side] + 1 if self.start else self.input_first[side]
        return begin, self.end.input_offsets[side] + 1 if self.end else begin

    @property
    def _needs_start(self) -> bool:
        return not self.is_whole and self.start is None

    def _may_begin(self, checkpoint: Checkpoint) -> bool:
        return all(
            input_offsets + 1 >= first
            for input_offsets, first in zip(checkpoint.input_offsets, self.input_first, strict=True)
        )

    def _check(self, offset: int, after: Checkpoint, verdicts: Counter[str]) -> list[str]:
        counts = after.counts
        before = self.last or (Counts() if self.first == 0 else None)
        self.last = counts
        where = f"the decision at offset {offset} of partition {self.partition}"
        wrong = [
            f"{where} leaves {n:+,} rows unaccounted for{f' of the model {model}' if model else ''}"
            for model, n in after.differences().items()
        ]
        for name in ENDS if before else ():
            n_counted = getattr(counts, name) - getattr(before, name)
            if n_counted != verdicts[name]:
                wrong.append(f"{where} counts {n_counted:,} {name}, but holds {verdicts[name]:,} such verdicts")
        return wrong
