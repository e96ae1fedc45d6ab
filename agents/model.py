"""The agent `model`: predict each packet of features in one call, and send the predictions on to y_pred."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import faust
import mode

from agents.predict import predict
from bridge.predictions import Predictions
from streams.faust_app import app, names, raw_topic, settings
from streams.kafka import client
from streams.kafka.producer import Producer
from streams.process.fatal import fatal
from streams.wire.dead_letters import UnreadableRows, of_kafka, records_of
from streams.wire.rows import FeaturesRow, PredRow, Unreadable, decode_record, encode_packet

if TYPE_CHECKING:
    from models.artefact import Model

logger = logging.getLogger("hindsight.model")
SLOW_S = 0.005
"""A model whose last call took longer predicts in a thread, so that the event loop goes on."""
MAX_QUEUED = 256
MAX_BATCH_BYTES = 400_000


class Predicting:
    """The model, and the way of its predictions to Kafka: what has come is predicted in one call."""

    def __init__(self, model: Model):
        self.model = model
        self.n_predicted = 0
        self.n_refused = 0
        self.last_took_s = 0.0
        self.writer = Producer(client.kafka_producer(settings))
        self.exchange = Predictions(settings) if settings.publish_predictions else None
        self._queue: deque[faust.EventT[Any]] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    async def take(self, event: faust.EventT[Any]) -> None:
        """Queue one Kafka record; wait while too many are waiting."""
        self._queue.append(event)
        self._filled.set()
        while len(self._queue) >= MAX_QUEUED:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Predict what comes, for as long as the worker runs."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._queue:
                await self._predict_some()

    async def close(self) -> None:
        """Disconnect."""
        await self.writer.stop()
        if self.exchange is not None:
            await self.exchange.close()

    async def _predict_some(self) -> None:
        """Predict the queued records, send the predictions to the partitions that their features came from, and ack."""
        events = self._next_batch()
        rows_of: dict[int, list[FeaturesRow]] = {}
        found: list[UnreadableRows] = []
        for event in events:
            message = event.message
            rows, unreadable = decode_record("features", message.value or b"", ts=message.timestamp)
            rows_of.setdefault(message.partition, []).extend(rows)  # type: ignore[arg-type]
            source = f"topic features/{message.partition}@{message.offset}"
            found.append(UnreadableRows(source, unreadable, of_kafka(message.key, message.headers)))
        await self._quarantine(*found)
        sending = [self._predict_partition(partition, rows) for partition, rows in rows_of.items() if rows]
        await asyncio.gather(*sending)
        for event in events:
            event.ack()

    def _next_batch(self) -> list[faust.EventT[Any]]:
        events = []
        size = 0
        while self._queue and size < MAX_BATCH_BYTES:
            events.append(self._queue.popleft())
            size += len(events[-1].message.value or b"")
        self._room.set()
        return events

    async def _predict_partition(self, partition: int, rows: list[FeaturesRow]) -> None:
        predicted, refused = await self._predict(rows)
        await self._quarantine(UnreadableRows(f"topic features/{partition}", refused))
        if predicted:
            await self.writer.write(names.y_pred.name, partition, [(encode_packet(predicted), [])])
            if self.exchange is not None:
                await self.exchange.publish(predicted)
        self.n_predicted += len(predicted)
        self.n_refused += len(refused)

    async def _predict(self, rows: list[FeaturesRow]) -> tuple[list[PredRow], list[Unreadable]]:
        started = time.perf_counter()
        if self.last_took_s > SLOW_S:
            answer = await asyncio.to_thread(predict, rows, self.model)
        else:
            answer = predict(rows, self.model)
        self.last_took_s = time.perf_counter() - started
        return answer

    async def _quarantine(self, *found: UnreadableRows) -> None:
        await self.writer.write(names.quarantine.name, 0, records_of(found, at=time.time()))


predicting: Predicting
loading: asyncio.Task[None]
loaded = asyncio.Event()
features = raw_topic(names.features.name)


@app.on_before_start
def begin_to_load() -> None:
    """Load the model beside everything else that starts: scikit-learn takes a second to import."""
    global loading
    loading = asyncio.create_task(_load())


async def _load() -> None:
    global predicting
    predicting = Predicting(await asyncio.to_thread(_model))
    if predicting.exchange is not None:
        predicting.exchange.start()
    app.closers.append(predicting.close)
    logger.info("The model %s takes %d features.", predicting.model.name, predicting.model.n_features)
    loaded.set()


def _model() -> Model:
    """Return the model; without one this agent cannot run. scikit-learn is imported here, and not for other commands."""
    from models.artefact import ModelError, load

    try:
        return load(settings.model, settings.model_pickle_sha256)
    except ModelError as exc:
        fatal(f"{exc} (A worker that is not to predict runs without it: HINDSIGHT_AGENTS=metric,plot.)")
    except Exception as exc:
        logger.exception("the model was not loaded")
        fatal(f"the model {settings.model} cannot be loaded: {exc!r}.")


@app.task
async def predict_rows() -> None:
    """Predict for as long as the worker runs. A defect here ends the process: nothing would be predicted any more."""
    await loaded.wait()
    try:
        await predicting.run()
    except Exception as exc:
        logger.exception("the agent `model` failed")
        fatal(f"the agent `model` cannot go on: {exc!r}.")


@app.agent(features, name="model", supervisor_strategy=mode.CrashingSupervisor)
async def model(stream: faust.StreamT[Any]) -> None:
    """Predict each Kafka record of features."""
    stream.enable_acks = False
    await loaded.wait()
    async for event in stream.events():
        await predicting.take(event)
