"""The agent `plot`: write each verdict to the metric log, once, and draw the error histogram every now and then."""

from __future__ import annotations

from typing import Any

import faust
from faust.types import TP

from agents.worker import worker
from streams.faust_app import app, names, settings
from streams.faust_overrides import Batches


@app.batch_agent(names.metric.name)
async def plot(batches: Batches) -> None:
    """Keep the metric log and the picture: hand each batch of verdicts to the log."""
    async for batch in batches:
        worker.plotting.take(batch)


@app.timer(interval=settings.plot_every_s)
async def draw() -> None:
    """Draw the error histogram."""
    await worker.plotting.draw()


@app.on_before_start
def write_log() -> None:
    """Write the metric log, for as long as the worker runs."""
    worker.children.start("the metric log", worker.plotting.run(), is_vital=True)
    worker.children.start("the counting of figures", worker.feeding.run())
    if worker.filing:
        worker.children.start("the Parquet files", worker.filing.run())
    app.closers += [worker.plotting.close, *(feeding.close for feeding in worker.feedings)]


@app.on_partitions_assigned.connect
async def count(sender: faust.App, assigned: set[TP], **kwargs: Any) -> None:
    """Count into the figures while the topic is ours."""
    for feeding in worker.feedings:
        feeding.is_mine = TP(names.metric.name, 0) in assigned


@app.on_before_start
def look_at_alerts() -> None:
    """Hold the rules of alerts against the figures, for as long as the worker runs."""
    if worker.alerting is not None:
        worker.children.start("the alerts", worker.alerting.run())


@app.on_partitions_revoked.connect
async def let_go(sender: faust.App, revoked: set[TP], **kwargs: Any) -> None:
    """Let go of the log when its topic goes to another worker."""
    if TP(names.metric.name, 0) in revoked:
        worker.plotting.let_go()
        for feeding in worker.feedings:
            feeding.is_mine = False
