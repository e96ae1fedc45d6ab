"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.brokers import Brokers
from tests.contract.bridging import Bridging

MakeBridging = Callable[..., Bridging]


@pytest.fixture
def make_bridging(brokers: Brokers) -> Iterator[MakeBridging]:
    """Makes bridges that are not started, with settings of one's own; nothing of them is left after the test."""
    made: list[Bridging] = []

    def make(**settings: Any) -> Bridging:
        made.append(Bridging(brokers, **settings))
        return made[-1]

    yield make
    for bridging in made:
        bridging.end()


@pytest.fixture(scope="module")
def bridging(brokers: Brokers) -> Iterator[Bridging]:
    """One running bridge for all tests of a file that do not disturb it."""
    bridging = Bridging(brokers)
    bridging.start()
    yield bridging
    bridging.end()
