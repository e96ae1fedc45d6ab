"""What all owners of a worker share: the decision log, the outbox, quarantine, and the fetching of their inputs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from streams.join.deadlines import Rules
from streams.kafka.fetcher import Batch, Fetcher
from streams.kafka.offsets import positions
from streams.kafka.producer import Producer
from streams.kafka.records import TP
from streams.kafka.topics import Topics, log_retention_s
from streams.process.fatal import fatal
from streams.process.link import Link, Said
from streams.process.unavailable import Unavailable
from streams.settings import Settings
from streams.table.decision_log import DecisionLog
from streams.table.forwarder import Forwarder, Forwarding
from streams.table.inputs import KINDS
from streams.table.outbox import Outbox
from streams.table.owner import Owner, placed_otherwise
from streams.table.restore import CannotRestore, check_inputs, restore
from streams.table.store import PairsStore
from streams.wire.dead_letters import UnreadableRows, records_of
from streams.wire.decoder import Decoder
from streams.wire.verdicts import VerdictRecord

logger = logging.getLogger("hindsight.join")


class Joining:
    """Makes the owners and feeds them.

    Args:
        store_of: opens the store of a partition.
        set_aside: puts a partition's database aside for a reason, and opens an empty one.
        deliver_locally: see `Outbox`.
    """

    def __init__(
        self,
        settings: Settings,
        names: Topics,
        fetcher: Fetcher,
        store_of: Callable[[int], PairsStore],
        set_aside: Callable[[int, str], PairsStore],
        deliver_locally: Callable[[VerdictRecord, int], bool],
    ) -> None:
        self._settings, self._names, self._fetcher = settings, names, fetcher
        self._store_of, self._set_aside = store_of, set_aside
        self.rules = Rules(settings.join_window_s, settings.max_out_of_orderness_s, settings.dedupe_horizon_s)
        self.log = DecisionLog(settings)
        self.outbox = Outbox(settings, deliver_locally)
        self.producer = Producer(settings, Link("quarantine", logger, is_up=True), waiting="what cannot be read waits")
        sending_on = Producer(
            settings, Link("forwarding", logger, is_up=True), waiting="rows for other partitions wait"
        )
        self.instance_id = ""
        """What this worker writes into its decisions; set before there is an owner."""
        self._inputs = [names.of_kind(kind).name for kind in KINDS]
        self.forwarder, self._sending_on = Forwarder(self._inputs, sending_on), sending_on
        self._side = {topic: side for side, topic in enumerate(self._inputs)}
        self.decoders = [Decoder(kind, settings.fields) for kind in KINDS]
        """Of each side; what they note is of all partitions."""
        self._owners: Mapping[int, Owner] = {}
        self._said = Said("Kafka answers all partitions again.")

    # What the table asks for

    async def owner(self, partition: int) -> Owner:
        """Restore one partition, as soon as Kafka lets us, and return its owner, ready to run."""
        store = await self._restored(partition)
        owner = Owner(
            partition,
            store,
            self.log,
            self.outbox,
            self.rules,
            self,
            writer=self.instance_id,
            idle_record_s=log_retention_s(self._settings) / 3,
            max_waiting=-(-self._settings.max_waiting_ids // self._settings.partitions),
            n_partitions=self._settings.partitions,
            segments=self._settings.segments,
            decoders=self.decoders,
            models=self._settings.model_names,
            said=self._said,
        )
        await owner.resend()
        return owner

    async def _restored(self, partition: int) -> PairsStore:
        link = Link(f"partition {partition}", logger)
        while True:
            try:
                store = await restore(partition, self._store_of(partition), self.log, self._set_aside)
                inputs = [TP(topic, partition) for topic in self._inputs]
                found = await positions(self._settings, inputs)
                if said := placed_otherwise(store.checkpoint, self._settings.partitions):
                    fatal(f"The table `pairs` cannot be restored: of partition {partition}, {said}.")
                check_inputs(partition, store.checkpoint, [found[tp] for tp in inputs], self.log.topic)
                return store
            except Unavailable as exc:
                link.down(f"partition {partition} cannot be restored yet, trying again: {exc}")
                await link.pause()
            except CannotRestore as exc:
                fatal(f"the table `pairs` cannot be restored: {exc}.")

    async def fetch(self, owners: Mapping[int, Owner]) -> None:
        """Have the inputs of these owners fetched, each from where its store is."""
        self._owners = owners
        await self._fetcher.assign(
            {
                TP(topic, p): owner.store.checkpoint.input_offsets[side] + 1
                for p, owner in owners.items()
                for side, topic in enumerate(self._inputs)
            }
        )

    async def stop_fetching(self, owners: Iterable[int]) -> None:
        """Have nothing of these partitions delivered any more."""
        self._owners = {}
        await self._fetcher.drop([TP(topic, p) for p in owners for topic in self._inputs])

    # What the agent gives

    def feed(self, batch: Batch) -> None:
        """Hand a batch to the owner of its partition."""
        owner = self._owners.get(batch.tp.partition)
        if owner is not None:
            owner.inputs.feed(self._side[batch.tp.topic], batch)

    # What the owners ask

    def is_heard(self, partition: int, side: int) -> bool:
        """Tell whether Kafka answered fetches of an input lately."""
        return self._fetcher.is_heard(TP(self._inputs[side], partition))

    def applied(self, partition: int, input_offsets: Sequence[int]) -> None:
        """Note how far the inputs of a partition are applied, so that the group knows."""
        for topic, offset in zip(self._inputs, input_offsets, strict=True):
            if offset >= 0:
                self._fetcher.positions[TP(topic, partition)] = offset + 1

    async def forward(self, forwarding: Forwarding) -> None:
        """Take rows for other partitions; wait while too many are waiting."""
        await self.forwarder.put(forwarding)

    async def quarantine(self, found: Sequence[UnreadableRows]) -> None:
        """Return once unreadable rows are kept."""
        await self.producer.write(self._names.quarantine.name, 0, records_of(found, at=time.time()))

    async def close(self) -> None:
        """Disconnect."""
        await self.log.stop()
        await self.producer.stop()
        await self._sending_on.stop()
