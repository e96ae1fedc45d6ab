"""/metrics: the worker's numbers in Prometheus's form, read from the owners when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents import readiness
from streams.faust_app import names
from streams.join.decision import Counts
from web.state.worker_facts import Facts

COUNTED = (
    "rows_true",
    "rows_pred",
    "fanned_out",
    "matched",
    "unmatched_true",
    "unmatched_pred",
    "duplicates",
    "conflicts",
    "late",
    "waiting",
    "unreadable",
    "forwarded",
)
"""The counts of a partition that are shown."""


class WorkerCollector(Collector):
    """Reads the facts at each scrape; keeps nothing."""

    def __init__(self, facts: Facts):
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Yield one metric family after the other."""
        yield from self._of_partitions()
        yield from self._of_the_worker()
        yield from self._of_kafka()

    def _of_partitions(self) -> Iterator[Metric]:
        held = sorted(self._facts.worker.pairs.owners.items())
        rows = CounterMetricFamily(
            "hindsight_rows", "Rows of the join, by where they went.", labels=["partition", "as"]
        )
        waiting = GaugeMetricFamily(
            "hindsight_waiting_ids", "Ids that are waiting for their other side.", labels=["partition"]
        )
        evicted = CounterMetricFamily(
            "hindsight_evicted_ids", "Ids that ended early because too many were waiting.", labels=["partition"]
        )
        hurried = CounterMetricFamily(
            "hindsight_hurried_ids", "The former name of hindsight_evicted_ids.", labels=["partition"]
        )
        lag = GaugeMetricFamily("hindsight_join_lag_records", "Kafka records not joined yet.", labels=["partition"])
        fenced = GaugeMetricFamily("hindsight_fenced", "Decisions appended behind another's.", labels=["partition"])
        offset = GaugeMetricFamily("hindsight_log_offset", "Last offset of the decision log.", labels=["partition"])
        off = GaugeMetricFamily(
            "hindsight_ledger_difference_rows", "Rows in minus rows accounted for: always 0.", labels=["partition"]
        )
        for p, owner in held:
            off.add_metric([str(p)], sum(map(abs, owner.store.checkpoint.differences().values())))
            for name in COUNTED:
                if name != "waiting":
                    rows.add_metric([str(p), name], getattr(owner.store.checkpoint.counts, name))
            waiting.add_metric([str(p)], owner.store.checkpoint.counts.waiting)
            for family in (evicted, hurried):
                family.add_metric([str(p)], owner.store.checkpoint.counts.evicted)
            fenced.add_metric([str(p)], owner.n_fenced)
            offset.add_metric([str(p)], owner.store.checkpoint.offset)
        for facts in self._facts.partitions():
            if facts.lag is not None:
                lag.add_metric([str(facts.partition)], facts.lag)
        yield from (rows, waiting, off, evicted, hurried, lag, fenced, offset)
        yield from _of_models([owner.store.checkpoint.by_model for _, owner in held])

    def _of_the_worker(self) -> Iterator[Metric]:
        rates, worker = self._facts.rates(), self._facts.worker
        yield GaugeMetricFamily("hindsight_rows_per_second", "Rows joined per second, recently.", rates["rows"])
        yield GaugeMetricFamily("hindsight_matched_per_second", "Pairs matched per second, recently.", rates["matched"])
        ready = GaugeMetricFamily("hindsight_check_ok", "1 if the part works.", labels=["check"])
        for check in readiness.checks(worker):
            ready.add_metric([check.name], float(check.ok))
        yield ready
        if worker.runs("metric"):
            yield GaugeMetricFamily(
                "hindsight_outbox_bytes",
                "Bytes of verdicts that wait for the topic metric.",
                worker.joining.outbox.n_bytes,
            )
        if worker.runs("model"):
            yield CounterMetricFamily("hindsight_predicted_rows", "Rows predicted.", worker.predicting.n_predicted)
            yield CounterMetricFamily("hindsight_refused_rows", "Rows not predicted.", worker.predicting.n_refused)
        log = worker.plotting.log
        if log:
            yield CounterMetricFamily("hindsight_logged_pairs", "Pairs in the metric log.", log.state.n_matched)

    def _of_kafka(self) -> Iterator[Metric]:
        quarantined = self._facts.ends.kept(names.quarantine)
        if quarantined is not None:
            yield GaugeMetricFamily("hindsight_quarantined", "Records in the topic quarantine.", quarantined)
            yield GaugeMetricFamily(
                "hindsight_quarantine_open",
                "Those of them that nobody has requeued or dropped.",
                self._facts.ends.quarantined(),
            )
            yield CounterMetricFamily(
                "hindsight_quarantine_removed",
                "Records that Kafka removed: HINDSIGHT_MAX_QUARANTINE_BYTES.",
                self._facts.ends.removed(names.quarantine),
            )
        behind = GaugeMetricFamily("hindsight_topic_lag_records", "Records not committed yet.", labels=["topic"])
        for topic in (names.features, names.y_true, names.y_pred, names.metric):
            lag = self._facts.ends.lag(topic)
            if lag is not None:
                behind.add_metric([topic.name], lag)
        yield behind


def registry(facts: Facts) -> CollectorRegistry:
    """Return a registry that holds this worker's numbers."""
    made = CollectorRegistry()
    made.register(WorkerCollector(facts))
    return made


def _of_models(by_partition: Sequence[Mapping[str, Counts]]) -> Iterator[Metric]:
    """Yield where the rows of each listed model went; nothing while none are listed."""
    rows = CounterMetricFamily(
        "hindsight_model_rows", "Rows of the join of one listed model, by where they went.", labels=["model", "as"]
    )
    waiting = GaugeMetricFamily(
        "hindsight_model_waiting_ids", "Ids that are waiting, of one listed model.", labels=["model"]
    )
    for model in sorted({name for counts in by_partition for name in counts}):
        total = Counts.together(counts[model] for counts in by_partition if model in counts)
        for name in COUNTED:
            n = getattr(total, name)
            if name == "waiting":
                waiting.add_metric([model], n)
            elif name not in ("unreadable", "forwarded", "fanned_out"):
                rows.add_metric([model, name], n)
    if rows.samples:
        yield from (rows, waiting)
