"""What we override of Faust's internals, each with the defect it cures. Written against faust-streaming 0.15.3."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import faust
from aiokafka import ConsumerRecord
from faust.app.base import BootStrategy as FaustBootStrategy
from faust.assignor.partition_assignor import PartitionAssignor as FaustPartitionAssignor
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.utils.functional import consecutive_numbers

FETCH_MAX_WAIT_MS = 20
GATHERED_BYTES = 50_000
"""What gathered records of one partition hold at most, but for a record that is larger alone."""


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Wait little for a fetch, leave out what a transaction took back, and go back to where nothing was committed yet.

    Defect (0.15.3): a fetch waits 1.5 s at the broker. Only one is under way, and it leaves out the partitions whose
    last records are not taken yet: what comes to those meanwhile is seen up to 1.5 s late (47 rows a second measured).
    It reads the rows of transactions that are open or aborted, unless `exactly_once` is asked for. What is fetched while
    a rebalance goes on is dropped; then aiokafka (0.14) seeks back to what is committed, but not where nothing is, and
    those records were not read any more.
    """

    async def seek_to_committed(self) -> Any:
        committed = await super().seek_to_committed()
        logs = self.app.tables.changelog_topics  # the table seeks them itself
        never = [tp for tp, offset in committed.items() if not offset and tp.topic not in logs]
        if never:
            await self.seek_to_beginning(*never)
        return committed

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        consumer._isolation_level = "read_committed"
        return consumer


class PartitionAssignor(FaustPartitionAssignor):  # type: ignore[misc]
    """Keep topics of the same subscribers together.

    Defect (0.15.3): the subscribers of a topic are compared as a tuple of a set, whose order can differ for equal sets;
    y_true and y_pred of one partition would go to different workers.
    """

    @classmethod
    def _group_co_subscribed(cls, topics: set[str], subscriptions: Mapping[str, Sequence[str]]) -> Iterable[set[str]]:
        groups: dict[frozenset[str], set[str]] = {}
        for topic in topics:
            members = frozenset(member for member, subscribed in subscriptions.items() if topic in subscribed)
            groups.setdefault(members, set()).add(topic)
        return groups.values()

    def topics_assigned(self) -> set[str]:
        """Return the topics that were there when the partitions were assigned last, all members' topics together."""
        return set(self._topic_groups)


class RebalanceListener(driver.ConsumerRebalanceListener):  # type: ignore[misc]
    """Watch for topics that were not there when the partitions were assigned, and join the group again once they are.

    Defect (aiokafka 0.14): it watches the topics in the group's leader only. A static member that comes back is handed
    its last assignment as it was, and told that its predecessor leads (KIP-345). Where Kafka had lost the topics under
    the predecessor, that is an assignment of nothing, and the worker kept it for ever.
    """

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        self._watch_missing_topics()
        await super().on_partitions_assigned(assigned)

    def _watch_missing_topics(self) -> None:
        coordinator = self._thread._ensure_consumer()._coordinator
        topics = coordinator._subscription.subscription.topics
        missing = topics - self._thread.app.assignor.topics_assigned()
        if missing and coordinator._group_subscription is None:  # the leader's own watch is as wide, or wider
            coordinator._group_subscription = topics
            coordinator._metadata_snapshot = coordinator._get_metadata_snapshot() | dict.fromkeys(missing, 0)


def gathered(records: Sequence[ConsumerRecord[Any, Any]]) -> Iterator[ConsumerRecord[Any, Any]]:
    """Yield the records of one partition, neighbours as one: it looks like the last, and its value is a list of them."""
    some: list[ConsumerRecord[Any, Any]] = []
    n_bytes = 0
    for record in records:
        size = max(record.serialized_value_size, 0)
        if some and n_bytes + size > GATHERED_BYTES:
            yield dataclasses.replace(some[-1], value=some)
            some, n_bytes = [], 0
        some.append(record)
        n_bytes += size
    if some:
        yield dataclasses.replace(some[-1], value=some)


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Gather records, commit the longest run of acknowledged offsets, and raise no alarm over the changelog.

    Defects (0.15.3): a Kafka record takes 100 µs on its way to a stream, however small it is, and each message is
    handed over by two tasks of its own: while eight partitions have theirs, which takes 7 ms beside other work, nothing
    is fetched. After a crash with a backlog `_new_offset` finds a phantom gap and duplicates in `_acked`, and the
    committed offset advances by one a commit. `verify_event_path` expects a stream on each partition that is assigned,
    the changelog's included, which the table reads by itself: an ERROR of eleven lines each 30 s.
    """

    RebalanceListener = RebalanceListener

    async def _wait_next_records(self, timeout: float) -> Any:
        records, active_partitions = await super()._wait_next_records(timeout)
        for tp in records or ():
            if tp.topic in self.app.gathered_topics:
                records[tp] = list(gathered(records[tp]))
        return records, active_partitions

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Hand over the gathered records of one fetch together, unless a rebalance begins; yield the others."""
        mine: list[Any] = []
        async for tp, message in super().getmany(timeout):
            if tp.topic in self.app.gathered_topics:
                mine.append(message)
            else:
                yield tp, message
        if mine:
            await self.wait_first(self._hand_over(mine), self.suspend_flow.wait())

    async def _hand_over(self, messages: Sequence[Any]) -> None:
        """Do what `_drain_messages` does with each."""
        for message in messages:
            tp, first = message.tp, message.value[0].offset
            read = self._read_offset[tp]
            if read is not None and message.offset < read:
                continue
            if read and first - read > 1:
                await self._add_gap(tp, read + 1, first - 1)
            await self.callback(message)
            self._read_offset[tp] = message.offset

    def ack(self, message: Any) -> bool:
        """Acknowledge a message, and with gathered records all of them."""
        if isinstance(message.value, list) and not message.acked:
            self.ack_offsets(message.tp, [record.offset for record in message.value[:-1]])
        return bool(super().ack(message))

    def ack_offsets(self, tp: TP, offsets: Sequence[int]) -> None:
        """Acknowledge offsets, whether their records were delivered or not."""
        index = self._acked_index[tp]
        new = [offset for offset in offsets if offset not in index]
        index.update(new)
        self._acked[tp] += new

    def verify_event_path(self, now: float, tp: TP) -> None:
        if tp.topic not in self.app.tables.changelog_topics:
            super().verify_event_path(now, tp)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        committed = self._committed_offset[tp]
        offsets = set(acked)
        gap = self._gap[tp]
        if offsets and gap:
            last = max(offsets)
            for interval in gap.overlap(0, last):
                offsets.update(range(interval.begin, min(interval.end, last + 1)))
            gap.chop(0, last + 1)
        if committed is not None:
            offsets = {offset for offset in offsets if offset >= committed}
        acked[:] = sorted(offsets)
        if not acked or (committed and acked[0] - committed > 1):
            return None
        run = next(consecutive_numbers(acked))
        acked[: len(run)] = []
        self._acked_index[tp].difference_update(run)
        return int(run[-1]) + 1


class Recovery(FaustRecovery):  # type: ignore[misc]
    """Leave the restoring of our own partitions to the table.

    Defect (0.15.3): `_slurp_changelogs` swallows every exception of a table and then waits for ever, and a changelog
    record takes 100 µs of Faust's time.
    """

    def need_recovery(self) -> bool:
        return False


class TableManager(FaustTableManager):  # type: ignore[misc]
    """Use our Recovery, and start at once.

    Defect (0.15.3): it sleeps a second before it starts, for tables that are declared late. Ours is declared at import.
    """

    _recovery: Recovery | None

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class BootStrategy(FaustBootStrategy):  # type: ignore[misc]
    """Start no web server of Faust's: the command line overrides `web_enabled=False`."""

    enable_web = False


class App(faust.App):  # type: ignore[misc]
    """A Faust app with our consumer, without Faust's web server, and with its start in our order.

    Defects (0.15.3): Faust's pages answer any host, with the default value for keys that do not exist, and its web
    server starts only after the recovery, which is when one wants to see it.
    """

    BootStrategy = BootStrategy

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._at_first: list[Callable[[], None]] = []
        self._before_start: list[Callable[[], None]] = []
        self.gathered_topics: set[str] = set()
        """Topics whose records are handed to their stream as lists."""
        self.closers: list[Callable[[], Awaitable[None]]] = []
        """Called when the app stops, once no agent and no table runs any more."""

    def at_first(self, prepare: Callable[[], None]) -> Callable[[], None]:
        """Register a function that is called in the event loop before anything else, Kafka there or not."""
        self._at_first.append(prepare)
        return prepare

    def on_before_start(self, prepare: Callable[[], None]) -> Callable[[], None]:
        """Register a function that is called in the event loop before Faust starts any service."""
        self._before_start.append(prepare)
        return prepare

    async def before_start(self) -> None:
        """Do what must be done before Faust touches its directories or Kafka."""

    async def on_first_start(self) -> None:
        for prepare in self._at_first:
            prepare()
        await self.before_start()
        for prepare in self._before_start:
            prepare()
        await super().on_first_start()

    async def on_shutdown(self) -> None:
        await super().on_shutdown()
        for close in self.closers:
            await close()

    def _new_transport(self) -> Any:
        transport = super()._new_transport()
        transport.Consumer = Consumer
        return transport
