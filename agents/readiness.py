"""How each part of a worker stands, a line each: what /readyz and the pages say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from agents.worker import Worker
from streams.process.link import Link
from streams.table.owner import Owner


class Check(NamedTuple):
    """One line of /readyz. Rows of others that cannot be read are told, and are no reason to send the worker away."""

    name: str
    ok: bool
    sentence: str


def checks(worker: Worker) -> list[Check]:
    """Return how each part of a worker stands."""
    found = [_check(name, sentence) for name, sentence in worker.problems.items()]
    found += [_check(name, sentence) for name, sentence in worker.children.problems.items()]
    found += [Check("rows that cannot be read", True, sentence) for sentence in worker.unreadable]
    if "model" in worker.settings.agents:
        found.append(_model(worker))
    if "metric" in worker.settings.agents:
        found += _metric(worker)
    if "plot" in worker.settings.agents:
        found += _plot(worker)
    if worker.settings.has_bridge_inside:
        found += _bridge(worker)
    return found


def problems(worker: Worker) -> list[str]:
    """Return in sentences what does not work; that Kafka is away is one, not one for each part that waits for it."""
    failed = [check for check in checks(worker) if not check.ok]
    if worker.problems["kafka"]:
        failed = [check for check in failed if not _waits_for_kafka(check)]
    partitions = [check for check in failed if _is_of_partition(check)]
    said = [check.sentence for check in failed if not _is_of_partition(check)]
    if len(partitions) > 1:
        return [*said, f"{len(partitions)} partitions wait for Kafka. The first: {partitions[0].sentence}"]
    return [*said, *(check.sentence for check in partitions)]


def _waits_for_kafka(check: Check) -> bool:
    waits = check.name in ("model", "table", "verdicts", "quarantine", "metric log") and "Kafka" in check.sentence
    return waits or _is_of_partition(check)


def _is_of_partition(check: Check) -> bool:
    return check.name.startswith("partition ")


def _check(name: str, problem: str, fine: str = "Works.") -> Check:
    return Check(name, not problem, problem or fine)


def _model(worker: Worker) -> Check:
    predicting = worker.predicting
    names = " and ".join(model.label for model in predicting.models) or "The model"
    return _check("model", predicting.problem, f"{names} predict{'s' if len(predicting.models) < 2 else ''}.")


def _metric(worker: Worker) -> list[Check]:
    if not worker.is_started:
        return [_check("table", "Kafka does not answer: the table `pairs` waits for it.")]
    pairs, joining = worker.pairs, worker.joining
    held = sorted(pairs.owners)
    if held:
        found = [_check("table", "", f"Partitions {held} are ours and ready.")]
    elif pairs.standby_partitions:
        found = [_check("table", "", f"No partition is ours; standby for {pairs.standby_partitions}.")]
    else:
        found = [_check("table", "No partition is ready: the table is being restored, or Kafka is reassigning it.")]
    found += [_check(f"partition {p}", owner.problem) for p, owner in sorted(pairs.owners.items()) if owner.problem]
    return [
        *found,
        _check("ledger", ledger(pairs.owners), "Every row read is accounted for."),
        _check("verdicts", joining.outbox.problem, "Kafka accepts the verdicts."),
        _check("quarantine", joining.producer.problem, "Kafka accepts what cannot be read."),
    ]


def ledger(owners: Mapping[int, Owner]) -> str:
    """Return how the invariant of rows is broken, partition by partition; an empty string if it holds."""
    off = [(p, *one) for p, owner in sorted(owners.items()) for one in owner.store.checkpoint.differences().items()]
    broken = [f"partition {p}{f' and model {model}' if model else ''} by {n:+,} rows" for p, model, n in off]
    if not broken:
        return ""
    return (
        f"Rows in less rows accounted for is not 0: {', '.join(broken)}. Rows were lost or counted twice: a defect, or "
        "a decision log that somebody wrote to. `faust -A streams reconcile` names the ids."
    )


def _plot(worker: Worker) -> list[Check]:
    if not worker.is_started:
        return [_check("metric log", "Kafka does not answer: the metric log waits for it.")]
    alerting, filing = worker.alerting, worker.filing
    return [
        *(
            [_check("alerts", alerting.problem, "The rules are looked at.")]
            if alerting and alerting.alerts.rules
            else []
        ),
        _check("metric log", worker.plotting.link.problem, "The metric log can be written."),
        _check("figures", worker.feeding.problem, "The figures are counted."),
        *([_check("parquet", filing.problem, "The Parquet files are written.")] if filing else []),
        _check("picture", worker.plotting.picture_link.problem, "The picture is drawn."),
    ]


def _bridge(worker: Worker) -> list[Check]:
    if worker.bridge is None:
        return [_check("bridge", "Kafka does not answer: the bridge waits for it.")]
    links = [Check(f"bridge: {link.name}", link.is_up, _of_link(link)) for link in worker.bridge.links]
    ledgers = [_check(f"bridge: rows of {kind}", one.problem) for kind, one in worker.bridge.ledgers.items()]
    return [*links, *(check for check in ledgers if not check.ok)]


def _of_link(link: Link) -> str:
    return "Works." if link.is_up else link.last_problem or "The bridge is connecting."
