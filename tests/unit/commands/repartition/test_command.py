"""`repartition` refuses, in a sentence each, what makes no sense; what needs Kafka is in the tests with brokers."""

from __future__ import annotations

import pytest

from commands.repartition import command
from commands.repartition.growing import in_order
from streams.kafka.topics import topics
from streams.settings import Settings


@pytest.mark.parametrize("text", ["many", "", "0", "-4", "4.5", "1e3", "1001", "٤"])
def test_what_is_no_number_of_partitions_is_a_sentence(text: str, capsys: pytest.CaptureFixture[str]):
    assert command.run(Settings(), partitions=text) == 1
    assert capsys.readouterr().err == (
        f"✗ {text!r} is no number of partitions: give a whole number from 2 to 1,000, such as 16.\n"
    )


def test_kafka_away_is_a_sentence(capsys: pytest.CaptureFixture[str]):
    assert command.run(Settings(kafka="127.0.0.1:1"), partitions="16") == 1
    assert capsys.readouterr().err.startswith("✗ Kafka at 127.0.0.1:1")


def test_as_long_as_not_all_has_grown_the_topics_differ():
    names = topics(Settings())
    order = in_order(names)
    assert order[0] == names.pairs_log.name, "what nobody else writes, first: from then on no worker starts"
    assert order[-1] == names.features.name, "what holds no ids, last"
    assert sorted(order) == sorted(topic.name for topic in names.alike)
