"""The model, and the way of its predictions to Kafka."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from agents.loading import load_model
from agents.predict import predict
from bridge.predictions import Predictions
from streams.kafka import client
from streams.kafka.fetcher import Batch, Fetcher
from streams.kafka.producer import Producer
from streams.kafka.topics import Topics
from streams.process.fatal import fatal
from streams.settings import Settings
from streams.wire.dead_letters import UnreadableRows, of_kafka, records_of
from streams.wire.decoder import Decoder
from streams.wire.forwarding import packed_for
from streams.wire.partition import partitions_of
from streams.wire.rows import FeaturesRow, PredRow, Unreadable, encode_packet

if TYPE_CHECKING:
    from models.model import Model

logger = logging.getLogger("hindsight.model")
SLOW_S = 0.005
"""A model whose last call took longer predicts in a thread, so that the event loop goes on."""
MAX_BATCH_BYTES = 400_000


class Predicting:
    """The model, and the way of its predictions to Kafka: what has come is predicted in one call."""

    def __init__(self, settings: Settings, names: Topics, fetcher: Fetcher):
        self._settings, self._names, self._fetcher = settings, names, fetcher
        self.model: Model | None = None
        """None until it is loaded."""
        self.n_predicted = 0
        self.n_refused = 0
        self.last_took_s = 0.0
        self.decoder = Decoder("features", settings.fields)
        self.producer = Producer(client.kafka_producer(settings))
        self.exchange = Predictions(settings) if settings.publish_predictions else None
        self._queue: deque[Batch] = deque()
        self._filled = asyncio.Event()

    def take(self, batch: Batch) -> None:
        """Queue records of features; who fetches them bounds how many wait."""
        self._queue.append(batch)
        self._filled.set()

    async def run(self) -> None:
        """Load the model, then predict what comes, for as long as the worker runs."""
        self.model = await asyncio.to_thread(_load, self._settings)
        logger.info("The model %s takes %d features.", self.model.label, len(self.model.columns))
        for remark in self.model.remarks:
            logger.warning("The model %s was %s.", self.model.label, remark)
        if self.exchange is not None:
            self.exchange.start()
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._queue:
                await self._predict_some()

    async def close(self) -> None:
        """Disconnect."""
        await self.producer.stop()
        if self.exchange is not None:
            await self.exchange.close()

    async def _predict_some(self) -> None:
        """Predict the queued records, and send the predictions on."""
        batches = self._next_batches()
        rows_of: dict[int, list[FeaturesRow]] = {}
        found: list[UnreadableRows] = []
        for batch in batches:
            partition = batch.tp.partition
            for record in batch.records:
                rows, unreadable = self.decoder.record(record.value() or b"", record.timestamp()[1] / 1e3, record.key())
                rows_of.setdefault(partition, []).extend(rows)  # type: ignore[arg-type]
                source = f"topic features/{partition}@{record.offset()}"
                found.append(UnreadableRows(source, unreadable, of_kafka(record.key(), record.headers())))
        await self._quarantine(*found)
        sending = [self._predict_partition(partition, rows) for partition, rows in rows_of.items() if rows]
        await asyncio.gather(*sending)
        for batch in batches:
            self._fetcher.done(batch)

    def _next_batches(self) -> list[Batch]:
        batches: list[Batch] = []
        size = 0
        while self._queue and size < MAX_BATCH_BYTES:
            batches.append(self._queue.popleft())
            size += batches[-1].n_bytes
        return batches

    async def _predict_partition(self, partition: int, rows: list[FeaturesRow]) -> None:
        predicted, refused = await self._predict(rows)
        await self._quarantine(UnreadableRows(f"topic features/{partition}", refused))
        if predicted:
            await self._send(predicted)
            if self.exchange is not None:
                await self.exchange.publish(predicted)
        self.n_predicted += len(predicted)
        self.n_refused += len(refused)

    async def _send(self, predicted: list[PredRow]) -> None:
        """Write predictions to the partitions of their ids, wherever their features lay."""
        n = self._settings.partitions
        homes: dict[int, list[PredRow]] = {}
        for row, home in zip(predicted, partitions_of([row.id for row in predicted], n), strict=True):
            homes.setdefault(home, []).append(row)
        topic, headers = self._names.y_pred.name, [packed_for(n)]
        await asyncio.gather(
            *(self.producer.write(topic, home, [(encode_packet(rows), headers)]) for home, rows in homes.items())
        )

    async def _predict(self, rows: list[FeaturesRow]) -> tuple[list[PredRow], list[Unreadable]]:
        assert self.model is not None, "nothing is predicted before the model is loaded"
        started = time.perf_counter()
        if self.last_took_s > SLOW_S:
            answer = await asyncio.to_thread(predict, rows, self.model)
        else:
            answer = predict(rows, self.model)
        self.last_took_s = time.perf_counter() - started
        return answer

    async def _quarantine(self, *found: UnreadableRows) -> None:
        await self.producer.write(self._names.quarantine.name, 0, records_of(found, at=time.time()))


def _load(settings: Settings) -> Model:
    """Return the model; without one this agent cannot run. scikit-learn is imported here, and not for other commands."""
    from models.errors import ModelError

    try:
        return load_model(settings)
    except ModelError as exc:
        fatal(f"{exc} (To run a worker that does not predict, set HINDSIGHT_AGENTS=metric,plot.)")
    except Exception as exc:
        logger.exception("the model was not loaded")
        fatal(f"the model {settings.model} cannot be loaded: {exc!r}.")
