"""The moving of states to the partitions that their ids belong to, from log to log, while no worker runs.

Each step is a record of a log. What was appended anywhere but right behind its base is void, and means that somebody else
writes; what is left undone is seen from the stores alone, which are the logs read (see `streams.join.moving`).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from streams.join import decision, moving
from streams.join import state as pair
from streams.join.deadlines import Rules
from streams.join.decision import Checkpoint, Decision
from streams.join.keys import id_of, other_key
from streams.join.lanes import base_of
from streams.join.state import MATCHED
from streams.table.decision_log import DecisionLog
from streams.table.store import PairsStore
from streams.wire.partition import partitions_of

PAGE = 2_000
RECORD_BYTES = 700_000
"""About what a record holds at most; one state is never parted."""


class Overtaken(Exception):
    """Somebody else writes the decision log; the message is a sentence."""


class Leaving(NamedTuple):
    """A state that belongs to another partition: its key here and there, and the row kept beside it, if there is one."""

    key: bytes
    key_there: bytes
    packed: bytes
    other: bytes | None

    @property
    def n_bytes(self) -> int:
        """What it takes in a record, about."""
        return 2 * len(self.key) + len(self.packed) + len(self.other or b"") + 20


class Moving:
    """Moves states between the partitions of one log.

    Args:
        stores: of each partition, as its log says.
        models: as `decide` takes them.
        writer: what the records say of who wrote them.
    """

    def __init__(
        self, stores: Sequence[PairsStore], log: DecisionLog, rules: Rules, models: Sequence[str], *, writer: str
    ) -> None:
        self._stores, self._log, self._rules, self._models, self._writer = stores, log, rules, models, writer
        self.n_moved = 0

    async def place(self, partition: int, n_partitions: int) -> None:
        """Say in a partition's log by how many its ids are placed from now on; one that has no log yet needs no word.

        Raises:
            Overtaken, Unavailable: as `move`.
        """
        checkpoint = self._stores[partition].checkpoint
        if checkpoint.log and checkpoint.partitions != n_partitions:
            now = time.time()
            record = moving.placed_by(checkpoint, n_partitions, self._rules, now=now, writer=self._writer)
            await self._append(partition, record)

    async def move(self, partition: int, n_before: int) -> None:
        """Move the states of a partition that belong to others, as far as that is not done.

        A state whose id has another one there stays, and ends here.

        Args:
            n_before: how many partitions there were.

        Raises:
            Overtaken: somebody else writes the log.
            Unavailable: Kafka does not answer; what was sent may be in the log or not.
        """
        last = b""
        while page := self._stores[partition].states_after(last, PAGE):
            last = page[-1][0]
            for some in _parted(self._leaving(partition, page)):
                await self._move_some(partition, n_before, some)

    def _leaving(self, partition: int, page: Sequence[tuple[bytes, bytes]]) -> list[tuple[int, Leaving]]:
        """Return the states that do not belong here, each with its partition."""
        source = self._stores[partition]
        base = base_of(source.checkpoint, self._models)
        homes = partitions_of([id_of(key) for key, _ in page], len(self._stores))
        found = []
        for (key, packed), home in zip(page, homes, strict=True):
            if home != partition:
                beside = moving.kept_beside(key, packed)
                (other,) = source.states(beside) if beside else (None,)
                base_there = self._stores[home].checkpoint.base or base
                found.append((home, Leaving(key, moving.key_there(key, base, base_there), packed, other)))
        return found

    async def _move_some(self, partition: int, n_before: int, some: Sequence[tuple[int, Leaving]]) -> None:
        by_home: defaultdict[int, list[Leaving]] = defaultdict(list)
        for home, one in some:
            by_home[home].append(one)
        moved = await asyncio.gather(
            *(self._put(partition, home, n_before, each) for home, each in sorted(by_home.items()))
        )
        await self._delete(partition, [one for each in moved for one in each])

    async def _put(self, partition: int, home: int, n_before: int, leaving: Sequence[Leaving]) -> list[Leaving]:
        """Put what is missing in another partition; return what it has then."""
        target = self._stores[home]
        there = target.states([one.key_there for one in leaving])
        missing = [one for one, found in zip(leaving, there, strict=True) if found is None]
        if missing:
            record = moving.taken_in(
                self._beginning(home, n_before),
                {one.key_there: one.packed for one in missing},
                {other_key(one.key_there): one.other for one in missing if one.other is not None},
                self._rules,
                source=self._stores[partition].checkpoint,
                models=self._models,
                now=time.time(),
                writer=self._writer,
            )
            await self._append(home, record)
        return [one for one, found in zip(leaving, there, strict=True) if found in (None, one.packed)]

    def _beginning(self, partition: int, n_before: int) -> Checkpoint:
        """Return where a partition stands; a new one knows the time of those that its ids come from."""
        checkpoint, n = self._stores[partition].checkpoint, len(self._stores)
        begun = msgspec.structs.replace(checkpoint)
        if not begun.log:
            begun.log, begun.partitions = secrets.token_hex(8), n
        if partition >= n_before and begun.input_offsets == [-1, -1]:
            begun.ts = moving.newest_ts([self._stores[p].checkpoint for p in moving.sources(partition, n_before, n)])
        return begun

    async def _delete(self, partition: int, leaving: Sequence[Leaving]) -> None:
        if not leaving:
            return
        record = moving.given_up(
            self._stores[partition].checkpoint,
            [one.key for one in leaving if pair.kind_of(one.packed) < MATCHED],
            [key for one in leaving for key in ([one.key] if one.other is None else [one.key, other_key(one.key)])],
            self._rules,
            models=self._models,
            now=time.time(),
            writer=self._writer,
        )
        await self._append(partition, record)
        self.n_moved += len(leaving)

    async def _append(self, partition: int, record: Decision) -> None:
        offset = await self._log.append(partition, decision.encode(record))
        if offset != record.base + 1:
            raise Overtaken(f"Somebody else writes to partition {partition} of the topic {self._log.topic!r}.")
        self._stores[partition].apply(offset, record)


def _parted(leaving: Sequence[tuple[int, Leaving]]) -> list[list[tuple[int, Leaving]]]:
    """Return the states in parts that fit a record each."""
    parts: list[list[tuple[int, Leaving]]] = []
    room = 0
    for home, one in leaving:
        if one.n_bytes > room:
            parts.append([])
            room = RECORD_BYTES
        parts[-1].append((home, one))
        room -= one.n_bytes
    return parts
