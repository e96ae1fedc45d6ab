"""Other people's programs that write where only ours should."""

from __future__ import annotations

from confluent_kafka import Producer

from tests.faults.fault import fault
from tests.faults.scene import Scene

GARBAGE = (
    b"garbage",
    None,
    b"\xff",
    b"{}",
    b"[" * 20_000,
    b'{"log":"x","partition":0,"offset":9,"previous":8,"rows":[]}',
)


@fault(
    "somebody writes garbage into each of our own topics, again and again, and the worker is killed meanwhile",
    chosen=True,
)
def garbage_in_own_topics(scene: Scene) -> None:
    """Ten records in a row are more than a worker takes for one that overtakes it."""
    for n in range(3):
        scatter(scene)
        scene.note("garbage in the decision log, in `metric` and in `quarantine-resolved`")
        scene.resume()
        if n == 1:
            scatter(scene)
            scene.note("kill -9 worker, with garbage as the last records")
            scene.worker.kill()
            scatter(scene)
            scene.pipeline.start_worker()
            scene.resume()
    assert scene.world.metric("worker", "hindsight_void_records_total") > 0


def scatter(scene: Scene) -> None:
    producer = Producer({"bootstrap.servers": scene.brokers.kafka, "compression.type": "zstd"})
    for _ in range(3):
        for value in GARBAGE:
            for partition in range(4):
                producer.produce(scene.world.namespace + "hindsight-pairs-changelog", value, partition=partition)
            for topic in ("metric", "quarantine-resolved"):
                producer.produce(scene.world.namespace + topic, value, key=b"k", partition=0)
    assert producer.flush(20) == 0
