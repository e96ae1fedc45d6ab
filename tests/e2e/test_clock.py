"""A worker whose clock is not Kafka's: the clock is named, and nothing is lost meanwhile."""

from __future__ import annotations

import time

from tests.e2e.conftest import MakePipeline
from tests.faults.link import Link
from tests.kafka_topics import make_topics, set_config
from tests.waiting import wait_until

EFFECT_S = 40.0


def test_a_decision_log_that_refuses_the_time_of_its_records_is_waited_for(
    make_pipeline: MakePipeline, kafka_link: Link
) -> None:
    """Here no clock is wrong: the topic takes no record that is older than a millisecond, and each takes longer."""
    pipeline = make_pipeline(agents="metric,plot", kafka=kafka_link.address)
    make_topics(pipeline.environ, {"pairs_log": {"message.timestamp.before.max.ms": "1"}})
    pipeline.start()
    kafka_link.crawl()

    pipeline.publish("y_true", [{"id": "a", "ts": time.time(), "y_true": 1.0}])
    pipeline.publish("y_pred", [{"id": "a", "ts": time.time(), "y_pred": 3.0}])
    wait_until(
        lambda: "refuses the time of our records: the clock here says" in pipeline.worker.said,
        EFFECT_S,
        "the worker names the clock",
    )
    kafka_link.heal()
    set_config(pipeline.environ, "pairs_log", {"message.timestamp.before.max.ms": "3600000"})

    rows = wait_until(pipeline.metric_rows, EFFECT_S, f"the pair is joined; worker:\n{pipeline.worker.said}")
    assert [row["id"] for row in rows] == ["a"]
    assert pipeline.worker.stop() == 0
