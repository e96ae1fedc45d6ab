"""What /readyz says of a worker's parts."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

from agents.readiness import checks
from streams.process.children import Children
from streams.process.link import Link


def test_a_background_task_that_died_is_a_line_with_its_reason() -> None:
    async def fail() -> None:
        raise OSError("no space left")

    async def play() -> list[tuple[str, bool, str]]:
        children = Children()
        settings = SimpleNamespace(agents=(), has_bridge_inside=False)
        worker = SimpleNamespace(problems={"kafka": ""}, unreadable=[], children=children, settings=settings)
        before = checks(worker)  # type: ignore[arg-type]
        assert all(check.ok for check in before)
        children.start("the live page", fail())
        for _ in range(10):
            await asyncio.sleep(0)
        return [tuple(check) for check in checks(worker) if not check.ok]  # type: ignore[arg-type, misc]

    (line,) = asyncio.run(play())
    assert line[0] == "the live page"
    assert "OSError('no space left')" in line[2]


def test_rows_that_cannot_be_read_are_a_line_that_sends_nobody_away() -> None:
    sentence = "120 rows of y_true cannot be read, newest: no field `y_true`."
    settings = SimpleNamespace(agents=(), has_bridge_inside=False)
    worker = SimpleNamespace(problems={}, unreadable=[sentence], children=Children(), settings=settings)
    assert [tuple(check) for check in checks(worker)] == [("rows that cannot be read", True, sentence)]  # type: ignore[arg-type]


def test_the_links_of_a_bridge_inside_are_lines_of_the_worker() -> None:
    up, down = Link("rabbitmq", logging.getLogger("test")), Link("queue y_true", logging.getLogger("test"))
    up.up("RabbitMQ is there.")
    down.down("The queue 'y_true' is not being read.")
    bridge = SimpleNamespace(
        links=[up, down],
        ledgers={"y_true": SimpleNamespace(problem=""), "y_pred": SimpleNamespace(problem="Rows are missing.")},
    )
    settings = SimpleNamespace(agents=(), has_bridge_inside=True)
    worker = SimpleNamespace(
        problems={}, unreadable=[], children=SimpleNamespace(problems={}), settings=settings, bridge=bridge
    )
    assert [tuple(check) for check in checks(worker)] == [  # type: ignore[arg-type]
        ("bridge: rabbitmq", True, "Works."),
        ("bridge: queue y_true", False, "The queue 'y_true' is not being read."),
        ("bridge: rows of y_pred", False, "Rows are missing."),
    ]
