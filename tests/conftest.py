"""Fixtures for all tests. Each is a noun: the thing that a test gets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.brokers import Brokers


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A real RabbitMQ and a real Kafka, shared by the whole test run."""
    brokers = Brokers(tmp_path_factory.mktemp("brokers"))
    try:
        brokers.start()
        yield brokers
    finally:
        brokers.stop()
