"""What a Kafka that runs does to its clients: records that are no rows, topics that are not as asked for, lost data."""

from __future__ import annotations

import asyncio
import json
import shutil
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.faults.fault import fault
from tests.faults.scene import Scene


@fault("another producer commits and aborts transactions in both input topics", chosen=True)
def transactions(scene: Scene) -> None:
    """Each leaves a record in the topic that is no row: an offset that no consumer is ever given."""
    for n in range(3):
        asyncio.run(transact(scene, f"t{n}"))
        scene.note("transactions in every partition: one committed, two aborted")
        scene.resume()
    scene.load.pause()
    asyncio.run(transact(scene, "last"))
    scene.note("the last record of every partition is no row")
    scene.load.go_on()
    scene.resume()


async def transact(scene: Scene, name: str) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=scene.brokers.kafka, transactional_id=f"{scene.world.namespace}{name}"
    )
    await producer.start()
    try:
        for kept in (True, False, False):
            await producer.begin_transaction()
            for topic in ("y_true", "y_pred"):
                for partition in range(4):
                    row = {"id": f"never-{name}", "ts": time.time(), topic: 1.0}
                    value = b"[]" if kept else json.dumps([row]).encode()
                    await producer.send(scene.world.namespace + topic, value, partition=partition)
            await producer.flush()
            if kept:
                await producer.commit_transaction()
            else:
                await producer.abort_transaction()
    finally:
        await producer.stop()


@fault("a topic is there with another number of partitions", alone=True)
def wrong_partitions(scene: Scene) -> None:
    """A worker that is told so says one sentence and ends; those that are right go on."""
    environ = {"HINDSIGHT_PARTITIONS": "3"}
    other = scene.pipeline.new_worker("worker-with-3-partitions", **environ)
    other.launch()
    assert scene.ended(other) == 1, other.said
    assert "has 4 partitions, but 3 are required: set HINDSIGHT_PARTITIONS=4" in other.said, other.said
    assert "Traceback" not in other.said
    scene.note("a worker with HINDSIGHT_PARTITIONS=3 said what is wrong, and ended")
    scene.resume()


@fault("records of the decision log are removed by retention, under a worker that is killed", alone=True)
def log_truncated(scene: Scene) -> None:
    """All but the newest records: the database is ahead of them, so nothing is missing."""
    scene.note("all records of the decision log but the newest are deleted")
    asyncio.run(truncate(scene, keep=3))
    scene.flow()
    scene.note("kill -9 worker")
    scene.worker.kill()
    scene.pipeline.start_worker()
    scene.resume()


async def truncate(scene: Scene, keep: int) -> None:
    topic = f"{scene.world.namespace}hindsight-pairs-changelog"
    parts = [TopicPartition(topic, partition) for partition in range(4)]
    consumer = AIOKafkaConsumer(bootstrap_servers=scene.brokers.kafka)
    await consumer.start()
    ends = await consumer.end_offsets(parts)
    await consumer.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.brokers.kafka)
    await admin.start()
    try:
        await admin.delete_records({part: RecordsToDelete(max(0, end - keep)) for part, end in ends.items()})
    finally:
        await admin.close()


@fault("Kafka loses all of its data while the worker's state stays", own_brokers=True)
def kafka_wiped(scene: Scene) -> None:
    """The ids that waited in Kafka alone are gone, and the program says so; new ones are joined as ever."""
    scene.settle_inputs()
    scene.pipeline.worker.stop()
    scene.pipeline.bridge.stop()
    wipe(scene)
    scene.pipeline.start()
    scene.load.go_on()
    scene.resume()
    scene.healthy()


@fault("Kafka loses all of its data under a worker and a bridge that run", own_brokers=True)
def kafka_wiped_below(scene: Scene) -> None:
    """The worker says that its topics are gone, and ends; restarted it recreates them, and the bridge resumes."""
    scene.settle_inputs()
    wipe(scene)
    assert scene.ended(scene.worker) == 1, scene.worker.said[-2000:]
    assert "Kafka has lost" in scene.worker.said, scene.worker.said[-2000:]
    scene.note("the worker said that Kafka has lost its topics, and ended: it is started again")
    scene.pipeline.start_worker()
    scene.load.go_on()
    scene.resume()
    scene.healthy()


def wipe(scene: Scene) -> None:
    scene.brokers.kafka_server.stop()
    shutil.rmtree(scene.brokers.directory / "dev" / "kafka" / "data")
    scene.brokers.kafka_server.start()
    scene.forget_kafka()
    scene.note("Kafka is empty")
