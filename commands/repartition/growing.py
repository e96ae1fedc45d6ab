"""The steps of a growth, each of which finds out by itself what of it is done, so that the whole can be run again.

The decision log grows first, and `features` last: as long as they differ, no worker and no bridge starts.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import rocksdict

from commands.probes import Unavailable
from commands.repartition.draining import drain, no_other_log
from streams.join.deadlines import Rules
from streams.kafka.admin import Admin
from streams.kafka.reader import Reader
from streams.kafka.records import TP
from streams.kafka.topics import Topics, topics
from streams.process.progress import Progress
from streams.settings import Settings
from streams.table.decision_log import DecisionLog
from streams.table.moving import Moving
from streams.table.restore import restore
from streams.table.store import PairsStore

WRITER = "repartition"
BLOCK_CACHE_BYTES = 8 << 20
LOOKS, LOOK_EVERY_S = 200, 0.1


def in_order(names: Topics) -> tuple[str, ...]:
    """Return the topics in the order in which they grow."""
    return names.pairs_log.name, names.y_true.name, names.y_pred.name, names.features.name


async def grow(settings: Settings, n_before: int) -> int:
    """Grow the topics to the settings' partitions, or go on with it; return how many states this has moved.

    Args:
        n_before: of how many partitions the ids were placed by.

    Raises:
        Overtaken: somebody else writes the decision log.
        CannotRestore: a newer program wrote it.
        Unavailable: Kafka does not answer, or refuses.
    """
    names, n = topics(settings), settings.partitions
    rules = Rules(settings.join_window_s, settings.max_out_of_orderness_s, settings.dedupe_horizon_s)
    log = DecisionLog(settings)
    try:
        with tempfile.TemporaryDirectory(prefix="hindsight-repartition-") as directory, ExitStack() as held:
            cache = rocksdict.Cache(BLOCK_CACHE_BYTES)
            stores = [held.enter_context(closing(PairsStore(Path(directory, f"pairs-{p}"), cache))) for p in range(n)]
            moving = Moving(stores, log, rules, settings.model_names, writer=WRITER)
            n_log = (await numbers(settings))[names.pairs_log.name]
            await _read(stores, range(n_log), log)
            for p in range(n_log):
                if not stores[p].checkpoint.partitions:
                    await moving.place(p, n_before)
            await _grown(settings, names.pairs_log.name)
            await _move(stores, moving, n_before)
            await _grown(settings, names.y_true.name)
            await _grown(settings, names.y_pred.name)
            await drain(settings, stores, n_before, writer=WRITER)
            await _grown(settings, names.features.name)
            return moving.n_moved
    finally:
        await log.stop()


async def _read(stores: Sequence[PairsStore], partitions: Sequence[int], log: DecisionLog) -> None:
    """Bring stores up to their logs, as a worker without its databases would."""
    with Progress("Reading the decision log", len(partitions)) as progress:
        for n_done, p in enumerate(partitions):
            progress.show(n_done)
            await restore(p, stores[p], log, no_other_log)


async def _move(stores: Sequence[PairsStore], moving: Moving, n_before: int) -> None:
    """Move all states that do not lie where they belong; say of each partition that is done by how many it is placed."""
    with Progress("Moving ids", len(stores)) as progress:
        for p in range(len(stores)):
            progress.show(p)
            await moving.move(p, n_before)
            await moving.place(p, len(stores))


async def numbers(settings: Settings) -> dict[str, int]:
    """Return how many partitions each topic of Kafka has.

    Raises:
        Unavailable: Kafka does not answer.
    """
    async with Admin(settings) as admin:
        return await admin.partitions()


async def _grown(settings: Settings, topic: str) -> None:
    """Have a topic grow, if it has not, and wait until Kafka shows it so, with a leader for each partition."""
    n = settings.partitions
    async with Admin(settings) as admin, Reader(settings) as reader:
        if (await admin.partitions())[topic] < n:
            await admin.grow([topic], n)
        for _ in range(LOOKS):
            if (await admin.partitions())[topic] == n:
                await reader.bounds([TP(topic, p) for p in range(n)])
                return
            await asyncio.sleep(LOOK_EVERY_S)
    raise Unavailable(f"Kafka does not show the new partitions of {topic!r} yet. Run the same command again.")
