"""Background tasks of a process, by name: started together, ended together, and what one died of is not lost."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Coroutine
from typing import Any

from streams.process.fatal import fatal

logger = logging.getLogger("hindsight")


class Children:
    """Tasks that are to run as long as the process. `problems` says of each that died what it died of."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, Any], *, is_vital: bool = False) -> None:
        """Run `work` in the background; `name` says to people what it does. A vital one takes the process with it."""
        task = asyncio.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(functools.partial(self._ended, name, is_vital))

    async def stop(self) -> None:
        """Cancel all that run, and wait until they have ended."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _ended(self, name: str, is_vital: bool, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or (exc := task.exception()) is None:
            return
        logger.error("%s ended because of a defect", name, exc_info=exc)
        if is_vital:
            fatal(f"{name} cannot continue: {exc!r}.")
        self.problems[name] = f"{name} ended because of a defect: {exc!r}. Restart the process."
