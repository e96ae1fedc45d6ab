"""Which topics the settings name, and what a topic that is otherwise means."""

from __future__ import annotations

import pytest

from streams.kafka.topics import log_retention_s, mismatch, topics
from streams.settings import Settings


def test_all_row_topics_have_the_same_partitions():
    named = topics(Settings(partitions=7))
    assert {t.partitions for t in (named.features, named.y_true, named.y_pred, named.pairs_log)} == {7}
    assert (named.metric.partitions, named.quarantine.partitions) == (1, 1)


def test_the_namespace_is_before_every_name():
    assert all(topic.name.startswith("team.") for topic in topics(Settings(namespace="team.")))


def test_a_topic_that_is_named_is_taken_as_it_is():
    named = topics(Settings(namespace="team.", topic_y_pred="other.pred"))
    assert (named.y_pred.name, named.y_true.name) == ("other.pred", "team.y_true")
    assert named.of_kind("y_pred") == named.y_pred


def test_the_decision_log_outlives_every_id():
    settings = Settings(join_window_s=100, max_out_of_orderness_s=10, dedupe_horizon_s=1000)
    log = topics(settings).pairs_log
    assert log.config["cleanup.policy"] == "delete"
    assert int(log.config["retention.ms"]) == round(log_retention_s(settings) * 1000) > 1110 * 1000


def test_a_mismatch_names_the_topic_both_numbers_and_the_cure():
    said = mismatch(topics(Settings()), {"y_true": 6})
    assert said.startswith("The Kafka topic 'y_true' has 6 partitions, but 4 are required: set HINDSIGHT_PARTITIONS=6")
    assert mismatch(topics(Settings()), {"y_true": 4, "metric": 1}) == ""


ALL = {"features": 4, "y_true": 4, "y_pred": 4, "hindsight-pairs-changelog": 4, "metric": 1}


@pytest.mark.parametrize("grown", [{"y_true": 8}, {"y_true": 8, "y_pred": 8, "features": 8}], ids=["one", "all rows"])
@pytest.mark.parametrize("asked_for", [4, 8])
def test_topics_that_somebody_has_grown_have_one_cure(grown: dict[str, int], asked_for: int):
    said = mismatch(topics(Settings(partitions=asked_for)), ALL | grown)
    assert "run `faust -A streams repartition 8`" in said
    assert "Then set HINDSIGHT_PARTITIONS=8 everywhere" in said


@pytest.mark.parametrize("asked_for", [4, 8])
def test_topics_that_cannot_be_made_alike_have_a_cure_that_is_no_circle(asked_for: int):
    said = mismatch(topics(Settings(partitions=asked_for)), ALL | {"metric": 6})
    assert "set HINDSIGHT_NAMESPACE to a new name" in said
    assert "HINDSIGHT_PARTITIONS=" not in said, "it would be the next mismatch"


def test_topics_that_are_to_grow_have_a_command():
    said = mismatch(topics(Settings(partitions=8)), ALL)
    assert "set HINDSIGHT_PARTITIONS=4, grow them (stop all workers and bridges, and run" in said
    assert "repartition" not in mismatch(topics(Settings(partitions=2)), ALL)


def test_topics_that_are_alike_but_not_as_asked_for_need_one_setting():
    found = {name: 8 if n == 4 else n for name, n in ALL.items()}
    assert "set HINDSIGHT_PARTITIONS=8," in mismatch(topics(Settings()), found)
    assert mismatch(topics(Settings(partitions=8)), found) == ""


@pytest.mark.parametrize("max_bytes", [4 << 20, 100 << 20, 1 << 30, 1 << 40])
def test_quarantine_holds_no_more_than_asked_for(max_bytes: int):
    config = topics(Settings(max_quarantine_bytes=max_bytes)).quarantine.config
    segment, kept = int(config["segment.bytes"]), int(config["retention.bytes"])
    assert kept + segment == max_bytes  # what Kafka may remove, and the segment that it writes
    assert config["retention.ms"] == "-1"
    assert 2 << 20 <= segment <= 1 << 30
