"""Topics get more partitions, and whatever dies on the way: each id that waited is joined, once, and everything adds up."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import confluent_kafka

from tests.e2e.conftest import MakePipeline
from tests.e2e.killed_repartition import POINTS
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

EFFECT_S = 60.0
N = 400
MODELS = ("champion", "challenger")
AT = [
    ("before a record is sent", 1),
    ("once a topic has grown", 1),
    ("between log and table", 4),
    ("between the copy and the deletion", 1),
    ("before a record is sent", 3),
    ("before a topic grows", 3),
    ("once a topic has grown", 3),
    ("before what is unread is read", 1),
    ("before rows are sent on", 1),
    ("once rows are sent on", 1),
    ("once what was unread is read", 1),
]
"""Where it is killed, one after the other, each time at the nth call."""


def write(pipeline: Pipeline, kind: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as others do: with no key, so into any partition."""
    producer = confluent_kafka.Producer({"bootstrap.servers": pipeline.environ["HINDSIGHT_KAFKA"]})
    for row in rows:
        producer.produce(pipeline.environ["HINDSIGHT_NAMESPACE"] + kind, json.dumps({"ts": time.time(), **row}))
    assert producer.flush(EFFECT_S) == 0


def truths(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": f"order-{n}", "y_true": float(n)} for n in numbers]


def predictions(*numbers: int) -> list[dict[str, Any]]:
    return [
        {"id": f"order-{n}", "y_pred": n + 0.5 + k, "model": model} for n in numbers for k, model in enumerate(MODELS)
    ]


def refused(pipeline: Pipeline, *arguments: str) -> str:
    done = pipeline.run_command("repartition", *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def reconcile(pipeline: Pipeline) -> dict[str, Any]:
    done = pipeline.run_command("reconcile", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    broken = [one for one in found["sums"] if not one["holds"]]
    assert (broken, found["strange"], found["unchecked"]) == ([], [], []), done.stdout
    return found


def counts(pipeline: Pipeline) -> dict[str, int]:
    found: dict[str, int] = json.loads(pipeline.run_command("status", "--json").stdout)["join"]["counts"]
    return found


def test_whatever_dies_on_the_way_every_id_that_waited_is_joined_once(make_pipeline: MakePipeline) -> None:
    n_before, n_after = 2, 5  # what lies in one partition goes to several, and to one from several
    pipeline = make_pipeline(
        queues="off", agents="metric,plot", partitions=n_before, join_window_s=3000, models=",".join(MODELS)
    )
    pipeline.start_worker()
    write(pipeline, "y_pred", predictions(*range(300)))
    write(pipeline, "y_true", truths(*range(200), *range(300, N)))
    wait_until(lambda: len(pipeline.metric_rows()) == 200, EFFECT_S, "the first ids are joined")
    write(pipeline, "y_true", [{"id": "order-5", "y_true": -1.0}, *truths(6)])
    wait_until(lambda: counts(pipeline)["duplicates"] == len(MODELS), EFFECT_S, "all rows are read")
    wait_until(lambda: counts(pipeline)["conflicts"] == len(MODELS), EFFECT_S, "all rows are read")
    assert "stop all bridges and workers first" in refused(pipeline, str(n_after), "--yes")
    assert pipeline.worker.stop() == 0
    assert "is no number of partitions" in refused(pipeline, "many", "--yes")
    assert "Kafka cannot take partitions away" in refused(pipeline, "1", "--yes")
    assert "Nothing was done" in refused(pipeline, str(n_after))
    write(pipeline, "y_true", truths(*range(200, 250), 7, 8))
    write(pipeline, "y_pred", [*predictions(*range(300, 320), 9), {"id": "order-1", "no": "value"}])

    died = 0
    for point, nth in AT:
        argv = [sys.executable, "-m", "tests.e2e.killed_repartition", point, str(nth), str(n_after)]
        process = pipeline.new_process("killed", argv)
        process.launch()
        code = process.process.wait(EFFECT_S)
        assert code in (0, -9), process.said
        died += code == -9
        if point == "between the copy and the deletion":
            pipeline.worker.launch()
            assert pipeline.worker.process.wait(EFFECT_S) != 0, "a worker started in the middle of it"
            assert f"repartition {n_after}" in pipeline.worker.said
    assert died >= len(AT) - 3
    done = pipeline.run_command("repartition", str(n_after), "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to do" in pipeline.run_command("repartition", str(n_after)).stdout
    pipeline.environ["HINDSIGHT_PARTITIONS"] = str(n_after)
    reconcile(pipeline)

    worker = pipeline.new_worker("grown", HINDSIGHT_PARTITIONS=str(n_after))
    worker.start("The table `pairs` is ready")
    wait_until(lambda: len(pipeline.metric_rows()) >= 270, EFFECT_S, "what lay unread is joined")
    write(pipeline, "y_true", truths(*range(250, 300), 10))
    write(pipeline, "y_pred", predictions(*range(320, N), 11))
    wait_until(lambda: len(pipeline.metric_rows()) >= N, EFFECT_S, "all are joined")
    wait_until(lambda: counts(pipeline)["duplicates"] == 6 * len(MODELS), EFFECT_S, "all copies are dropped")

    rows = pipeline.metric_rows()
    assert sorted(row["id"] for row in rows) == sorted(f"order-{n}" for n in range(N))
    assert {row["absolute_error"] for row in rows} == {"0.5"}
    assert pipeline.unmatched_rows() == []
    now = counts(pipeline)
    assert (now["waiting"], now["matched"], now["conflicts"]) == (0, N * len(MODELS), len(MODELS))
    assert (now["unmatched_true"], now["unmatched_pred"], now["late"], now["moved"]) == (0, 0, 0, 0)
    wait_until(lambda: reconcile(pipeline)["ids"] == N, EFFECT_S, "everything adds up")
    assert worker.stop() == 0
    assert POINTS.keys() >= {point for point, _ in AT}
