"""The figures of one worker, and of all of them together: what they tell each other, the API and the pages. Pure."""

from __future__ import annotations

import msgspec

from streams.scores.verdict import Verdict
from streams.wire.checked import Finite, Natural, Share, Size, Time
from web.state.bridge_state import BridgeState


class Partition(msgspec.Struct):
    """One partition of the table: how it stands, and with whom. What is not known now is None.

    `restored` is the share that is read back, while it is; `difference` is rows in less rows accounted for: 0, always.
    """

    partition: Natural
    state: str
    problem: str = ""
    lag: int | None = None
    rows_in: int | None = None
    waiting: int | None = None
    difference: int | None = None
    log_offset: int | None = None
    last_commit_at: Time | None = None
    n_fenced: int = 0
    restored: Share | None = None
    worker: str = ""


class OwnStatus(msgspec.Struct):
    """Counts since the start, rates of the last seconds, and what does not work, of one worker.

    `quarantined` counts Kafka records that nobody requeued or dropped; `event_time` is the largest ts of any row. `mae` is
    of all labels that are counted but those `n_left_out`, which are too large to score. `unreadable` has a sentence for each
    kind of rows that came lately and cannot be read, the same at every worker. `firing` are the alerts that have fired and
    are not resolved, a sentence each; `verdict` says how the model does against its reference, None where nobody looks.
    `models` are those that this worker predicts with.
    """

    rows_in: int
    rows_per_s: Size
    matched: int
    matched_per_s: Size
    predicted_per_s: Size
    logged_per_s: Size
    waiting: int
    unmatched: int
    unmatched_true: int
    unmatched_pred: int
    duplicates: int
    conflicts: int
    late: int
    forwarded: int
    difference: int
    quarantined: int | None
    mae: Size | None
    n_left_out: Natural
    event_time: Finite | None
    started_at: Time
    at: Time
    problems: list[str]
    partitions: list[Partition]
    unreadable: list[str] = []
    firing: list[str] = []
    verdict: Verdict | None = None
    models: list[str] = []


SUMMED = (
    "rows_in",
    "rows_per_s",
    "matched",
    "matched_per_s",
    "predicted_per_s",
    "logged_per_s",
    "waiting",
    "unmatched",
    "unmatched_true",
    "unmatched_pred",
    "duplicates",
    "conflicts",
    "late",
    "forwarded",
    "difference",
    "n_left_out",
)


class Status(OwnStatus, kw_only=True):
    """Sums over all workers that answered; `silent` says of the others why not: sums are at least the numbers given.

    `worker` is who answers, `workers` are all. `bridge` is what that worker sees of it, None without queues; `notices`
    are what should be known of it. `models` are all that predict, `models_of` those of each worker.
    """

    worker: str
    workers: list[str]
    silent: dict[str, str]
    bridge: BridgeState | None
    notices: list[str]
    models_of: dict[str, list[str]] = {}

    def add(self, url: str, part: OwnStatus) -> None:
        """Count in what another worker says."""
        for name in SUMMED:
            total = getattr(self, name) + getattr(part, name)
            setattr(self, name, round(total, 1) if name.endswith("_per_s") else total)
        for partition in part.partitions:
            partition.worker = url
        self.partitions = sorted([*self.partitions, *part.partitions], key=lambda each: each.partition)
        self.event_time = max((ts for ts in (self.event_time, part.event_time) if ts is not None), default=None)
        self.mae = part.mae if self.mae is None else self.mae
        self.firing += part.firing
        self.models_of[url] = part.models
        self.models = sorted({*self.models, *part.models})
        self.verdict = self.verdict or part.verdict
        self.problems += [f"{url}: {sentence}" for sentence in part.problems]
