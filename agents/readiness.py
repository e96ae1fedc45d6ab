"""What is wrong with this worker, by name: the rest of the program reports here, /readyz and the pages read it.

One line reports, one takes back:

    health.problems["picture"] = "logs/error_distribution.png cannot be drawn: the disk is full."
    health.problems.pop("picture", None)
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.faust_app import settings
from streams.table.owner import Owner

problems: dict[str, str] = {"kafka": ""}
"""One sentence for each part that does not work now; an empty one where it works."""


class Check(NamedTuple):
    """One line of /readyz."""

    name: str
    ok: bool
    sentence: str


def agent(name: str) -> Any:
    """Return the module of an agent, None if this worker does not run it or has not set it up yet."""
    if name not in settings.agents:
        return None
    module = importlib.import_module(f"agents.{name}")
    made = {"metric": "joining", "plot": "plotting", "model": "predicting"}[name]
    return module if hasattr(module, made) else None


def checks() -> list[Check]:
    """Return how each part of this worker stands."""
    found = [_check(name, sentence) for name, sentence in problems.items()]
    if "model" in settings.agents:
        found += _model()
    if "metric" in settings.agents:
        found += _metric()
    if "plot" in settings.agents:
        found += _plot()
    return found


def _check(name: str, problem: str, fine: str = "Works.") -> Check:
    return Check(name, not problem, problem or fine)


def _model() -> list[Check]:
    model = agent("model")
    if model is None:
        return [_check("model", "The model is not loaded yet.")]
    return [_check("model", model.predicting.writer.problem, f"{model.predicting.model.name} predicts.")]


def _metric() -> list[Check]:
    metric = agent("metric")
    if metric is None:
        return [_check("table", "Kafka does not answer: the table `pairs` waits for it.")]
    pairs, joining = metric.pairs, metric.joining
    held = sorted(pairs.owners)
    if held:
        found = [_check("table", "", f"Partitions {held} are ours and ready.")]
    elif pairs.standby_partitions:
        found = [_check("table", "", f"No partition is ours; standby for {pairs.standby_partitions}.")]
    else:
        found = [_check("table", "No partition is ready: the table is being restored, or Kafka assigns it anew.")]
    found += [_check(f"partition {p}", owner.problem) for p, owner in sorted(pairs.owners.items()) if owner.problem]
    return [
        *found,
        _check("ledger", ledger(pairs.owners), "Every row read is accounted for."),
        _check("verdicts", joining.outbox.problem, "Kafka takes the verdicts."),
        _check("quarantine", joining.writer.problem, "Kafka takes what cannot be read."),
    ]


def ledger(owners: Mapping[int, Owner]) -> str:
    """Return how the law of rows is broken, partition by partition; an empty string if it holds."""
    off = {p: owner.store.checkpoint.counts.difference() for p, owner in sorted(owners.items())}
    broken = [f"partition {p} by {n:+,} rows" for p, n in off.items() if n]
    if not broken:
        return ""
    return (
        f"Rows in less rows accounted for is not 0: {', '.join(broken)}. Rows were lost or counted twice: a defect, or "
        "a decision log that somebody wrote to. `faust -A streams reconcile` names the ids."
    )


def _plot() -> list[Check]:
    plot = agent("plot")
    if plot is None:
        return [_check("metric log", "Kafka does not answer: the metric log waits for it.")]
    return [
        _check("metric log", plot.plotting.problem, "The disk takes the metric log."),
        _check("picture", plot.plotting.picture_problem, "The picture is drawn."),
    ]
