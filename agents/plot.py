"""The agent `plot`: write each verdict to the metric log, once, and draw the error histogram every now and then."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any, NamedTuple

import faust
import mode
import msgspec
from faust.types import TP

from agents.artist import Artist, CannotDraw
from agents.log_file import LogError
from agents.metric_log import Fenced, MetricLog
from agents.web import recent
from streams import verdicts
from streams.end import end_process
from streams.faust_app import app, names, raw_topic, settings
from streams.summary import ErrorSummary
from streams.verdicts import VerdictRecord

logger = logging.getLogger("hindsight.plot")
PICTURE = settings.logs_dir / "error_distribution.png"
RETRY_S = 1.0
FENCED_S = 3.0
"""After another worker opened the log: time for Kafka to tell whether the topic is still ours."""
MAX_QUEUED = 256
MINE = TP(names.metric.name, 0)


class Picture(NamedTuple):
    """What the picture on disk shows: when it was drawn, and the errors of all pairs until then."""

    drawn_at: float
    summary: ErrorSummary


class Plotting:
    """The metric log of the worker that owns the topic `metric`, and what came and is not written yet."""

    def __init__(self) -> None:
        self.log: MetricLog | None = None
        self.problem = ""
        self.picture_problem = ""
        self.picture: Picture | None = None
        self.artist = Artist()
        self._queue: deque[faust.EventT[Any]] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._opening = asyncio.Lock()

    async def take(self, event: faust.EventT[Any]) -> None:
        """Queue one record; wait while too many are waiting."""
        self._queue.append(event)
        self._filled.set()
        while len(self._queue) >= MAX_QUEUED:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Write what comes, for as long as the worker runs; a failing disk holds it up, and nothing else."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._queue:
                try:
                    await self._write_some()
                except Fenced as exc:
                    self.log = None
                    await self._wait_after(exc, FENCED_S)
                except LogError as exc:
                    await self._wait_after(exc, RETRY_S)

    def let_go(self) -> None:
        """Forget what is not written, and what was wrong with it: the topic is another worker's now, with its records."""
        self.problem = ""
        self._queue.clear()
        self._room.set()
        self.log = None

    async def _write_some(self) -> None:
        events = list(self._queue)
        records = [record for event in events if (record := _decode(event)) is not None]
        log = await self._opened()
        done = await asyncio.to_thread(log.append, records)
        recent.windows.take(done.fresh)
        if done.n_broken:
            logger.error("The topic %s lacks the verdicts of %d decisions or more: was it emptied, or the log made anew?",
                         names.metric.name, done.n_broken)  # fmt: skip
        if self.problem:
            logger.info("The metric log is written again.")
            self.problem = ""
        for event in events:
            event.ack()
            if self._queue and self._queue[0] is event:
                self._queue.popleft()
        if len(self._queue) < MAX_QUEUED:
            self._room.set()

    async def _opened(self) -> MetricLog:
        async with self._opening:
            if self.log is None:
                self.log = await asyncio.to_thread(MetricLog.open, settings.logs_dir)
            return self.log

    async def _wait_after(self, exc: LogError, delay_s: float) -> None:
        if not self.problem:
            logger.error("The metric log cannot be written, its rows wait in Kafka: %s", exc)
        self.problem = str(exc)
        await asyncio.sleep(delay_s)
        if MINE not in app.consumer.assignment():
            self.let_go()

    async def draw(self) -> None:
        """Draw the picture of what the log holds, if this worker writes it."""
        if self.problem or MINE not in app.consumer.assignment():
            return
        try:
            log = await self._opened()
            picture = Picture(time.time(), log.summary)
            await asyncio.to_thread(self.artist.draw, picture.summary, PICTURE, now=picture.drawn_at)
        except (CannotDraw, LogError) as exc:
            if not self.picture_problem:
                logger.error("%s", exc)
            self.picture_problem = str(exc)
        else:
            self.picture_problem = ""
            self.picture = picture

    async def close(self) -> None:
        """End the drawing process."""
        self.artist.close()


def _decode(event: faust.EventT[Any]) -> VerdictRecord | None:
    try:
        return verdicts.decode(event.message.value)
    except msgspec.MsgspecError as exc:
        logger.error("%s@%d is no record of ours and is left out: %s", names.metric.name, event.message.offset, exc)
        return None


plotting: Plotting
metric_topic = raw_topic(names.metric.name)


@app.on_before_start
def set_up_plotting() -> None:
    """Make what the agent and the timer share."""
    global plotting
    plotting = Plotting()
    app.closers.append(plotting.close)


@app.task
async def write_log() -> None:
    """Write the metric log. A defect here ends the process: nothing else would be written any more."""
    try:
        await plotting.run()
    except Exception as exc:
        logger.exception("the metric log cannot go on")
        end_process(f"the metric log cannot go on: {exc!r}.")


@app.on_partitions_revoked.connect
async def on_revoked(sender: faust.App, revoked: set[TP], **kwargs: Any) -> None:
    """Let go of the log when its topic goes to another worker."""
    if MINE in revoked:
        plotting.let_go()


@app.timer(interval=settings.plot_every_s)
async def draw() -> None:
    """Draw the error histogram."""
    await plotting.draw()


@app.agent(metric_topic, name="plot", supervisor_strategy=mode.CrashingSupervisor)
async def plot(stream: faust.StreamT[Any]) -> None:
    """Hand each record of the topic `metric` to the log; it is acknowledged once the disk has it."""
    stream.enable_acks = False
    async for event in stream.events():
        await plotting.take(event)
