"""Runs the join in plain Faust, `bench/peers/naive_faust.py`, on rows of its own."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench import rows
from bench.place import Run
from bench.program import Program
from bench.results import CPU, PEAK, ROWS, Figures
from bench.usage import Meter, memory_mb
from dev.ports import free_ports
from streams.partition import partitions_of
from streams.records import encode_packet

N_PARTITIONS = 4


def measure(run: Run, given: rows.Pairs) -> Figures:
    """Return the figures of one run over a topic a side, one row a Kafka record.

    Raises:
        BenchError: the metric log is wrong, or the process ended.
    """
    app = f"{run.namespace}naive"
    _load(run.place.kafka, app, given)
    environ = {
        "NAIVE_APP": app,
        "NAIVE_KAFKA": run.place.kafka,
        "NAIVE_LOGS_DIR": str(run.logs),
        "NAIVE_STATE_DIR": str(run.state),
        "NAIVE_WEB_PORT": str(free_ports(1)[0]),
    }
    argv = ["-m", "faust", "-A", "bench.peers.naive_faust", "worker", "-l", "info"]
    n_ids = len(given.true)
    with Program("naive", argv, environ=environ, directory=run.directory) as program, Meter(it=program.pid) as meter:
        program.wait_until(lambda: run.csv.exists() and _n_lines(run) > n_ids, "the last row", 600)
        began, ended = (run.logs / "began").stat().st_mtime, run.csv.stat().st_mtime
        peak = memory_mb(program.pid)
    rows.check_csv(run.csv, given)
    n_rows = 2 * n_ids
    return {
        ROWS: n_rows / (ended - began),
        CPU: meter.used("it", began, ended) / n_rows * 1e5,
        PEAK: peak,
    }


def _n_lines(run: Run) -> int:
    return run.csv.read_bytes().count(b"\n")


def _load(kafka: str, app: str, given: rows.Pairs) -> None:
    asyncio.run(_declare(kafka, [f"{app}-y_true", f"{app}-y_pred"]))
    both = [row for pair in zip(given.true, given.pred, strict=True) for row in pair]
    partitions = partitions_of([row.id for row in both], N_PARTITIONS)
    names = (f"{app}-y_true", f"{app}-y_pred")
    rows.produce(
        kafka, [(names[i % 2], p, encode_packet(row)) for i, (row, p) in enumerate(zip(both, partitions, strict=True))]
    )


async def _declare(kafka: str, names: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, N_PARTITIONS, 1) for name in names])
    finally:
        await admin.close()
