"""The Faust app: its settings and its topics. The agents in `agents/` join it when Faust discovers them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from faust import types
from faust.auth import SASLCredentials, SSLCredentials
from faust.exceptions import ConsumerNotStarted

from streams.faust_overrides import App, PartitionAssignor, TableManager, Worker
from streams.kafka import client
from streams.kafka.fetcher import Batch, Fetcher
from streams.kafka.following import Following
from streams.kafka.new_kafka import NewKafka
from streams.kafka.probe import why_away
from streams.kafka.records import TP
from streams.kafka.rotation import end_when_rotated
from streams.kafka.topics import TopicError, declare, require_log_kept, topics
from streams.kafka.unreachable import Unreachable
from streams.process import instance, log_throttle, memory
from streams.process.children import Children
from streams.process.fatal import fatal
from streams.process.link import Link
from streams.process.stopping import end_within
from streams.process.unavailable import Unavailable
from streams.settings import Settings, SettingsError
from streams.settings import settings as read_settings

logger = logging.getLogger("hindsight")
STOP_WITHIN_S = 6.0
"""From when Faust begins to stop, which may be a second or two after the signal."""
COMMIT_S, COMMIT_WITHIN_S = 1.0, 2.0
OF_AGENTS = frozenset(("worker", "agents", "tables"))
"""Faust's commands that run or name agents. Ours import what they need themselves, and need no list."""
T = TypeVar("T")


def _or_end(read: Callable[[], T]) -> T:
    """Return what `read` returns; settings that cannot be used end the process with their sentences.

    It exits with 2, as for wrong options: 1 is an answer of some commands, such as `check`.
    """
    try:
        return read()
    except SettingsError as exc:
        print(f"hindsight: {exc}", file=sys.stderr)
        sys.exit(2)


def _credentials(settings: Settings) -> Any:
    """Return Faust's broker credentials: never in the broker URL, which Faust prints."""
    if settings.kafka_security.startswith("SASL"):
        return SASLCredentials(
            username=settings.kafka_user,
            password=settings.kafka_password.get_secret_value(),
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=client.kafka_tls(settings) if settings.kafka_security == "SASL_SSL" else None,
        )
    return SSLCredentials(client.kafka_tls(settings)) if settings.kafka_security == "SSL" else None


class HindsightApp(App):
    """The app, which takes its place on disk and waits for Kafka before Faust starts, and fetches what its agents read.

    `assigned_by_table`: topics whose partitions the table has fetched, from where its owners are; those of the other
    agents are fetched from where the group is.
    """

    instance: instance.WorkerInstance

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.children = Children()
        self._committing, self._is_stopping = asyncio.Lock(), False
        self.assigned_by_table: set[str] = set()
        self.fetcher = Fetcher(_or_end(lambda: client.librdkafka(settings)), self._deliver)

    def _deliver(self, batch: Batch) -> None:
        self.batches[batch.tp.topic].put(batch)

    def owns(self, tp: TP) -> bool:
        """Tell whether a partition is assigned to this worker; none is before it has joined its group."""
        try:
            return tp in self.consumer.assignment()
        except ConsumerNotStarted:
            return False

    async def before_start(self) -> None:
        """Take an instance's directory, and declare the topics as soon as Kafka answers."""
        log_throttle.set_up(NewKafka(), Unreachable())
        memory.share_one_heap()
        try:
            self.instance = instance.take(settings.state_path)
        except instance.InstanceError as exc:
            fatal(str(exc))
        member_id = self.instance.member_id(str(self.conf.canonical_url), *settings.agents)
        self.configure(consumer_group_instance_id=member_id)
        await _declare_when_possible()
        self._begin_to_fetch()

    def _begin_to_fetch(self) -> None:
        self.fetcher.start()
        following = Following(self.fetcher, self.batches.keys() - self.assigned_by_table, settings)

        async def follow(sender: Any, assigned: set[types.TP], **kwargs: Any) -> None:
            following.assigned(TP(*tp) for tp in assigned)

        async def let_go(sender: Any, revoked: set[types.TP], **kwargs: Any) -> None:
            await following.revoked(TP(*tp) for tp in revoked)

        self.on_partitions_assigned.connect(follow, weak=False)
        self.on_partitions_revoked.connect(let_go, weak=False)
        self.children.start("the following of assigned topics", following.run())
        self.children.start("the commits of offsets", self._commit_positions())
        self.children.start("the watch over Kafka's password", end_when_rotated(settings))

    async def _commit_positions(self) -> None:
        committed: dict[TP, int] = {}
        while not self._is_stopping:
            async with self._committing:
                new = {tp: at for tp, at in self.fetcher.positions.items() if committed.get(tp) != at}
                if new and await self.commit({types.TP(*tp): at for tp, at in new.items()}):
                    committed |= new
            await asyncio.sleep(COMMIT_S)

    async def stop(self) -> None:
        """Stop in order, within some seconds: consumers that wait for a broker which is away would take a minute.

        A commit that is under way is waited for: one whose connection is closed under it ends in a traceback.
        """
        end_within(STOP_WITHIN_S)
        self._is_stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMMIT_WITHIN_S), self._committing:
                pass
        await super().stop()

    async def on_shutdown(self) -> None:
        """Stop what runs beside Faust's services."""
        await self.children.stop()
        await super().on_shutdown()
        await self.fetcher.stop()


async def _declare_when_possible() -> None:
    link = Link("kafka", logger)
    while True:
        try:
            made = await declare(settings)
            await require_log_kept(settings)
            link.up(f"Kafka at {settings.kafka_address} is available; topics created: {', '.join(made) or 'none'}.")
            return
        except TopicError as exc:
            fatal(str(exc))
        except Unavailable as exc:
            link.down(f"{await why_away(settings, exc)} Waiting for it.")
        await link.pause()


def _discovered() -> list[str]:
    """Return the modules that Faust imports: the agents only for a command that needs them.

    Faust asks before it has read the command line, as the commands must be known by then.
    """
    if OF_AGENTS.isdisjoint(sys.argv):
        return ["commands.commands"]
    beside = ["bridge"] if settings.has_bridge_inside else []
    return ["web.view", *(f"agents.{part}" for part in (*settings.agents, *beside)), "commands.commands"]


sys.path.append(str(Path(__file__).parents[1]))  # `faust -A` has the working directory on the path only at this import
settings = _or_end(read_settings)
names = topics(settings)
app = HindsightApp(
    settings.app_id,
    broker=";".join(f"kafka://{server}" for server in settings.kafka_address.split(",")),
    broker_credentials=_or_end(lambda: _credentials(settings)),
    origin=__name__,  # else Faust imports all of the package `streams` to look for agents
    autodiscover=_discovered,
    TableManager=TableManager,
    PartitionAssignor=PartitionAssignor,
    Worker=Worker,
    datadir=settings.state_path,
    topic_partitions=settings.partitions,
    topic_replication_factor=settings.replication,
    topic_disable_leader=True,
    topic_allow_declare=False,  # `declare` has made them: a worker that may not create topics need not
    table_standby_replicas=settings.standbys,
    reply_create_topic=False,
    broker_session_timeout=10.0,
    broker_heartbeat_interval=3.0,
    broker_request_timeout=30.0,
    broker_rebalance_timeout=15.0,
    broker_commit_interval=1.0,
    stream_buffer_maxsize=128,
    stream_wait_empty=False,
    stream_recovery_delay=0.0,
    recovery_consistency_check=False,
    consumer_max_fetch_size=4 << 20,
    consumer_metadata_max_age_ms=5000,  # so soon it is seen that a topic is there which was missing
    producer_max_request_size=8 << 20,
    worker_redirect_stdouts=False,
    web_host=f"[{settings.web_bind}]" if ":" in settings.web_bind else settings.web_bind,  # Faust makes a URL of it
    web_port=settings.web_port,
)


@app.timer(interval=memory.GIVE_BACK_EVERY_S)  # type: ignore[untyped-decorator]
async def give_back_memory() -> None:
    """Return to the system what RocksDB's flushes and the like have left free."""
    await asyncio.to_thread(memory.give_back)
