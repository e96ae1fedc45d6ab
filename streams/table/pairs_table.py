"""The Faust table `pairs`: its partitions, and what Faust's rebalances do to them.

Faust says which partitions are ours and which we stand by for, and feeds the standbys. What a partition does with its
rows is in `owner`; how it gets its state back is in `restore`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import faust
import rocksdict
from faust.stores.base import Store
from faust.types import TP, EventT

from streams.process.fatal import fatal
from streams.process.log_throttle import NEVER_HELD_BACK
from streams.table.decision_log import LogIsNewer, read_record
from streams.table.owner import Owner
from streams.table.store import PairsStore, StoreDamaged, StoreFailed

logger = logging.getLogger("hindsight.table")
BLOCK_CACHE_BYTES = 8 << 20
"""RocksDB fills it with blocks of files that it has replaced since: a worker's memory grows by it within the first hour."""
STOP_S = 5.0


class StandbyStore(Store):  # type: ignore[misc]
    """What Faust sees of our stores: it feeds the standby partitions, and asks how far each one is."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.directory: Path | None = None
        self._cache = rocksdict.Cache(BLOCK_CACHE_BYTES)
        self._stores: dict[int, PairsStore] = {}
        self._followed: set[int] = set()
        """Standby partitions that have been fed a record which follows what they held."""
        self._behind: set[int] = set()
        """Those that were not: what is missing may be more than records of nobody. They are restored once they are ours."""

    def partition(self, partition: int) -> PairsStore:
        """Return the open store of a partition; it is opened when first asked for."""
        if partition not in self._stores:
            try:
                store = self._stores[partition] = PairsStore(self._directory_of(partition), self._cache)
            except StoreDamaged as exc:
                return self.set_aside(partition, f"is damaged: {exc.reason}")
            if store.problem:
                return self.set_aside(partition, store.problem)
        return self._stores[partition]

    def forget(self, keep: Iterable[int]) -> None:
        """Close the stores of all partitions but these."""
        for partition in set(self._stores) - set(keep):
            self._stores.pop(partition).close()
            self._followed.discard(partition)
            self._behind.discard(partition)

    def set_aside(self, partition: int, reason: str) -> PairsStore:
        """Rename a partition's database, say why (the end of a sentence), and open an empty one in its place."""
        suffix = f"set-aside-{time.time_ns()}"
        logger.warning(
            "partition %d: the local database %s; it is kept as *.%s, and the state is read from the log.",
            partition,
            reason,
            suffix,
            extra=NEVER_HELD_BACK,
        )
        if partition in self._stores:
            self._stores.pop(partition).close()
        path = self._directory_of(partition)
        path.rename(path.with_name(f"{path.name}.{suffix}"))
        return self.partition(partition)

    def _directory_of(self, partition: int) -> Path:
        assert self.directory is not None, "the worker has not taken its instance yet"
        return self.directory / f"pairs-{partition}"

    def persisted_offset(self, tp: TP) -> int | None:
        """Return the last log offset that the partition's store has seen."""
        offset = self.partition(tp.partition).checkpoint.offset
        return offset if offset >= 0 else None

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Do nothing: the store moves its own offset with what it applies."""

    def apply_changelog_batch(
        self, batch: Iterable[EventT], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Apply decision records to standby partitions."""
        for event in batch:
            message = event.message
            try:
                store = self.partition(message.partition)
                if message.offset > store.checkpoint.offset and self._follows(message.partition, message.offset, store):
                    record = read_record(message.topic, message.partition, message.offset, message.value)
                    store.apply(message.offset, record)
            except (LogIsNewer, StoreFailed) as exc:
                fatal(f"the table `pairs` cannot be kept: {exc}.")

    def _follows(self, partition: int, offset: int, store: PairsStore) -> bool:
        """Tell whether a record can be applied. Offsets that hold nothing are passed over: a transaction ended there."""
        before = store.checkpoint.offset
        if before >= 0 and offset > before + 1:
            if partition not in self._followed:
                self._say_behind(partition, offset, before)
                return False
            store.checkpoint.offset = offset - 1
        self._behind.discard(partition)
        self._followed.add(partition)
        return True

    def _say_behind(self, partition: int, offset: int, before: int) -> None:
        if partition not in self._behind:
            logger.info(
                "partition %d: the log goes on at %d, after %d; it is read when it is ours", partition, offset, before
            )
        self._behind.add(partition)

    def _no_mapping(self, *args: Any) -> Any:
        raise TypeError("the table `pairs` is read through its owners; it is not a mapping, and its backup is its log")

    __getitem__ = __setitem__ = __delitem__ = backup_partition = restore_backup = _no_mapping

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0

    def reset_state(self) -> None:
        """Do nothing: `faust reset` must not delete what the log would have to restore."""


class OwnerSource(Protocol):
    """What makes the owners of partitions, and has their inputs fetched."""

    async def owner(self, partition: int) -> Owner:
        """Return the owner of a partition with its state restored, ready to run."""

    async def fetch(self, owners: Mapping[int, Owner]) -> None:
        """Have the inputs of these owners fetched, from where each is."""

    async def stop_fetching(self, owners: Iterable[int]) -> None:
        """Have nothing of these partitions delivered any more."""


class PairsTable(faust.Table):  # type: ignore[misc]
    """The table `pairs`. `source` is set before Faust starts; `owners` are the partitions that are ours and ready."""

    def __init__(self, app: faust.App, **kwargs: Any):
        super().__init__(app, **kwargs)
        self.owners: dict[int, Owner] = {}
        self.source: OwnerSource
        self._loops: dict[int, asyncio.Task[None]] = {}
        self._restoring = asyncio.Lock()
        self._round = 0
        """Counts rebalances and recoveries: a recovery that another one overtook starts nothing."""
        self.standby_partitions: list[int] = []

    def _new_store(self) -> StandbyStore:
        return StandbyStore("memory://", self.app, self)

    @property
    def store(self) -> StandbyStore:
        """The store that holds all partitions."""
        store: StandbyStore = self.data
        return store

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Stop all owners, so that no batch is in flight while ownership changes, and close what we lose."""
        self._round += 1
        await self.stop_owners()
        self.standby_partitions = self._mine(self.app.assignor.assigned_standbys())
        self.store.forget(keep=self._mine(self.app.assignor.assigned_actives()) + self.standby_partitions)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Restore our partitions and start their owners. Faust swallows exceptions here, so none may pass."""
        await super().on_recovery_completed(active_tps, standby_tps)
        self._round += 1
        mine = self._round
        try:
            async with self._restoring:
                await self._start_owners(self._mine(active_tps), mine)
        except Exception as exc:
            if self._is_over(mine):
                return  # its databases are closed
            if isinstance(exc, StoreFailed):
                fatal(f"the table `pairs` cannot be restored: {exc}.")
            logger.exception("the table `pairs` cannot be restored")
            fatal(f"the table `pairs` cannot be restored: {exc!r}.")

    async def _start_owners(self, partitions: list[int], mine: int) -> None:
        """Restore partitions and start their owners, unless the worker is told to stop or a rebalance comes meanwhile."""
        if self._is_over(mine):
            return
        await self.stop_owners()
        owners = await asyncio.gather(*(self.source.owner(p) for p in partitions))
        if self._is_over(mine):
            return
        self.owners = dict(zip(partitions, owners, strict=True))
        self._loops = {p: asyncio.create_task(owner.run()) for p, owner in self.owners.items()}
        await self.source.fetch(self.owners)
        standing_by = self.standby_partitions
        logger.info("The table `pairs` is ready: partitions %s, standby for %s.", partitions, standing_by)

    def _is_over(self, mine: int) -> bool:
        return bool(self.should_stop) or mine != self._round

    async def stop_owners(self) -> None:
        """Let every batch in flight end; one that hangs is cut off, which the log makes safe."""
        loops, self._loops = self._loops, {}
        owners, self.owners = self.owners, {}
        for owner in owners.values():
            owner.stop()
        if owners:
            await self.source.stop_fetching(owners)
        if loops:
            _, hanging = await asyncio.wait(loops.values(), timeout=STOP_S)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)

    async def on_stop(self) -> None:
        """Stop the owners and close the databases."""
        await self.stop_owners()
        self.store.forget(keep=())
        await super().on_stop()

    def _mine(self, tps: Iterable[TP]) -> list[int]:
        return sorted(tp.partition for tp in tps if tp.topic == self.changelog_topic_name)
