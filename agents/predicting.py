"""The model, and the way of its predictions to Kafka."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from agents.loading import load_model
from agents.predict import predict
from bridge.kafka import RECORD_BYTES
from bridge.packets import pack
from bridge.predictions import Predictions
from streams.kafka.fetcher import Batch, Fetcher
from streams.kafka.producer import Producer
from streams.kafka.topics import Topics
from streams.process.fatal import fatal
from streams.process.link import Link
from streams.process.own_thread import OwnThread
from streams.settings import Settings
from streams.wire.dead_letters import UnreadableRows, of_kafka, records_of
from streams.wire.decoder import Decoder
from streams.wire.forwarding import packed_for
from streams.wire.rows import FeaturesRow, PredRow, Unreadable

if TYPE_CHECKING:
    from models.model import Model

logger = logging.getLogger("hindsight.model")
MAX_BATCH_BYTES = 400_000
MAX_PACKET_ROWS = 5000
LONG_S = 10.0
"""A model that has been at work for longer is said to hang, for as long as it is."""
T = TypeVar("T")


class Predicting:
    """The model, and the way of its predictions to Kafka: what has come is predicted in one call, in a thread of its own."""

    def __init__(self, settings: Settings, names: Topics, fetcher: Fetcher):
        self._settings, self._names, self._fetcher = settings, names, fetcher
        self.model: Model | None = None
        """None until it is loaded."""
        self.n_predicted = 0
        self.n_refused = 0
        self.decoder = Decoder("features", settings.fields)
        self.producer = Producer(settings, Link("predictions", logger, is_up=True), waiting="the predictions wait")
        self.exchange = Predictions(settings) if settings.publish_predictions else None
        self._thread = OwnThread("model")
        self._loading: asyncio.Task[Model] | None = None
        self._queue: deque[Batch] = deque()
        self._filled = asyncio.Event()

    @property
    def problem(self) -> str:
        """One sentence that says why rows are not predicted now; empty if they are."""
        if self._thread.busy_s > LONG_S:
            return self._hangs()
        return "The model is not loaded yet." if self.model is None else self.producer.problem

    def names(self, model: str) -> Sequence[str] | None:
        """Return the names of a model's features in its order; None if it is not the one that runs here, or has none."""
        return self.model.names if self.model is not None and self.model.name == model else None

    @property
    def unit(self) -> str:
        """The unit of what is predicted, as the model's card names it; empty if no model runs here, or none is named."""
        return self.model.unit if self.model is not None else ""

    def begin_to_load(self) -> None:
        """Load the model and try it, beside everything else that starts: scikit-learn takes a second to import."""
        self._loading = asyncio.create_task(self._load())

    async def load(self) -> None:
        """Wait until the model is loaded; without one the process ends."""
        assert self._loading is not None, "it was begun before"
        self.model = await self._loading
        logger.info("The model %s takes %d features.", self.model.label, len(self.model.columns))
        for remark in self.model.remarks:
            logger.warning("The model %s was %s.", self.model.label, remark)

    def take(self, batch: Batch) -> None:
        """Queue records of features; who fetches them bounds how many wait."""
        self._queue.append(batch)
        self._filled.set()

    async def run(self) -> None:
        """Predict what comes, for as long as the worker runs."""
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

    async def _load(self) -> Model:
        from models.errors import ModelError

        try:
            return await self._in_thread(lambda: _load(self._settings))
        except ModelError as exc:
            fatal(f"{exc} (To run a worker that does not predict, set HINDSIGHT_AGENTS=metric,plot.)")
        except Exception as exc:
            logger.exception("the model was not loaded")
            fatal(f"the model {self._settings.model} cannot be loaded: {exc!r}.")

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
        await self._quarantine(found)
        await self._predict(rows_of)
        for batch in batches:
            self._fetcher.done(batch)

    def _next_batches(self) -> list[Batch]:
        batches: list[Batch] = []
        size = 0
        while self._queue and size < MAX_BATCH_BYTES:
            batches.append(self._queue.popleft())
            size += batches[-1].n_bytes
        return batches

    async def _predict(self, rows_of: dict[int, list[FeaturesRow]]) -> None:
        """Predict rows by the partition that they came from, all in one call."""
        model = self.model
        assert model is not None, "nothing is fetched before the model is loaded"
        rows = [row for some in rows_of.values() for row in some]
        answers = await self._in_thread(lambda: predict(rows, model))
        refused: list[UnreadableRows] = []
        at = 0
        for partition, some in rows_of.items():
            these = [answer for answer in answers[at : at + len(some)] if isinstance(answer, Unreadable)]
            refused.append(UnreadableRows(f"topic features/{partition}", these))
            at += len(some)
        await self._quarantine(refused)
        predicted = [answer for answer in answers if isinstance(answer, PredRow)]
        await self._send(predicted)
        self.n_predicted += len(predicted)
        self.n_refused += len(answers) - len(predicted)

    async def _send(self, predicted: list[PredRow]) -> None:
        """Write predictions to the partitions of their ids, wherever their features lay."""
        topic, headers = self._names.y_pred, [packed_for(self._names.y_pred.partitions)]
        packets = pack(predicted, topic.partitions, MAX_PACKET_ROWS, RECORD_BYTES)
        await asyncio.gather(
            *(self.producer.write(topic.name, packet.partition, [(packet.value, headers)]) for packet in packets)
        )
        if self.exchange is not None and predicted:
            await self.exchange.publish(predicted)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Have the model's thread do something; say it once in the log if that takes long, and once when it is done."""
        doing = asyncio.create_task(self._thread.do(work))
        try:
            await asyncio.wait([doing], timeout=LONG_S)
            if not doing.done():
                logger.error("%s", self._hangs())
                await asyncio.wait([doing])
                logger.info("The model answers again.")
            return await doing
        finally:
            doing.cancel()

    def _hangs(self) -> str:
        busy_s = self._thread.busy_s
        if self.model is None:
            return (
                f"The model {self._settings.model} has been loading for {busy_s:.0f} s: the worker joins once it has."
            )
        return (
            f"The model {self.model.label} has been at work on one batch for {busy_s:.0f} s: further rows of features wait "
            f"in Kafka, and the join goes on. If it does not answer, restart the worker, or set HINDSIGHT_MODEL to another one."
        )

    async def _quarantine(self, found: Iterable[UnreadableRows]) -> None:
        await self.producer.write(self._names.quarantine.name, 0, records_of(found, at=time.time()))


def _load(settings: Settings) -> Model:
    """Return the model; NumPy's threads, which it would have spin beside the join, are one from now on."""
    from threadpoolctl import threadpool_limits

    model = load_model(settings)
    threadpool_limits(1, user_api="blas")
    return model
