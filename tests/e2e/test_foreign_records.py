"""Records of anybody in our own topics: each is stepped over, said once and counted; rows go on, after a restart too."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

EFFECT_S = 30.0
PARTITIONS = 2
DEEP = b'{"what":"dropped","at":1,"row_at":1,"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
BYTES = (b"garbage", None, b"\xff", DEEP, b'{"log":"\xff","partition":0,"offset":1,"previous":-1,"rows":[]}')
HEADERS = ([("reason", None)], [("at", b"nan")], [("part", b"7/x"), ("properties", b"[[[")])


class Kafka:
    """Somebody else's client."""

    def __init__(self, pipeline: Pipeline):
        self.address = pipeline.environ["HINDSIGHT_KAFKA"]
        namespace = pipeline.environ["HINDSIGHT_NAMESPACE"]
        self.metric, self.quarantine = f"{namespace}metric", f"{namespace}quarantine"
        self.resolved, self.log = f"{namespace}quarantine-resolved", f"{namespace}hindsight-pairs-changelog"

    def write_everywhere(self) -> None:
        """Write what is no record of ours into each topic that is ours."""
        for partition in range(PARTITIONS):
            self.write(self.log, BYTES, partition)
            asyncio.run(self._in_transactions(self.log, partition))
        self.write(self.metric, BYTES)
        self.write(self.resolved, [*BYTES, b"{}"])
        for headers in HEADERS:
            self.write(self.quarantine, [b"x"], headers=headers)

    def write(self, topic: str, values: Sequence[bytes | None], partition: int = 0, headers: Any = ()) -> None:
        """Write records, each with a key."""

        async def write() -> None:
            async with AIOKafkaProducer(bootstrap_servers=self.address) as producer:
                for value in values:
                    await producer.send_and_wait(topic, value, key=b"1", partition=partition, headers=headers)

        asyncio.run(write())

    async def _in_transactions(self, topic: str, partition: int) -> None:
        """Write records whose transactions leave offsets behind that hold nothing."""
        async with AIOKafkaProducer(bootstrap_servers=self.address, transactional_id=f"{topic}{partition}") as producer:
            for ends in (producer.commit_transaction, producer.abort_transaction):
                await producer.begin_transaction()
                await producer.send_and_wait(topic, b"in a transaction", partition=partition)
                await ends()

    def last_verdicts(self) -> dict[str, Any]:
        """Return the tag of the newest record of ours in `metric`."""

        async def read() -> list[bytes]:
            tp = TopicPartition(self.metric, 0)
            async with AIOKafkaConsumer(bootstrap_servers=self.address, auto_offset_reset="earliest") as consumer:
                consumer.assign([tp])
                end = (await consumer.end_offsets([tp]))[tp]
                found: list[bytes] = []
                while await consumer.position(tp) < end:
                    fetched = await consumer.getmany(tp, timeout_ms=1000)
                    found += [record.value for record in fetched.get(tp, ()) if record.value]
                return found

        return dict(json.loads([value for value in asyncio.run(read()) if value.startswith(b'{"version"')][-1]))


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    pipeline = make_pipeline(agents="metric,plot", partitions=PARTITIONS)
    assert pipeline.run_command("topology").returncode == 0
    return pipeline


def join(pipeline: Pipeline, name: str, n_before: int) -> None:
    """Publish pairs, and wait until they are in the CSV, each once."""
    ids = [f"{name}{i}" for i in range(20)]
    pipeline.publish("y_true", [[{"id": row_id, "y_true": 1.0} for row_id in ids]])
    pipeline.publish("y_pred", [[{"id": row_id, "y_pred": 3.0} for row_id in ids]])
    wait_until(lambda: len(pipeline.metric_rows()) >= n_before + 20, EFFECT_S, f"the pairs {name} are written")
    found = [row["id"] for row in pipeline.metric_rows()]
    assert len(found) == len(set(found)) == n_before + 20


def test_no_record_of_anybody_ends_or_blinds_anything(pipeline: Pipeline) -> None:
    kafka = Kafka(pipeline)
    kafka.write_everywhere()
    pipeline.start()
    join(pipeline, "a", 0)

    kafka.write_everywhere()
    last = kafka.last_verdicts()
    empty = last | {
        "offset": last["offset"] + 1,
        "previous": last["offset"],
        "rows": [{"id": "x", "verdict": "matched", "at": 1.0}],
    }
    beyond = last | {"offset": 1 << 62, "rows": [{**last["rows"][0], "id": "made up"}]}
    kafka.write(kafka.metric, [json.dumps(record).encode() for record in (empty, beyond, beyond | {"previous": -1})])
    join(pipeline, "b", 20)
    assert pipeline.worker.stop() == 0
    assert "Traceback" not in pipeline.worker.said

    pipeline.start_worker()
    join(pipeline, "c", 40)
    kafka.write_everywhere()
    join(pipeline, "d", 60)

    counted = re.findall(r'^hindsight_void_records_total{topic="(.*)"}', pipeline.page("/metrics"), re.MULTILINE)
    assert sorted(counted) == sorted([kafka.log, kafka.metric, kafka.resolved])
    assert pipeline.worker.said.count("is no record of ours") == 3, "said once of each topic"
    assert json.loads(pipeline.page("/readyz"))["ready"] is True
    assert json.loads(pipeline.page("/quarantine"))["n_matching"] == 3 * len(HEADERS)
    assert pipeline.run_command("status").returncode == 0
    assert pipeline.run_command("quarantine", "list").returncode == 0
    assert pipeline.worker.stop() == 0
    assert "Traceback" not in pipeline.worker.said
    said = pipeline.run_command("reconcile")
    assert "Traceback" not in said.stderr
    assert f"records of {kafka.log} are none of ours" in said.stdout
