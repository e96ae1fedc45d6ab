"""What `make run` starts, by the settings."""

from __future__ import annotations

import pytest

from dev.run import _embedded, _needed
from streams.settings import load


@pytest.mark.parametrize(
    ("environ", "with_features", "brokers", "parts"),
    [
        ({}, True, ("rabbitmq", "kafka"), ["worker", "bridge", "features"]),
        ({}, False, ("rabbitmq", "kafka"), ["worker", "bridge"]),
        ({"HINDSIGHT_BRIDGE_IN_WORKER": "true"}, True, ("rabbitmq", "kafka"), ["worker", "features"]),
        ({"HINDSIGHT_QUEUES": "off"}, True, ("kafka",), ["worker"]),
        ({"HINDSIGHT_QUEUES": "", "HINDSIGHT_KAFKA": "a:9092"}, True, (), ["worker"]),
    ],
    ids=["all", "no-demo-rows", "bridge-in-worker", "kafka-alone", "kafka-of-ones-own"],
)
def test_only_what_is_needed_is_started(
    environ: dict[str, str], with_features: bool, brokers: tuple[str, ...], parts: list[str]
) -> None:
    settings = load(environ)
    assert _embedded(settings) == brokers
    assert [name for name, _ in _needed(settings, with_features)] == parts
