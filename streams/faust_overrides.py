"""What we override of Faust's internals, each with the defect it cures. Written against faust-streaming 0.15.3."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self

import faust
import mode
from faust.app.base import BootStrategy as FaustBootStrategy
from faust.assignor.partition_assignor import PartitionAssignor as FaustPartitionAssignor
from faust.exceptions import AlreadyConfiguredWarning
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.kafka.fetcher import Batch
from streams.process.fatal import fatal

FETCH_MAX_WAIT_MS = 500


Prepare = Callable[[], Awaitable[None] | None]
"""What is called before Faust starts, and waited for if it returns something to wait for."""


class BatchAgent(Protocol):
    """A function that reads batches for as long as the worker runs."""

    __name__: str

    def __call__(self, batches: Batches) -> Awaitable[None]: ...


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Be the member of the group, and fetch nothing but the changelogs of standbys: `App.fetcher` fetches the rest.

    Defect (0.15.3): a Kafka record takes 100 µs on its way to a stream, however small it is; what is fetched while a
    rebalance goes on is dropped, and not always read again. Faust's own pause leaves records where they are, while aiokafka
    fetches ahead for nobody; so they are paused in aiokafka, whose flags are new with each assignment. A fetch waits
    1.5 s at the broker, and leaves out partitions whose last records are not taken yet. Offsets that are committed while
    all of their partitions go to another worker become a commit of nothing, at which the thread crashes.
    """

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        if not self.assignment() & offsets.keys():
            return False
        return bool(await super()._commit(offsets))

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        state = consumer._subscription
        assign = state.assign_from_subscribed

        def assign_paused(assignment: set[Any]) -> None:
            assign(assignment)
            for tp in assignment:
                if tp.topic not in self.app.tables.changelog_topics:
                    state.pause(tp)

        state.assign_from_subscribed = assign_paused
        return consumer

    def pause_active_changelogs(self, assigned: Iterable[Any]) -> None:
        """Pause the changelogs of partitions that are ours, once the assignor knows which are standbys."""
        standbys = self.app.assignor.assigned_standbys()
        for tp in assigned:
            if tp.topic in self.app.tables.changelog_topics and TP(tp.topic, tp.partition) not in standbys:
                self._ensure_consumer()._subscription.pause(tp)


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
        self._thread.pause_active_changelogs(assigned)
        self._watch_missing_topics()
        await super().on_partitions_assigned(assigned)

    def _watch_missing_topics(self) -> None:
        coordinator = self._thread._ensure_consumer()._coordinator
        topics = coordinator._subscription.subscription.topics
        missing = topics - self._thread.app.assignor.topics_assigned()
        if missing and coordinator._group_subscription is None:  # the leader's own watch is as wide, or wider
            coordinator._group_subscription = topics
            coordinator._metadata_snapshot = coordinator._get_metadata_snapshot() | dict.fromkeys(missing, 0)


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Raise no alarm over partitions that Faust does not fetch.

    Defect (0.15.3): `verify_event_path` expects a stream on each partition that is assigned, and that it moves on: an
    ERROR of eleven lines each 30 s.
    """

    RebalanceListener = RebalanceListener

    def verify_event_path(self, now: float, tp: TP) -> None:
        pass

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


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


class Worker(faust.Worker):  # type: ignore[misc]
    """Say in words that Ctrl-C was heard, and that all has ended.

    Defect (0.15.3): it answers with `-INT- -INT- -INT- -INT- -INT- -INT-`, and its last word is a line of its own log.
    """

    def carp(self, msg: str) -> None:
        super().carp("Stopping ..." if msg.startswith("-INT-") else msg)

    def stop_and_shutdown(self) -> None:
        super().stop_and_shutdown()
        self.carp("Stopped: what is not done is read again at the next start.")


class Batches:
    """What an agent is given: the batches of its topics, in the order in which they come."""

    def __init__(self) -> None:
        self._waiting: deque[Batch] = deque()
        self._came = asyncio.Event()

    def put(self, batch: Batch) -> None:
        """Add a batch; who fetches it bounds how many there are."""
        self._waiting.append(batch)
        self._came.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        while not self._waiting:
            self._came.clear()
            await self._came.wait()
        return self._waiting.popleft()


class App(faust.App):  # type: ignore[misc]
    """A Faust app with agents of batches, without Faust's web server, and with its start in our order.

    Defects (0.15.3): Faust's pages answer any host, with the default value for keys that do not exist, and its web
    server starts only after the recovery, which is when one wants to see it.
    """

    BootStrategy = BootStrategy

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._at_first: list[Callable[[], None]] = []
        self._before_start: list[Prepare] = []
        self.batches: dict[str, Batches] = {}
        """By topic, what its agent is given."""
        self.closers: list[Callable[[], Awaitable[None]]] = []
        """Called when the app stops, once no agent and no table runs any more."""

    def configure(self, **given: Any) -> None:
        """Set what only the start tells, as long as nothing has used it: the consumer starts later."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AlreadyConfiguredWarning)
            for name, value in given.items():
                setattr(self.conf, name, value)

    def batch_agent(self, *topics: str) -> Callable[[BatchAgent], faust.agents.AgentT]:
        """Declare an agent of these topics that is given batches: the records of one partition together.

        Faust assigns the partitions and starts the agent, as it does for `@app.agent`; the records come from `Fetcher`.
        """
        batches = Batches()
        self.batches |= dict.fromkeys(topics, batches)

        def declare(work: BatchAgent) -> faust.agents.AgentT:
            async def run(stream: faust.StreamT[Any]) -> None:
                working = asyncio.create_task(_or_end(work, batches))
                try:
                    async for _ in stream.events():
                        pass  # nothing comes: it is here to have the topics assigned
                finally:
                    working.cancel()

            supervisor = mode.CrashingSupervisor
            run.__doc__ = work.__doc__  # what `faust agents` says
            return self.agent(self.raw_topic(*topics), name=work.__name__, supervisor_strategy=supervisor)(run)

        return declare

    def raw_topic(self, *names: str) -> faust.TopicT:
        """Return topics whose values are read as bytes, and which Faust does not create."""
        topic: faust.TopicT = self.topic(
            *names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        return topic

    async def commit(self, positions: Mapping[TP, int]) -> bool:
        """Tell the group how far these partitions are read; False while it rebalances."""
        return bool(await self.consumer._commit(positions))

    def at_first(self, prepare: Callable[[], None]) -> Callable[[], None]:
        """Register a function that is called in the event loop before anything else, Kafka there or not."""
        self._at_first.append(prepare)
        return prepare

    def on_before_start(self, prepare: Prepare) -> Prepare:
        """Register a function that is called, and waited for, in the event loop before Faust starts any service."""
        self._before_start.append(prepare)
        return prepare

    async def before_start(self) -> None:
        """Do what must be done before Faust touches its directories or Kafka."""

    async def on_first_start(self) -> None:
        for begin in self._at_first:
            begin()
        await self.before_start()
        for prepare in self._before_start:
            if (done := prepare()) is not None:
                await done
        await super().on_first_start()

    async def on_shutdown(self) -> None:
        await super().on_shutdown()
        for close in self.closers:
            await close()

    def _new_transport(self) -> Any:
        transport = super()._new_transport()
        transport.Consumer = Consumer
        return transport


async def _or_end(work: BatchAgent, batches: Batches) -> None:
    """Run an agent; a defect in it ends the process, since nothing would read its topics any more."""
    try:
        await work(batches)
    except Exception as exc:
        logging.getLogger("hindsight").exception("the agent %s failed", work.__name__)
        fatal(f"the agent `{work.__name__}` cannot continue: {exc!r}.")
