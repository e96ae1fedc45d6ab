"""Fixtures: the engine, and one project for each version of Compose, which the tests of a file share in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compose.engine import HOME, Engine
from tests.compose.stack import Stack

V1, V2 = "docker-compose", str(HOME / "compose-v2")
MakeStack = Callable[[str, str], Stack]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A Docker engine with the base images."""
    engine = Engine()
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="module")
def make_stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStack]:
    """Makes projects that are not started: (program, name). Nothing of them is left after the tests of the file."""
    made: list[Stack] = []

    def make(program: str, name: str) -> Stack:
        home: Path = tmp_path_factory.mktemp(name)
        made.append(Stack(engine, program, home / name))
        return made[-1]

    yield make
    for stack in made:
        stack.compose("down", "-v", "--remove-orphans", check=False)
