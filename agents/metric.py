"""The agent `metric`: join y_true and y_pred by id in the table `pairs`, one verdict an id."""

from __future__ import annotations

from agents.worker import worker
from streams.faust_app import app, names
from streams.faust_overrides import Batches

INPUTS = (names.y_true.name, names.y_pred.name)
app.tables.add(worker.pairs)
app.assigned_by_table.update(INPUTS)


@app.batch_agent(*INPUTS)
async def metric(batches: Batches) -> None:
    """Join y_true and y_pred: hand each batch to the owner of its partition, which decides."""
    async for batch in batches:
        worker.joining.feed(batch)


@app.on_before_start
def send() -> None:
    """Send verdicts, and rows that belong to other partitions, for as long as the worker runs."""
    worker.children.start("the outbox", worker.joining.outbox.run(), is_vital=True)
    worker.children.start("the forwarding of rows", worker.joining.forwarder.run(), is_vital=True)
