"""A thread that works for the event loop, one thing after the other, and holds nobody up, not even the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class WorkFailed(Exception):
    """Work raised what may not pass through an event loop, such as SystemExit; the message says what."""


class _Work(NamedTuple):
    do: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class OwnThread:
    """Foreign code runs here that may take long, hang or raise anything. The thread ends with the process, at work or not."""

    def __init__(self, name: str) -> None:
        self._queue: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._since_mono: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def busy_s(self) -> float:
        """How long the work under way has taken until now, in seconds; 0 if there is none."""
        since_mono = self._since_mono
        return 0.0 if since_mono is None else time.monotonic() - since_mono

    async def do(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, once the thread has done it, after whatever was asked before.

        Raises:
            Exception: what `work` raised.
            WorkFailed: it raised SystemExit, KeyboardInterrupt or another exception that ends programs.
        """
        if not self._thread.is_alive():
            self._thread.start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Work(work, loop, done))
        return await done

    def _run(self) -> None:
        while True:
            work = self._queue.get()
            self._since_mono = time.monotonic()
            settle = _settled(work)
            self._since_mono = None
            with contextlib.suppress(RuntimeError):  # the event loop is closed: the process ends
                work.loop.call_soon_threadsafe(settle)


def _settled(work: _Work) -> Callable[[], None]:
    """Do the work; return what tells who waits for it."""
    try:
        result = work.do()
    except Exception as exc:
        failure: Exception = exc
    except BaseException as exc:
        failure = WorkFailed(f"{type(exc).__name__} was raised")
    else:
        return lambda: None if work.done.done() else work.done.set_result(result)
    return lambda: None if work.done.done() else work.done.set_exception(failure)
