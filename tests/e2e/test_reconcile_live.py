"""`reconcile` beside a running worker, while rows come: what is on its way is not missing, however slowly it is read."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest

from commands.probes import kafka_ranges
from commands.probes.kafka_ranges import Ranges
from commands.reconcile.collect import Gatherer
from commands.reconcile.facts import Facts
from commands.reconcile.sums import Result, compute
from streams.kafka.records import StoredRecord
from streams.settings import Settings, load
from tests.brokers import Brokers
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

A_MESSAGE = 20
EFFECT_S = 60.0


class Flow(threading.Thread):
    """Publishes both sides of one id after the other, and now and then what cannot be read, until it is stopped."""

    def __init__(self, pipeline: Pipeline):
        super().__init__(daemon=True)
        self._pipeline, self._stopped = pipeline, threading.Event()

    def run(self) -> None:
        for n in itertools.count():
            if self._stopped.is_set():
                return
            ids = [f"i{n * A_MESSAGE + one}" for one in range(A_MESSAGE)]
            self._pipeline.publish("y_true", [[{"id": one, "y_true": 1.5} for one in ids], b"no json"])
            self._pipeline.publish("y_pred", [[{"id": one, "y_pred": 1.0} for one in ids]])
            self._pipeline.publish("features", [[{"id": f"f{one}", "features": [0.01] * 10} for one in ids]])

    def stop(self) -> None:
        self._stopped.set()
        self.join()


@pytest.fixture(scope="module")
def flowing(brokers: Brokers) -> Iterator[Pipeline]:
    """A pipeline through which rows flow."""
    pipeline = Pipeline(brokers, join_window_s=2, max_out_of_orderness_s=1, partitions=2)
    flow = Flow(pipeline)
    try:
        pipeline.start()
        flow.start()
        wait_until(lambda: pipeline.status().get("matched", 0) > 0, EFFECT_S, "the first pairs are joined")
        yield pipeline
    finally:
        flow.stop()
        pipeline.end()


class SlowRanges:
    """Reads Kafka so slowly that pairs are joined, written and confirmed before each of its answers."""

    def __init__(self, ranges: Ranges, pipeline: Pipeline):
        self._ranges, self._pipeline = ranges, pipeline

    async def bounds(self, topic: str, n_partitions: int) -> Sequence[Any]:
        await self._meanwhile()
        return await self._ranges.bounds(topic, n_partitions)

    async def committed(self, group: str, topic: str, n_partitions: int) -> list[int]:
        await self._meanwhile()
        return await self._ranges.committed(group, topic, n_partitions)

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[StoredRecord]]:
        async for records in self._ranges.read(topic, partition, start, end):
            yield records
            await self._meanwhile()

    async def _meanwhile(self) -> None:
        written = len(self._pipeline.metric_rows()) + A_MESSAGE
        await asyncio.to_thread(
            wait_until, lambda: len(self._pipeline.metric_rows()) > written, EFFECT_S, "more pairs are written"
        )


def test_it_adds_up_each_time_it_is_asked(flowing: Pipeline) -> None:
    for _ in range(3):
        ran = flowing.run_command("reconcile", "--json")
        found = json.loads(ran.stdout)
        wrong = [each for each in found["sums"] if not each["holds"]]
        assert (wrong, found["strange"], found["unchecked"], ran.returncode) == ([], [], [], 0)


def test_it_adds_up_however_slowly_kafka_is_read(flowing: Pipeline) -> None:
    found = asyncio.run(slowly(load(flowing.environ), flowing))
    wrong = [each.name for each in found.sums if not each.holds]
    assert (wrong, found.strange, found.unchecked, found.code) == ([], [], [], 0)
    decided = sum(each.left for each in found.sums if "verdicts in the log" in each.name)
    confirmed = next(each.left for each in found.sums if each.name.startswith("verdicts confirmed"))
    assert 0 < confirmed < decided, "pairs were joined while it read"


async def slowly(settings: Settings, pipeline: Pipeline) -> Result:
    facts = Facts()
    try:
        async with kafka_ranges.ranges(settings) as ranges:
            reader: Any = SlowRanges(ranges, pipeline)
            gatherer = Gatherer(settings, reader, facts, start=None, end=None, delivered={})
            return compute(await gatherer.run(), facts)
    finally:
        facts.close()
