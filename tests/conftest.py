"""Fixtures for all tests. Each is a noun: the thing that a test gets."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from tests.brokers import Brokers
from tests.faults.link import Link

pytest_plugins = ["tests.run_hooks"]

# How long an example takes says how busy the machine is. `quick` is for `make unit`.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("untimed"), max_examples=10)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A real RabbitMQ and a real Kafka, shared by the whole test run."""
    brokers = Brokers(tmp_path_factory.mktemp("brokers"))
    try:
        brokers.start()
        yield brokers
    finally:
        brokers.stop()


@pytest.fixture
def kafka_link(brokers: Brokers) -> Iterator[Link]:
    """A link to Kafka that can be spoiled."""
    link = Link(brokers.kafka, is_kafka=True)
    yield link
    link.close()
