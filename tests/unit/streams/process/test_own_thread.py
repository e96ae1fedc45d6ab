"""Work is done beside the event loop, in order, and whatever it raises comes back to who asked for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

import pytest

from streams.process.own_thread import OwnThread, WorkFailed
from tests.waiting import wait_until

EFFECT_S = 10.0


@pytest.fixture
def thread() -> OwnThread:
    return OwnThread("own")


def test_work_is_done_in_order_and_in_one_thread_that_is_not_the_event_loop_s(thread: OwnThread) -> None:
    done: list[tuple[int, str]] = []

    async def ask() -> None:
        await asyncio.gather(
            *(thread.do(lambda i=i: done.append((i, threading.current_thread().name))) for i in range(50))
        )

    asyncio.run(ask())

    assert done == [(i, "own") for i in range(50)]


def raising(exc: BaseException) -> Callable[[], NoReturn]:
    def work() -> NoReturn:
        raise exc

    return work


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (ValueError("no"), ValueError),
        (SystemExit(3), WorkFailed),
        (KeyboardInterrupt(), WorkFailed),
        (GeneratorExit(), WorkFailed),
    ],
    ids=lambda value: str(getattr(value, "__name__", value)),
)
def test_what_work_raises_comes_back_and_the_thread_goes_on(
    thread: OwnThread, raised: BaseException, seen: type[Exception]
) -> None:
    async def ask() -> int:
        with pytest.raises(seen):
            await thread.do(raising(raised))
        return await thread.do(lambda: 7)

    assert asyncio.run(ask()) == 7


def test_how_long_it_has_been_at_work_is_told_while_it_is(thread: OwnThread) -> None:
    go_on = threading.Event()

    async def ask() -> None:
        asking = asyncio.create_task(thread.do(go_on.wait))
        await asyncio.to_thread(wait_until, lambda: thread.busy_s > 0.05, EFFECT_S, "it is at work")
        go_on.set()
        await asking
        await asyncio.to_thread(wait_until, lambda: thread.busy_s == 0, EFFECT_S, "it is done")

    assert thread.busy_s == 0
    asyncio.run(ask())


def test_who_no_longer_waits_is_not_told(thread: OwnThread) -> None:
    go_on = threading.Event()

    async def ask() -> int:
        asking = asyncio.create_task(thread.do(go_on.wait))
        await asyncio.to_thread(wait_until, lambda: thread.busy_s > 0, EFFECT_S, "it is at work")
        asking.cancel()
        go_on.set()
        return await thread.do(lambda: 7)

    assert asyncio.run(ask()) == 7


def test_a_process_ends_although_the_thread_hangs() -> None:
    source = (
        "import asyncio, threading\n"
        "from streams.process.own_thread import OwnThread\n"
        "async def ask():\n"
        "    hanging = asyncio.create_task(OwnThread('own').do(threading.Event().wait))\n"
        "    await asyncio.wait([hanging], timeout=0.1)\n"
        "asyncio.run(ask())\n"
        "print('over')\n"
    )

    done = subprocess.run([sys.executable, "-c", source], check=False, capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")
