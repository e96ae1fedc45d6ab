"""The metric log of the worker that owns the topic `metric`, and the picture of what the log holds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from agents.feeding import Feeding
from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.query import Asked
from agents.metric_log.files import LogError
from agents.metric_log.incoming import Incoming
from agents.metric_log.local_path import LocalPath
from agents.metric_log.log import Fenced, MetricLog
from agents.picture.renderer import CannotDraw, Renderer
from streams.kafka.fetcher import Batch, Fetcher
from streams.kafka.topics import Topics
from streams.process.link import Link
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.settings import Settings
from streams.wire.verdicts import Tag, VerdictRecord

logger = logging.getLogger("hindsight.plot")
PICTURE = "error_distribution.png"
FENCED_S = 3.0
"""After another worker opened the log: time for Kafka to tell whether the topic is still ours."""


class Plotting:
    """The metric log of the worker that owns the topic `metric`, and what came and is not written yet."""

    def __init__(
        self,
        settings: Settings,
        names: Topics,
        fetcher: Fetcher,
        incoming: Incoming,
        local_path: LocalPath,
        feedings: Sequence[Feeding],
        answers: Answers,
        is_mine: Callable[[], bool],
        verdict: Callable[[], str],
    ) -> None:
        """Take what a worker is made of; `verdict` returns one sentence on how the model does, empty if none is known."""
        self._logs_dir, self._fetcher, self._local_path = settings.logs_dir, fetcher, local_path
        self._incoming, self._feedings, self._answers = incoming, feedings, answers
        self._topic, self._is_mine, self._verdict = names.metric.name, is_mine, verdict
        self.log: MetricLog | None = None
        self.link = Link("metric log", logger, is_up=True)
        self.picture_link = Link("picture", logger, is_up=True)
        self.renderer = Renderer()
        self._queue: deque[Batch] = deque()
        self._filled = self._local_path.filled
        self._opening = asyncio.Lock()

    def take(self, batch: Batch) -> None:
        """Queue records that Kafka brings; who fetches them bounds how many wait."""
        if self._is_mine():
            self._queue.append(batch)
            self._filled.set()

    async def run(self) -> None:
        """Write what comes, for as long as the worker runs; a failing disk holds it up, and nothing else."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            try:
                await self._write_some()
            except LogError as exc:
                self.link.down(f"The metric log cannot be written; its rows wait in Kafka: {exc}")
                await self._wait_after(exc)
                self._filled.set()

    def let_go(self) -> None:
        """Forget what is not written, and what was wrong with it: the topic is another worker's now, with its records."""
        self.link = Link("metric log", logger, is_up=True)
        self._queue.clear()
        self._close()

    async def _write_some(self) -> None:
        batches = list(self._queue)
        if not batches and self.log is None:
            return
        log = await self._opened()
        written = log.state.copy_of_positions()
        again: list[Tag] = []
        records = await self._incoming.unwritten(batches, written, again) + self._local_path.following(written)
        if records:
            await self._append(log, records)
        if batches:
            for feeding in self._feedings:
                feeding.read_to(batches[-1].end, again)
        for batch in batches:
            if self._queue and self._queue[0] is batch:
                self._queue.popleft()
                self._fetcher.done(batch)

    async def _append(self, log: MetricLog, records: list[VerdictRecord]) -> None:
        done = await asyncio.to_thread(log.append, records)
        for feeding in self._feedings:
            feeding.take(records)
        if done.n_broken:
            logger.error(
                "The topic %s lacks the verdicts of %d decisions or more: was it emptied, or the log recreated?",
                self._topic,
                done.n_broken,
                extra=NEVER_HELD_BACK,
            )
        self.link.up("The metric log is being written again.")

    async def _opened(self) -> MetricLog:
        async with self._opening:
            if self.log is None:
                self.log = await asyncio.to_thread(MetricLog.open, self._logs_dir)
                self._local_path.is_open = True
            return self.log

    def _close(self) -> None:
        self.log = None
        self._local_path.is_open = False
        self._local_path.forget()

    async def _wait_after(self, exc: LogError) -> None:
        if isinstance(exc, Fenced):
            self._close()
            await asyncio.sleep(FENCED_S)
        else:
            await self.link.pause()
        if not self._is_mine():
            self.let_go()

    async def draw(self) -> None:
        """Draw the picture of what the log holds, if this worker writes it."""
        if self.link.problem or not self._is_mine():
            return
        try:
            await self._opened()
            figures, now = await self._answers.figures(Asked("all")), time.time()
            path, said = self._logs_dir / PICTURE, self._verdict()
            await asyncio.to_thread(self.renderer.draw, figures, path, now=now, verdict=said)
        except (CannotDraw, LogError, InsightError) as exc:
            self.picture_link.down(str(exc))
        else:
            self.picture_link.up("The picture is drawn again.")

    async def close(self) -> None:
        """End the drawing process."""
        self.renderer.close()
