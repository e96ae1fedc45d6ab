"""The agent `model`: predict each batch of features in one call, and send the predictions on to y_pred."""

from __future__ import annotations

from agents.worker import worker
from streams.faust_app import app, names
from streams.faust_overrides import Batches


@app.batch_agent(names.features.name)
async def model(batches: Batches) -> None:
    """Queue the records of features for the model."""
    async for batch in batches:
        worker.predicting.take(batch)


@app.on_before_start
def predict_rows() -> None:
    """Load the model beside everything else that starts, since scikit-learn takes a second to import; then predict."""
    worker.children.start("the agent `model`", worker.predicting.run(), is_vital=True)
    app.closers.append(worker.predicting.close)
