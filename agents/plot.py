"""The agent `plot`: write each verdict to the metric log, once, and draw the error histogram every now and then."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any, NamedTuple

import faust
import mode
from faust.types import TP

from agents import recent
from agents.metric_log.files import LogError
from agents.metric_log.local_path import local_path, unwritten
from agents.metric_log.log import Fenced, MetricLog
from agents.picture.renderer import CannotDraw, Renderer
from streams.faust_app import app, names, raw_topic, settings
from streams.process.fatal import fatal
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.scores.summary import ErrorSummary
from streams.wire.verdicts import VerdictRecord

logger = logging.getLogger("hindsight.plot")
PICTURE = settings.logs_dir / "error_distribution.png"
RETRY_S = 1.0
FENCED_S = 3.0
"""After another worker opened the log: time for Kafka to tell whether the topic is still ours."""
MAX_QUEUED_BYTES = 4 << 20
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
        self.renderer = Renderer()
        self._queue: deque[faust.EventT[Any]] = deque()
        self._n_queued_bytes = 0
        self._filled = local_path.filled
        self._room = asyncio.Event()
        self._opening = asyncio.Lock()

    async def take(self, event: faust.EventT[Any]) -> None:
        """Queue records that Kafka brings; wait while too much is waiting."""
        self._queue.append(event)
        self._n_queued_bytes += _size(event)
        self._filled.set()
        while self._n_queued_bytes >= MAX_QUEUED_BYTES:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Write what comes, for as long as the worker runs; a failing disk holds it up, and nothing else."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            try:
                await self._write_some()
            except LogError as exc:
                if isinstance(exc, Fenced):
                    self._close()
                await self._wait_after(exc, FENCED_S if isinstance(exc, Fenced) else RETRY_S)
                self._filled.set()

    def let_go(self) -> None:
        """Forget what is not written, and what was wrong with it: the topic is another worker's now, with its records."""
        self.problem = ""
        self._queue.clear()
        self._n_queued_bytes = 0
        self._room.set()
        self._close()

    async def _write_some(self) -> None:
        events = list(self._queue)
        if not events and self.log is None:
            return
        log = await self._opened()
        written = log.state.copy_of_positions()
        came = [record.value or b"" for event in events for record in event.message.value]
        records = unwritten(came, written) + local_path.following(written)
        if records:
            await self._append(log, records)
        for event in events:
            event.ack()
            if self._queue and self._queue[0] is event:
                self._queue.popleft()
                self._n_queued_bytes -= _size(event)
        if self._n_queued_bytes < MAX_QUEUED_BYTES:
            self._room.set()

    async def _append(self, log: MetricLog, records: list[VerdictRecord]) -> None:
        done = await asyncio.to_thread(log.append, records)
        recent.windows.take(done.fresh)
        if done.n_broken:
            logger.error(
                "The topic %s lacks the verdicts of %d decisions or more: was it emptied, or the log made anew?",
                names.metric.name,
                done.n_broken,
                extra=NEVER_HELD_BACK,
            )
        if self.problem:
            logger.info("The metric log is written again.")
            self.problem = ""

    async def _opened(self) -> MetricLog:
        async with self._opening:
            if self.log is None:
                self.log = await asyncio.to_thread(MetricLog.open, settings.logs_dir)
                local_path.is_open = True
            return self.log

    def _close(self) -> None:
        self.log = None
        local_path.is_open = False
        local_path.forget()

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
            await asyncio.to_thread(self.renderer.draw, picture.summary, PICTURE, now=picture.drawn_at)
        except (CannotDraw, LogError) as exc:
            if not self.picture_problem:
                logger.error("%s", exc)
            self.picture_problem = str(exc)
        else:
            self.picture_problem = ""
            self.picture = picture

    async def close(self) -> None:
        """End the drawing process."""
        self.renderer.close()


def _size(event: faust.EventT[Any]) -> int:
    return sum(len(record.value or b"") for record in event.message.value)


plotting: Plotting
metric_topic = raw_topic(names.metric.name)
app.gathered_topics.add(names.metric.name)


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
        fatal(f"the metric log cannot go on: {exc!r}.")


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
    """Hand the records of the topic `metric` to the log; they are acknowledged once the disk has them."""
    stream.enable_acks = False
    async for event in stream.events():
        await plotting.take(event)
