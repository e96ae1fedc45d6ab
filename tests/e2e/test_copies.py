"""The settings that keep copies: three of each topic, and a worker that stands by with the table."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.brokers import free_port
from tests.e2e.conftest import MakePipeline
from tests.e2e.load import Load, check_all_written_once, check_sums
from tests.kafka_cluster import KafkaCluster
from tests.waiting import wait_until

EFFECT_S = 60.0
N_IDS = 4000


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Three Kafkas that are one."""
    cluster = KafkaCluster(tmp_path_factory.mktemp("kafkas"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def test_a_kafka_of_three_dies_under_load_and_every_id_ends_once(
    cluster: KafkaCluster, make_pipeline: MakePipeline
) -> None:
    pipeline = make_pipeline(kafka=cluster.kafka, replication=3, agents="metric,plot")
    pipeline.start()
    topics = cluster.topics()
    assert {name: topic.n_copies for name, topic in topics.items()} == dict.fromkeys(topics, 3)
    load = Load(pipeline, 4, N_IDS)
    load.start()
    wait_until(lambda: len(pipeline.metric_rows()) > N_IDS // 5, EFFECT_S, "rows flow before one is killed")
    log = topics[f"{pipeline.environ['HINDSIGHT_NAMESPACE']}hindsight-pairs-changelog"]

    cluster.kill(log.leader)

    check_all_written_once(pipeline, load)
    check_sums(pipeline, load)
    assert pipeline.bridge.stop() == 0
    assert pipeline.worker.stop() == 0


def test_a_worker_that_stands_by_takes_over_with_the_table_that_it_kept(make_pipeline: MakePipeline) -> None:
    """Each has a state directory of its own, as on two hosts; they share `logs/`.

    No y_pred was ever acknowledged where the first worker dies, so that its group has no offsets to go on from.
    """
    pipeline = make_pipeline(standbys=1, agents="metric,plot")
    ids = [f"kept-{i}" for i in range(2000)]
    pipeline.start()
    second = pipeline.new_worker(
        "second",
        HINDSIGHT_WEB_PORT=str(free_port()),
        HINDSIGHT_STATE_DIR=pipeline.environ["HINDSIGHT_STATE_DIR"] + "-2",
    )
    second.start("The table `pairs` is ready: partitions [")
    pipeline.publish("y_true", [[{"id": name, "y_true": 1.0} for name in ids]])
    wait_until(lambda: pipeline.status().get("waiting") == len(ids), EFFECT_S, "all ids wait for their other side")
    standing_by = re.findall(r"standby for \[(.*)\]", second.said)[-1].split(", ")
    before = len(second.said)

    pipeline.worker.kill()
    pipeline.publish("y_pred", [[{"id": name, "y_pred": 3.0} for name in ids]])

    wait_until(lambda: len(pipeline.metric_rows()) >= len(ids), EFFECT_S, "all are joined by the second worker")
    assert sorted(row["id"] for row in pipeline.metric_rows()) == sorted(ids)
    assert {row["absolute_error"] for row in pipeline.metric_rows()} == {"2.0"}
    assert pipeline.unmatched_rows() == []
    said = second.said[before:]
    assert "The table `pairs` is ready: partitions [0, 1, 2, 3], standby for []." in said
    assert len(standing_by) == 2, "it stood by for half of the partitions"
    assert not [n for n in standing_by if f"partition {n}: " in said], f"it had to read none of them again:\n{said}"
    assert second.stop() == 0
