"""Background tasks: what one died of is kept, a vital one takes the process with it, and all end together."""

from __future__ import annotations

import asyncio

import pytest

from streams.process import children as module
from streams.process.children import Children


async def fail() -> None:
    raise ValueError("the cause")


async def a_while() -> None:
    """Let the event loop go round a few times."""
    for _ in range(10):
        await asyncio.sleep(0)


async def run_for_ever() -> None:
    await asyncio.Event().wait()


def test_what_a_task_died_of_is_kept_by_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> dict[str, str]:
        children = Children()
        children.start("the view of Kafka", fail())
        children.start("the live page", run_for_ever())
        await a_while()
        await children.stop()
        return children.problems

    problems = asyncio.run(play())
    said = "the view of Kafka ended because of a defect: ValueError('the cause'). Restart the process."
    assert problems == {"the view of Kafka": said}, "one that is ended on purpose is no problem"
    assert "the view of Kafka ended because of a defect" in caplog.text


def test_a_vital_task_takes_the_process_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(module, "fatal", said.append)

    async def play() -> None:
        children = Children()
        children.start("the metric log", fail(), is_vital=True)
        await a_while()

    asyncio.run(play())
    assert said == ["the metric log cannot continue: ValueError('the cause')."]
