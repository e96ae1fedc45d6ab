"""What lay unread in the partitions that there were: joined where it belongs there, and sent on to the new ones.

It is what a worker would do. But before workers run it is done at once, so that no new partition is taken for idle, or ends ids
by the time of newer rows, while older rows of its ids lie elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from agents.joining import Joining
from streams.kafka.client import librdkafka
from streams.kafka.fetcher import Batch, Fetcher
from streams.kafka.offsets import positions
from streams.kafka.records import TP
from streams.kafka.topics import topics
from streams.process.progress import Progress
from streams.settings import Settings
from streams.table.inputs import KINDS
from streams.table.owner import Owner
from streams.table.store import PairsStore

LOOK_EVERY_S = 0.05


async def drain(settings: Settings, stores: Sequence[PairsStore], n_before: int, *, writer: str) -> None:
    """Have the first `n_before` partitions read up to where their inputs end now.

    Args:
        stores: of all partitions; each holds what its log says.

    Raises:
        Unavailable: Kafka does not answer.
    """
    names = topics(settings)

    def deliver(batch: Batch) -> None:
        joining.feed(batch)

    fetcher = Fetcher(librdkafka(settings), deliver)
    joining = Joining(settings, names, fetcher, stores.__getitem__, no_other_log, lambda told, n_bytes: False)
    joining.instance_id = writer
    fetcher.start()
    sending = [asyncio.create_task(run) for run in (joining.outbox.run(), joining.forwarder.run())]
    try:
        owners = {p: await joining.owner(p) for p in range(n_before)}
        await _sent(owners.values())
        tps = [TP(names.of_kind(kind).name, p) for p in owners for kind in KINDS]
        found = await positions(settings, tps)
        ends = {p: [found[TP(names.of_kind(kind).name, p)].end for kind in KINDS] for p in owners}
        await _read(joining, owners, ends)
        await _sent(owners.values())
    finally:
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        await fetcher.stop()
        await joining.close()


def no_other_log(partition: int, reason: str) -> PairsStore:
    """Stand for a database that is another log's: each was made for the log that it is read from."""
    raise AssertionError(f"the database of partition {partition}, which was made for its log, {reason}")


async def _read(joining: Joining, owners: dict[int, Owner], ends: dict[int, list[int]]) -> None:
    left = {p: owner for p, owner in owners.items() if not owner.inputs.are_read_to(ends[p])}
    if not left:
        return
    n_all = sum(end for p in left for end in ends[p])
    begun = sum(at for owner in left.values() for at in owner.store.checkpoint.input_offsets)
    running = [asyncio.create_task(owner.run()) for owner in left.values()]
    await joining.fetch(left)
    with Progress("Reading what is unread", n_all - begun) as progress:
        while not all(owner.inputs.are_read_to(ends[p]) for p, owner in left.items()):
            at = sum(at for owner in left.values() for at in owner.store.checkpoint.input_offsets)
            progress.show(at - begun)
            await asyncio.sleep(LOOK_EVERY_S)
    await joining.stop_fetching(left)
    for owner in left.values():
        owner.stop()
    await asyncio.gather(*running)


async def _sent(owners: Collection[Owner]) -> None:
    """Wait until Kafka has what these owners have decided: verdicts, and rows that were sent on."""
    for owner in owners:
        while True:
            checkpoint = owner.store.checkpoint
            if owner.confirmed >= checkpoint.verdicts_at and owner.forwarded >= checkpoint.forwards_at:
                break
            await asyncio.sleep(LOOK_EVERY_S)
