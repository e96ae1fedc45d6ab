"""The agent `metric`: join y_true and y_pred by id in the table `pairs`, one verdict an id."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

import faust
import mode
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from agents.metric_log.local_path import local_path
from streams.faust_app import app, names, raw_topic, settings
from streams.join.deadlines import Rules
from streams.join.state import PRED, TRUE
from streams.kafka import client as connect
from streams.kafka.caught_up import is_caught_up
from streams.kafka.producer import Producer
from streams.kafka.topics import log_retention_s
from streams.process.fatal import fatal
from streams.process.linger import Linger
from streams.table import offset_gaps
from streams.table.context import ConsumedRecord
from streams.table.decision_log import DecisionLog, LogUnavailable
from streams.table.offsets import Position, positions
from streams.table.outbox import Outbox
from streams.table.owner import LINGER_S, LONGEST_LINGER_S, Owner
from streams.table.pairs_table import PairsTable
from streams.table.restore import CannotRestore, check_inputs, restore
from streams.table.store import PairsStore
from streams.wire.dead_letters import UnreadableRows, records_of

logger = logging.getLogger("hindsight.join")
SIDES = (names.y_true.name, names.y_pred.name)
RETRY_S = 1.0

rules = Rules(settings.join_window_s, settings.max_out_of_orderness_s, settings.dedupe_horizon_s)
inputs = raw_topic(*SIDES)
app.gathered_topics.update(SIDES)
pairs = PairsTable(
    app,
    name="pairs",
    partitions=settings.partitions,
    key_type=bytes,
    value_type=bytes,
    changelog_topic=raw_topic(names.pairs_log.name),
    standby_buffer_size=1,
)
app.tables.add(pairs)


class Joining:
    """What all owners of this worker share: the log, the outbox, the quarantine, and a look at the consumer."""

    def __init__(self) -> None:
        client, producer = connect.kafka_client(settings), connect.kafka_producer(settings)
        self.log = DecisionLog(names.pairs_log.name, client, producer)
        self.outbox = Outbox(names.metric.name, producer, deliver_locally=local_path.put)
        self.writer = Producer(producer)
        self.linger = Linger(LINGER_S, LONGEST_LINGER_S)
        self._client = client

    async def owner(self, partition: int, store: PairsStore) -> Owner:
        """Restore one partition, as soon as Kafka lets us, and return its owner, ready to run."""
        said = False
        while True:
            try:
                store = await restore(partition, pairs.store.partition(partition), self.log, pairs.store.set_aside)
                check_inputs(partition, store.checkpoint, await self._positions(partition))
                break
            except (LogUnavailable, KafkaError) as exc:
                if not said:
                    logger.warning("partition %d cannot be restored yet, trying again: %r", partition, exc)
                said = True
                await asyncio.sleep(RETRY_S)
            except CannotRestore as exc:
                fatal(f"the table `pairs` cannot be restored: {exc}.")
        owner = Owner(
            partition,
            store,
            self.log,
            self.outbox,
            rules,
            self,
            self.linger,
            writer=app.instance.instance_id,
            idle_record_s=log_retention_s(settings) / 3,
            max_waiting=-(-settings.max_waiting_ids // settings.partitions),
        )
        await owner.resend()
        return owner

    async def _positions(self, partition: int) -> tuple[Position, Position]:
        found = await positions(self._client, app.conf.id, SIDES, names.pairs_log.name, settings.partitions)
        return found[SIDES[TRUE], partition], found[SIDES[PRED], partition]

    def is_caught_up(self, partition: int, side: int, input_offsets: int) -> bool:
        """Tell whether the consumer knows that an input holds nothing past offset `input_offsets`."""
        consumer = app.consumer._thread._consumer
        return consumer is not None and is_caught_up(
            consumer, TopicPartition(SIDES[side], partition), input_offsets, time.time()
        )

    async def look(self, partition: int, side: int, start: int, until: int) -> offset_gaps.Found:
        """Return what lies in an input; nothing while Kafka is away."""
        try:
            return await offset_gaps.find(self._client, SIDES[side], partition, start, until)
        except KafkaError:
            return offset_gaps.NOTHING

    def acknowledge(self, partition: int, side: int, offset: int) -> None:
        """Tell the consumer that a record which it did not deliver is done with, so that it is committed."""
        app.consumer.ack_offsets(TP(SIDES[side], partition), [offset])

    async def quarantine(self, found: Sequence[UnreadableRows]) -> None:
        """Return once unreadable rows are kept."""
        await self.writer.write(names.quarantine.name, 0, records_of(found, at=time.time()))


joining: Joining


@app.task
async def send_verdicts() -> None:
    """Send the verdicts in the outbox, for as long as the worker runs."""
    await joining.outbox.run()


@app.on_before_start
def set_up_joining() -> None:
    """Make what the owners share, and tell the table how to make them."""
    global joining
    joining = Joining()
    pairs.make_owner = joining.owner
    pairs.store.directory = app.instance.path
    app.closers += [joining.log.stop, joining.writer.stop]


@app.agent(inputs, name="metric", supervisor_strategy=mode.CrashingSupervisor)
async def metric(stream: faust.StreamT[Any]) -> None:
    """Hand the Kafka records to the owner of their partition; it acknowledges once the log has their rows."""
    stream.enable_acks = False
    async for event in stream.events():
        message = event.message
        owner = pairs.owners.get(message.partition)
        if owner is not None:
            side = TRUE if message.topic == SIDES[TRUE] else PRED
            records = [ConsumedRecord.of(side, record) for record in message.value]
            records[-1] = records[-1]._replace(ack=event.ack)
            await owner.feed(records)
