"""A worker without a bridge, and a queue that somebody else reads too: both are said wherever one looks."""

from __future__ import annotations

import json

import pika
import pytest

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

EFFECT_S = 60.0
N = 7


def notes(pipeline: Pipeline) -> str:
    """Return what /readyz notes beside its checks."""
    return " ".join(json.loads(pipeline.page("/readyz") or "{}").get("notes", []))


def doctor(pipeline: Pipeline) -> str:
    ran = pipeline.run_command("doctor")
    assert "Traceback" not in ran.stderr
    return ran.stdout


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    """A pipeline that is not started, with N messages in the queue y_true."""
    pipeline = make_pipeline(agents="metric,plot", queues="y_true,y_pred")
    pipeline.publish("y_true", [{"id": str(n), "body": 1.0} for n in range(N)])
    return pipeline


def test_a_bridge_that_is_missing_is_said_until_it_runs(pipeline: Pipeline) -> None:
    assert doctor(pipeline).endswith("Nothing to put right, but no worker and no bridge is running.\n")
    pipeline.start_worker()
    waiting = f"No bridge is running: nobody reads 'y_true' ({N} messages waiting), 'y_pred' (does not exist yet)."
    wait_until(lambda: waiting in notes(pipeline), EFFECT_S, "/readyz names the queues that nobody reads")
    assert json.loads(pipeline.page("/readyz"))["ready"] is True, "the worker itself works"
    assert "nobody reads &#39;y_true&#39;" in pipeline.page("/")
    bridge = pipeline.status()["bridge"]
    assert bridge["answers"] is False
    assert bridge["queues"][0] == {"name": "y_true", "messages": N, "consumers": 0}
    assert doctor(pipeline).endswith("Nothing to put right, but no bridge is running.\n")

    pipeline.start_bridge()

    wait_until(lambda: not notes(pipeline), EFFECT_S, "nothing is noted once the bridge runs")
    wait_until(lambda: pipeline.status()["rows_in"] == N, EFFECT_S, "the rows are read")
    wait_until(lambda: _messages(pipeline) == [0, 0], EFFECT_S, "nothing waits any more")
    assert doctor(pipeline).endswith("Nothing to put right.\n")


def _messages(pipeline: Pipeline) -> list[int | None]:
    return [queue["messages"] for queue in pipeline.status()["bridge"]["queues"]]


def test_a_worker_on_another_host_is_found_through_kafka(pipeline: Pipeline) -> None:
    pipeline.start_worker()
    elsewhere = {"HINDSIGHT_WEB_PORT": "1", "HINDSIGHT_STATE_DIR": str(pipeline.logs.parent / "of another host")}
    said = pipeline.run_command("doctor", "--json", environ=elsewhere).stdout
    (worker,) = (each for each in json.loads(said) if each["what"] == "worker")
    assert worker["level"] == "ok"
    assert worker["said"].endswith(f": http://127.0.0.1:{pipeline.environ['HINDSIGHT_WEB_PORT']}")


def test_a_second_reader_of_a_queue_is_named(pipeline: Pipeline) -> None:
    pipeline.start()
    with pika.BlockingConnection(pika.URLParameters(pipeline.environ["HINDSIGHT_AMQP_URL"])) as connection:
        connection.channel().basic_consume("y_true", lambda *_: None)
        said = "The queue 'y_true' is also read by 1 other consumer"
        wait_until(lambda: said in notes(pipeline), EFFECT_S, "/readyz names the other reader")
        assert "is also read by 1 other consumer" in pipeline.page("/")
        assert pipeline.status()["bridge"]["queues"][0]["consumers"] == 2


def test_a_bridge_inside_the_worker_has_its_links_on_the_workers_page(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot", queues="y_true,y_pred", bridge_in_worker="true")
    pipeline.start_worker()
    wait_until(lambda: _of_bridge(pipeline) == [True] * 4, EFFECT_S, "RabbitMQ, Kafka and both queues are up")
    assert notes(pipeline) == ""
    assert doctor(pipeline).endswith("Nothing to put right.\n")


def _of_bridge(pipeline: Pipeline) -> list[bool]:
    checks = json.loads(pipeline.page("/readyz") or '{"checks": []}')["checks"]
    return [check["ok"] for check in checks if check["name"].startswith("bridge: ")]
