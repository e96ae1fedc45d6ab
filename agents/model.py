"""The agent `model`: predict each packet of features in one call, and send the predictions on to y_pred."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import faust
import mode

from agents.predict import predict
from models.artefact import Model, ModelError, load
from streams import connect, quarantine
from streams.end import end_process
from streams.faust_app import app, names, raw_topic, settings
from streams.records import FeaturesRow, PredRow, Unreadable, decode_record, encode_packet
from streams.writer import Writer

logger = logging.getLogger("hindsight.model")
SLOW_S = 0.005
"""A model whose last call took longer predicts in a thread, so that the event loop goes on."""
MAX_IN_FLIGHT = 64
"""Kafka records that may be between their prediction and Kafka's confirmation."""


class Predicting:
    """The model, and the way of its predictions to Kafka."""

    def __init__(self, model: Model):
        self.model = model
        self.n_predicted = 0
        self.n_refused = 0
        self.last_took_s = 0.0
        self.writer = Writer(connect.kafka_producer(settings))
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, event: faust.EventT[Any]) -> None:
        """Predict one Kafka record in the background; wait while MAX_IN_FLIGHT are under way."""
        await self._room.acquire()
        task = asyncio.create_task(self._take(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, event: faust.EventT[Any]) -> None:
        try:
            message = event.message
            rows, unreadable = decode_record("features", message.value, ts=message.timestamp)
            predicted, refused = await self._predict(rows)  # type: ignore[arg-type]
            await self._quarantine(f"topic {message.topic}/{message.partition}@{message.offset}", unreadable + refused)
            if predicted:
                await self.writer.write(names.y_pred.name, encode_packet(predicted), partition=message.partition)
            self.n_predicted += len(predicted)
            self.n_refused += len(unreadable) + len(refused)
            event.ack()
        except Exception as exc:
            logger.exception("the agent `model` failed on a record")
            end_process(f"the agent `model` cannot go on: {exc!r}.")
        finally:
            self._room.release()

    async def _predict(self, rows: list[FeaturesRow]) -> tuple[list[PredRow], list[Unreadable]]:
        started = time.perf_counter()
        if self.last_took_s > SLOW_S:
            answer = await asyncio.to_thread(predict, rows, self.model)
        else:
            answer = predict(rows, self.model)
        self.last_took_s = time.perf_counter() - started
        return answer

    async def _quarantine(self, source: str, rows: list[Unreadable]) -> None:
        for row in rows:
            for record in quarantine.records(row, source=source, at=time.time(), properties={}):
                await self.writer.write(names.quarantine.name, record.value, partition=0, headers=record.headers)


predicting: Predicting
features = raw_topic(names.features.name)


@app.on_before_start
def load_model() -> None:
    """Load the model; without one this agent cannot run."""
    global predicting
    try:
        predicting = Predicting(load(settings.model, settings.model_pickle_sha256))
    except ModelError as exc:
        end_process(f"{exc} (A worker that is not to predict runs without it: HINDSIGHT_AGENTS=metric,plot.)")
    app.closers.append(predicting.writer.stop)
    logger.info("The model %s takes %d features.", predicting.model.name, predicting.model.n_features)


@app.agent(features, name="model", supervisor_strategy=mode.CrashingSupervisor)
async def model(stream: faust.StreamT[Any]) -> None:
    """Predict each Kafka record of features."""
    stream.enable_acks = False
    async for event in stream.events():
        await predicting.take(event)
