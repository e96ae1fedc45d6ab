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
        worker = SimpleNamespace(problems={"kafka": ""}, children=children, settings=SimpleNamespace(agents=()))
        before = checks(worker)  # type: ignore[arg-type]
        assert all(check.ok for check in before)
        children.start("the live page", fail())
        for _ in range(10):
            await asyncio.sleep(0)
        return [tuple(check) for check in checks(worker) if not check.ok]  # type: ignore[arg-type, misc]

    (line,) = asyncio.run(play())
    assert line[0] == "the live page"
    assert "OSError('no space left')" in line[2]
