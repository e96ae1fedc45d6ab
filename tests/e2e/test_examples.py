"""The examples, run as they stand: other people's services beside Hindsight, to rows in the CSV."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.brokers import CHECKOUT
from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline, Process
from tests.waiting import wait_until

EFFECT_S = 90.0  # a group waits 45 s for a member that was killed
BESIDE_A_MODEL_OF_ONES_OWN = {"agents": "metric,plot", "queues": "y_true,y_pred"}


def run(pipeline: Pipeline, name: str) -> None:
    """Run an example to its end."""
    argv = [sys.executable, f"examples/{name}.py"]
    done = subprocess.run(
        argv, cwd=CHECKOUT, env=pipeline.environ, text=True, capture_output=True, timeout=EFFECT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def service(pipeline: Pipeline, name: str) -> Process:
    """Start an example that runs until it is ended."""
    process = pipeline.new_process(name.replace("/", "-"), [sys.executable, f"examples/{name}.py"])
    process.launch()
    return process


def wait_for(pipeline: Pipeline, n: int, *services: Process) -> None:
    """Wait for `n` rows in the metric log, as long as the services run."""

    def written() -> bool:
        for process in services:
            assert process.process.poll() is None, process.said
        return len(pipeline.metric_rows()) >= n

    wait_until(written, EFFECT_S, f"{n} rows are joined")
    ids = [row["id"] for row in pipeline.metric_rows()]
    assert len(ids) == len(set(ids))


def test_the_three_forms_are_joined(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot")
    pipeline.start()
    run(pipeline, "rabbitmq_forms")
    wait_for(pipeline, 2)
    found = {row["id"]: float(row["absolute_error"]) for row in pipeline.metric_rows()}
    assert found == pytest.approx({"order-17": 73.2, "1669147134.196809": 54.9})


def test_a_model_service_on_rabbitmq_loses_no_row_if_it_is_killed(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(**BESIDE_A_MODEL_OF_ONES_OWN)
    pipeline.start()
    predictor = service(pipeline, "rabbitmq_predictor")
    run(pipeline, "rabbitmq_producer")
    wait_for(pipeline, 10, predictor)

    predictor.kill()
    run(pipeline, "rabbitmq_producer")
    predictor.launch()
    wait_for(pipeline, 20, predictor)
    assert (len(pipeline.metric_rows()), pipeline.unmatched_rows()) == (20, [])


@pytest.mark.parametrize("client", ["kafka", "kafka_python"])
def test_a_model_service_on_kafka_loses_no_row_if_it_is_killed(make_pipeline: MakePipeline, client: str) -> None:
    pipeline = make_pipeline(agents="metric,plot", queues="off")
    pipeline.start_worker()
    predictor = service(pipeline, f"{client}_predictor")
    run(pipeline, f"{client}_producer")
    wait_for(pipeline, 10, predictor)
    assert pipeline.status()["forwarded"] == 0, "each row is where its id is joined"

    predictor.kill()
    run(pipeline, f"{client}_producer")
    predictor.launch()
    wait_for(pipeline, 20, predictor)
    assert (len(pipeline.metric_rows()), pipeline.unmatched_rows()) == (20, [])


def test_services_of_a_course_run_unchanged(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(**BESIDE_A_MODEL_OF_ONES_OWN, queue_kind="transient")
    pipeline.start()
    services = [service(pipeline, name) for name in ("course/model", "course/features")]
    wait_for(pipeline, 3, *services)
    assert pipeline.status()["quarantined"] == 0
