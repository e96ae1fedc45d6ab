"""What /readyz says of a worker's parts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from agents.readiness import checks
from streams.process.children import Children


def test_a_background_task_that_died_is_a_line_with_its_reason() -> None:
    async def fail() -> None:
        raise OSError("no space left")

    async def play() -> list[tuple[str, bool, str]]:
        children = Children()
        worker = SimpleNamespace(
            problems={"kafka": ""}, unreadable=[], children=children, settings=SimpleNamespace(agents=())
        )
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
    settings = SimpleNamespace(agents=())
    worker = SimpleNamespace(problems={}, unreadable=[sentence], children=Children(), settings=settings)
    assert [tuple(check) for check in checks(worker)] == [("rows that cannot be read", True, sentence)]  # type: ignore[arg-type]
