"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.brokers import Brokers
from tests.e2e.pipeline import Pipeline

MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def make_pipeline(brokers: Brokers) -> Iterator[MakePipeline]:
    """Makes pipelines that are not started, with settings of one's own; nothing of them is left after the test."""
    made: list[Pipeline] = []

    def make(**settings: Any) -> Pipeline:
        made.append(Pipeline(brokers, **settings))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.end()
