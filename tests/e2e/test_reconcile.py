"""`reconcile` on a healthy run, and on each kind of damage done to it on purpose."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.join import decision
from tests.brokers import Brokers
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

N_IDS = 400
N_FEATURES = 10
EFFECT_S = 30.0


class Run:
    """A run that has ended: what it wrote stands still, so that one test after the other can damage and mend it."""

    def __init__(self, brokers: Brokers):
        self.pipeline = Pipeline(brokers, join_window_s=3, max_out_of_orderness_s=1, partitions=2)
        self.csv = self.pipeline.logs / "metric_log.csv"
        self.kafka = self.pipeline.environ["HINDSIGHT_KAFKA"]
        self.namespace = self.pipeline.environ["HINDSIGHT_NAMESPACE"]

    def happen(self) -> None:
        """Let matched, unmatched, repeated, contradicting and unreadable rows through, and end worker and bridge."""
        self.pipeline.start()
        ids = range(N_IDS)
        self.pipeline.publish("y_true", [[{"id": f"i{n}", "y_true": n * 0.5} for n in ids]])
        self.pipeline.publish("y_pred", [[{"id": f"i{n}", "y_pred": n * 0.25} for n in ids], b"no json"])
        self.pipeline.publish("y_pred", [[{"id": f"i{n}", "y_pred": n * 0.25} for n in range(7)]])
        self.pipeline.publish("y_true", [[{"id": f"i{n}", "y_true": -1.0} for n in range(5)]])
        self.pipeline.publish("y_true", [{"id": 'a, "quoted" id', "y_true": 1.5}])
        self.pipeline.publish("y_pred", [{"id": "alone", "y_pred": 2.5}])
        vector = [0.01] * 10
        asked = [{"id": f"f{n}", "features": vector} for n in range(N_FEATURES)]
        self.pipeline.publish("features", [[*asked, {"id": "short", "features": [1.0]}], b"no json"])
        self.produce("y_true", b'[{"id":"direct","ts":1,"y_true":NaN}]', 1)
        self.produce("features", b'[{"id":"direct","ts":1,"features":[NaN]}]', 0)
        wait_until(lambda: len(self.pipeline.metric_rows()) == N_IDS, EFFECT_S, "all pairs are written")
        n_alone = 2 + N_FEATURES
        wait_until(lambda: len(self.pipeline.unmatched_rows()) == n_alone, EFFECT_S, "the lonely ids are written")
        wait_until(lambda: self.pipeline.status().get("quarantined") == 5, EFFECT_S, "the bad rows are in quarantine")
        wait_until(self.model_is_done, EFFECT_S, "Kafka knows that the model has taken all features")

    def model_is_done(self) -> bool:
        found = json.loads(self.pipeline.run_command("status", "--json").stdout)
        return all(topic["lag"] == 0 for topic in found["topics"] if topic["name"].endswith("features"))

    def stop(self) -> None:
        self.pipeline.worker.stop()
        self.pipeline.bridge.stop()

    def reconcile(self, *arguments: str, code: int) -> dict[str, Any]:
        ran = self.pipeline.run_command("reconcile", "--json", *arguments)
        assert ran.returncode == code, ran.stdout + ran.stderr
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    def produce(self, topic: str, value: bytes, partition: int) -> None:
        async def send() -> None:
            async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
                await producer.send_and_wait(self.namespace + topic, value, partition=partition)

        asyncio.run(send())

    def records(self, topic: str, partition: int) -> list[Any]:
        async def read() -> list[Any]:
            tp = TopicPartition(self.namespace + topic, partition)
            async with AIOKafkaConsumer(bootstrap_servers=self.kafka, group_id=None) as consumer:
                end = (await consumer.end_offsets([tp]))[tp]
                consumer.assign([tp])
                consumer.seek(tp, 0)
                found: list[Any] = []
                while len(found) < end:
                    found += (await consumer.getmany(tp, timeout_ms=500)).get(tp, [])
                return found

        return asyncio.run(read())


@pytest.fixture(scope="module")
def run(brokers: Brokers) -> Iterator[Run]:
    run = Run(brokers)
    try:
        run.happen()
        run.live = run.reconcile(code=0)  # type: ignore[attr-defined]
        run.stop()
        yield run
    finally:
        run.pipeline.end()


@pytest.fixture
def csv(run: Run) -> Iterator[Path]:
    """The metric log, which is put right again after the test."""
    before = run.csv.read_bytes()
    yield run.csv
    run.csv.write_bytes(before)


def broken(found: dict[str, Any]) -> list[str]:
    return [each["name"] for each in found["sums"] if not each["holds"]]


def lefts(found: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["left"] for each in found["sums"]}


def said(found: dict[str, Any]) -> dict[str, str]:
    return {problem["id"]: problem["said"] for each in found["sums"] for problem in each["problems"]}


def test_a_healthy_run_adds_up_while_it_runs_and_after(run: Run) -> None:
    live: dict[str, Any] = run.live  # type: ignore[attr-defined]
    for found in (live, run.reconcile(code=0)):
        assert (broken(found), found["strange"], found["unchecked"]) == ([], [], [])
        assert found["ids"] == N_IDS + 2 + N_FEATURES + 1
        sums = lefts(found)
        assert sums["rows of features = predicted or refused"] == N_FEATURES + 1
        assert sums["rows in Kafka = rows counted by the join"] == 2 * N_IDS + 7 + 5 + 2 + N_FEATURES
        assert sums["verdicts written = rows of metric_log.csv"] == N_IDS
        assert sums["verdicts written = rows of unmatched_log.csv"] == 2 + N_FEATURES
        assert sums["unreadable rows of Kafka = in quarantine"] == 2
    from_bridge = {name: n for name, n in lefts(live).items() if "bridge" in name}
    assert list(from_bridge.values()) == [N_FEATURES + 2, N_IDS + 5 + 1, N_IDS + 7 + 1 + 1]


def test_it_is_a_table_for_people(run: Run) -> None:
    ran = run.pipeline.run_command("reconcile")
    assert ran.returncode == 0
    assert re.search(r"✓ rows in = 2 × matched .* 824 = 824", ran.stdout)
    assert "everything adds up" in ran.stdout


def test_a_row_removed_from_the_csv_is_named(run: Run, csv: Path) -> None:
    csv.write_bytes(b"".join(line for line in csv.read_bytes().splitlines(True) if not line.startswith(b"i17,")))
    found = run.reconcile(code=1)
    assert broken(found) == ["verdicts written = rows of metric_log.csv"]
    assert said(found) == {"i17": "the row of its verdict matched 8.5, 4.25 is not there"}


def test_a_row_added_twice_is_named(run: Run, csv: Path) -> None:
    csv.write_bytes(csv.read_bytes() + b"i17,8.5,4.25,4.25\n")
    found = run.reconcile(code=1)
    assert broken(found) == ["verdicts written = rows of metric_log.csv"]
    assert said(found) == {"i17": "the row matched 8.5, 4.25 is there 2 times"}


def test_a_row_edited_is_named_with_both_values(run: Run, csv: Path) -> None:
    csv.write_bytes(csv.read_bytes().replace(b"\ni17,8.5,4.25,4.25\n", b"\ni17,8.5,4.0,4.5\n"))
    found = run.reconcile(code=1)
    assert said(found) == {"i17": "the row says matched 8.5, 4.0, the verdict was matched 8.5, 4.25"}


def test_an_edited_error_is_no_row_of_ours(run: Run, csv: Path) -> None:
    csv.write_bytes(csv.read_bytes().replace(b"\ni17,8.5,4.25,4.25\n", b"\ni17,8.5,4.25,0.0\n"))
    found = run.reconcile(code=1)
    assert list(said(found)) == ["i17"]
    assert any("i17,8.5,4.25,0.0" in sentence for sentence in found["strange"])


def test_a_row_that_nobody_decided_is_named(run: Run, csv: Path) -> None:
    csv.write_bytes(csv.read_bytes() + b"ghost,1.0,1.0,0.0\n")
    assert said(run.reconcile(code=1)) == {"ghost": "the row matched 1.0, 1.0 is there, but was never decided"}


def test_the_end_of_a_line_that_was_being_written_is_no_damage(run: Run, csv: Path) -> None:
    csv.write_bytes(csv.read_bytes() + b"i17,8.5,4.")
    assert broken(run.reconcile(code=0)) == []


def test_without_the_writers_state_it_cannot_be_told(run: Run) -> None:
    state = run.pipeline.logs / "metric_log.state.json"
    kept = state.read_bytes()
    state.unlink()
    found = run.reconcile(code=2)
    state.write_bytes(kept)
    assert "metric_log.state.json: the files were not checked" in found["unchecked"][0]


def test_a_time_before_everything_holds_nothing(run: Run) -> None:
    found = run.reconcile("--to", "2020-01-01", code=0)
    assert {each["left"] for each in found["sums"]} == {0}


def test_a_time_that_cannot_be_read_is_a_sentence(run: Run) -> None:
    ran = run.pipeline.run_command("reconcile", "--from", "yesterday")
    assert ran.returncode == 2
    assert "'yesterday' cannot be read as a time (2026-11-24" in ran.stderr


def test_kafka_away_is_a_sentence_and_not_a_verdict(run: Run) -> None:
    ran = run.pipeline.run_command("reconcile", environ={"HINDSIGHT_KAFKA": "127.0.0.1:1"})
    assert ran.returncode == 2
    assert ran.stderr.startswith("✗ could not be checked: Kafka at 127.0.0.1:1")
    assert "Traceback" not in ran.stderr


def test_forged_verdicts_are_named_each_by_its_id(run: Run) -> None:
    """Damage to Kafka cannot be undone: this comes last."""
    log = run.records("hindsight-pairs-changelog", 0)
    record = decision.decode(log[-1].value)
    assert isinstance(record, decision.Decision)
    record.base = log[-1].offset
    record.verdicts = json.dumps([matched("planted", 1.0, 1.0)]).encode()
    counts = record.checkpoint.counts
    counts.rows_true, counts.rows_pred, counts.matched = counts.rows_true + 1, counts.rows_pred + 1, counts.matched + 1
    run.produce("hindsight-pairs-changelog", decision.encode(record), 0)
    forged = {"log": record.checkpoint.log, "partition": 0, "offset": record.base + 1, "previous": record.base}
    run.produce("metric", json.dumps(forged | {"rows": [matched("forged", 1.0, 2.0)]}).encode(), 0)

    found = run.reconcile(code=1)

    assert {"rows in Kafka = rows counted by the join", "verdicts confirmed = in the topic metric"} <= set(
        broken(found)
    )
    assert said(found)["planted"] == "its verdicts account for 2 rows, but 0 came in"
    assert said(found)["forged"] == "matched 1.0, 2.0 was never decided, but is there"


def matched(name: str, y_true: float, y_pred: float) -> dict[str, Any]:
    """Return a verdict as the log and the topic hold it."""
    times = {"at": 1.0, "ts_true": 1.0, "ts_pred": 1.0}
    return {"id": name, "verdict": "matched", "y_true": y_true, "y_pred": y_pred, **times}
