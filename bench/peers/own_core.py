"""Our own join and metric log without Faust: the same `Joining`, `Fetcher` and outbox, in a loop written by hand.

What Faust costs us is the difference. Durable as ours is; one process has all partitions: no group to share them with, no
standbys, no web view, no picture.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from typing import Any

import rocksdict

from agents.joining import Joining
from agents.metric_log.incoming import Incoming
from agents.metric_log.local_path import LocalPath
from agents.metric_log.log import MetricLog
from streams.kafka.client import librdkafka
from streams.kafka.fetcher import Batch, Fetcher
from streams.kafka.records import TP
from streams.kafka.topics import topics
from streams.settings import load
from streams.table.pairs_table import BLOCK_CACHE_BYTES
from streams.table.store import PairsStore
from streams.table.witness import Witness

settings = load(os.environ)
names = topics(settings)
cache = rocksdict.Cache(BLOCK_CACHE_BYTES)


async def main() -> None:
    """Join for ever."""
    settings.state_path.mkdir(parents=True, exist_ok=True)
    local_path = LocalPath()
    metric: asyncio.Queue[Batch] = asyncio.Queue()

    def deliver(batch: Batch) -> None:
        if batch.tp.topic == names.metric.name:
            metric.put_nowait(batch)
        else:
            joining.feed(batch)

    fetcher = Fetcher(librdkafka(settings), deliver)
    joining = Joining(settings, names, fetcher, _store, _no_other_log, local_path.put)
    incoming = Incoming(Witness(joining.log, settings.partitions).confirms)
    joining.instance_id = secrets.token_hex(8)
    fetcher.start()
    owners = {partition: await joining.owner(partition) for partition in range(settings.partitions)}
    await joining.fetch(owners)
    await fetcher.assign({TP(names.metric.name, 0): 0})
    logging.info("ready")
    async with asyncio.TaskGroup() as tasks:
        for running in (joining.outbox.run(), *write_log(fetcher, incoming, local_path, metric)):
            tasks.create_task(running)
        for owner in owners.values():
            tasks.create_task(owner.run())


def _store(partition: int) -> PairsStore:
    return PairsStore(settings.state_path / f"pairs-{partition}", cache)


def _no_other_log(partition: int, suffix: str) -> PairsStore:
    raise ValueError(f"the database of partition {partition} belongs to another log")


def write_log(
    fetcher: Fetcher, incoming: Incoming, local_path: LocalPath, metric: asyncio.Queue[Batch]
) -> tuple[Any, Any]:
    """Write the metric log, from the local path and from the topic `metric`, as the worker does."""
    log, one_at_a_time = MetricLog.open(settings.logs_dir), asyncio.Lock()
    local_path.is_open = True

    async def write_what_is_handed_over() -> None:
        while True:
            await local_path.filled.wait()
            local_path.filled.clear()
            async with one_at_a_time:
                if records := local_path.following(log.state.copy_of_positions()):
                    await asyncio.to_thread(log.append, records)

    async def write_what_kafka_has() -> None:
        while True:
            batch = await metric.get()
            async with one_at_a_time:
                if records := await incoming.unwritten([batch], log.state.copy_of_positions()):
                    await asyncio.to_thread(log.append, records)
            fetcher.done(batch)

    return write_what_is_handed_over(), write_what_kafka_has()


if __name__ == "__main__":
    asyncio.run(main())
