"""The agent `model`: predict each batch of features in one call, and send the predictions on to y_pred."""

from __future__ import annotations

from agents.worker import worker
from streams.faust_app import app, names
from streams.faust_overrides import Batches


@app.batch_agent(names.features.name)
async def model(batches: Batches) -> None:
    """Predict features: hand each batch to the model, whose predictions go to y_pred."""
    async for batch in batches:
        worker.predicting.take(batch)


@app.at_first
def begin_to_load() -> None:
    """Load the model beside everything else that starts."""
    worker.predicting.begin_to_load()


@app.on_before_start
async def predict_rows() -> None:
    """Join only with a model that predicts: another worker keeps its partitions until then."""
    await worker.predicting.load()
    worker.children.start("the agent `model`", worker.predicting.run(), is_vital=True)
    app.closers.append(worker.predicting.close)
