"""The models, and the way of their predictions to Kafka.

Each model predicts in a thread of its own and sends its predictions at once, so that none waits for another. What was fetched
is done with once all have answered: predicted or refused each row. Of history, whose rows lie further apart than the join waits
for a row, the models answer together: all share the join's watermark, and what the slower one sent afterwards would be too late.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from agents.loading import load_model
from agents.predictor import Answers, Predictor
from bridge.kafka import RECORD_BYTES
from bridge.packets import pack
from bridge.predictions import Predictions
from streams.kafka.fetcher import Batch, Fetcher
from streams.kafka.producer import Producer
from streams.kafka.topics import Topics
from streams.process.fatal import fatal
from streams.process.link import Link
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
MAX_AHEAD = 8
"""So many batches one of several models may be ahead of another."""


class _Work(NamedTuple):
    """What was fetched, the least ts of its rows, and the models' answers under way."""

    batches: list[Batch]
    first_ts: float
    answers: list[asyncio.Task[None]]


class Predicting:
    """The models, and the way of their predictions to Kafka: what has come is predicted in one call of each."""

    def __init__(self, settings: Settings, names: Topics, fetcher: Fetcher):
        self._settings, self._names, self._fetcher = settings, names, fetcher
        files = settings.model_files
        self.predictors = [Predictor(file, is_alone=len(files) == 1) for file in files]
        self.n_predicted = 0
        self.n_refused = 0
        self.decoder = Decoder("features", settings.fields)
        self.producer = Producer(settings, Link("predictions", logger, is_up=True), waiting="the predictions wait")
        self.exchange = Predictions(settings) if settings.publish_predictions else None
        self._loading: asyncio.Task[None] | None = None
        self._queue: deque[Batch] = deque()
        self._filled = asyncio.Event()
        self._under_way: deque[_Work] = deque()
        self._max_under_way = MAX_AHEAD if len(files) > 1 else 1

    @property
    def models(self) -> list[Model]:
        """Those that are loaded."""
        return [one.model for one in self.predictors if one.model is not None]

    @property
    def problem(self) -> str:
        """One sentence that says why rows are not predicted now; empty if they are."""
        said = " ".join(problem for one in self.predictors if (problem := one.problem))
        return said or self.producer.problem

    @property
    def _may_begin(self) -> bool:
        return len(self._under_way) < self._max_under_way

    def names(self, model: str) -> Sequence[str] | None:
        """Return the names of a model's features in its order; None if it does not run here, or has none."""
        return next((one.names for one in self.models if one.name == model), None)

    @property
    def unit(self) -> str:
        """The unit of what is predicted, as the model's card names it; empty if no model runs here, or none is named."""
        return next((one.unit for one in self.models if one.unit), "")

    def begin_to_load(self) -> None:
        """Load the models and try them, beside everything else that starts: scikit-learn takes a second to import."""
        self._loading = asyncio.create_task(self._load())

    async def load(self) -> None:
        """Wait until the models are loaded; without one of them the process ends."""
        assert self._loading is not None, "it was begun before"
        await self._loading
        for model in self.models:
            logger.info("The model %s takes %d features.", model.label, len(model.columns))
            for remark in model.remarks:
                logger.warning("The model %s was %s.", model.label, remark)

    def take(self, batch: Batch) -> None:
        """Queue records of features; who fetches them bounds how many wait."""
        self._queue.append(batch)
        self._filled.set()

    async def run(self) -> None:
        """Predict what comes, for as long as the worker runs."""
        if self.exchange is not None:
            self.exchange.start()
        try:
            while True:
                if not self._under_way and not self._queue:
                    await self._filled.wait()
                self._filled.clear()
                while self._queue and self._may_begin:
                    self._under_way.append(await self._begun())
                await self._some_done()
        finally:
            for task in (task for work in self._under_way for task in work.answers):
                task.cancel()

    async def close(self) -> None:
        """Disconnect."""
        await self.producer.stop()
        if self.exchange is not None:
            await self.exchange.close()

    async def _load(self) -> None:
        from models.errors import ModelError

        listed = self._settings.model_names
        for one in self.predictors:
            try:
                model = await one.load(lambda file=one.file: load_model(self._settings, file))  # type: ignore[misc]
            except ModelError as exc:
                fatal(f"{exc} (To run a worker that does not predict, set HINDSIGHT_AGENTS=metric,plot.)")
            except Exception as exc:
                logger.exception("the model was not loaded")
                fatal(f"the model {one.file.path} cannot be loaded: {exc!r}.")
            if listed and model.name not in listed:
                fatal(
                    f"the model {model.name} ({one.file.path}) is not in HINDSIGHT_MODELS ({', '.join(listed)}): its "
                    f"predictions would be refused. Name it: HINDSIGHT_MODEL={listed[0]}={one.file.path}"
                )

    async def _begun(self) -> _Work:
        """Have every model begin with what is queued; what cannot be read is in quarantine before."""
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
        ts = [row.ts for some in rows_of.values() for row in some]
        first, last = min(ts, default=math.inf), max(ts, default=-math.inf)
        if len(self.predictors) > 1:
            apart_s = self._settings.max_out_of_orderness_s
            if last - min([first, *(work.first_ts for work in self._under_way)]) > apart_s:
                await asyncio.gather(*(task for work in self._under_way for task in work.answers))
            if last - first > apart_s:
                await self._answer_together(rows_of)
                return _Work(batches, first, [])
        return _Work(batches, first, [asyncio.create_task(self._answer(one, rows_of)) for one in self.predictors])

    def _next_batches(self) -> list[Batch]:
        batches: list[Batch] = []
        size = 0
        while self._queue and size < MAX_BATCH_BYTES:
            batches.append(self._queue.popleft())
            size += batches[-1].n_bytes
        return batches

    async def _some_done(self) -> None:
        """Wait until the oldest work is done, or more has come that may begin; say what is done, in order."""
        while self._under_way:
            oldest = self._under_way[0]
            if not all(task.done() for task in oldest.answers):
                if self._queue and self._may_begin:
                    return
                if not self._queue:
                    self._filled.clear()
                await self._wait(oldest.answers)
                continue
            for task in oldest.answers:
                task.result()
            self._under_way.popleft()
            for batch in oldest.batches:
                self._fetcher.done(batch)

    async def _wait(self, answers: Sequence[asyncio.Task[None]]) -> None:
        came = asyncio.ensure_future(self._filled.wait())
        try:
            pending = [task for task in answers if not task.done()]
            wait_for = [*pending, came] if self._may_begin else pending
            await asyncio.wait(wait_for, return_when=asyncio.FIRST_COMPLETED)
        finally:
            came.cancel()

    async def _answer(self, predictor: Predictor, rows_of: dict[int, list[FeaturesRow]]) -> None:
        """Have a model predict rows, all in one call, and send on what became of them."""
        answers = await predictor.predict([row for some in rows_of.values() for row in some])
        async with predictor.sending:
            await self._tell(rows_of, [answers])

    async def _answer_together(self, rows_of: dict[int, list[FeaturesRow]]) -> None:
        """Have all models predict rows, and send on what became of each row, of one model after the other."""
        rows = [row for some in rows_of.values() for row in some]
        await self._tell(rows_of, await asyncio.gather(*(one.predict(rows) for one in self.predictors)))

    async def _tell(self, rows_of: dict[int, list[FeaturesRow]], answers_of: Sequence[Answers]) -> None:
        """Send on the answers of models, each of which has one for each row."""
        answers = list(zip(*answers_of, strict=True))
        refused: list[UnreadableRows] = []
        at = 0
        for partition, some in rows_of.items():
            these = [one for of_row in answers[at : at + len(some)] for one in of_row if isinstance(one, Unreadable)]
            refused.append(UnreadableRows(f"topic features/{partition}", these))
            at += len(some)
        predicted = [one for of_row in answers for one in of_row if isinstance(one, PredRow)]
        await self._quarantine(refused)
        await self._send(predicted)
        self.n_predicted += len(predicted)
        self.n_refused += len(answers) * len(answers_of) - len(predicted)

    async def _send(self, predicted: list[PredRow]) -> None:
        """Write predictions to the partitions of their ids, wherever their features lay."""
        topic, headers = self._names.y_pred, [packed_for(self._names.y_pred.partitions)]
        packets = pack(predicted, topic.partitions, MAX_PACKET_ROWS, RECORD_BYTES)
        await asyncio.gather(
            *(self.producer.write(topic.name, packet.partition, [(packet.value, headers)]) for packet in packets)
        )
        if self.exchange is not None and predicted:
            await self.exchange.publish(predicted)

    async def _quarantine(self, found: Iterable[UnreadableRows]) -> None:
        await self.producer.write(self._names.quarantine.name, 0, records_of(found, at=time.time()))
