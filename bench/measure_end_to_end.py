"""From a publisher to the metric log: RabbitMQ, the bridge, Kafka and the worker on this one machine."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from bench import queues, rows
from bench.measure_join import n_in_log
from bench.place import Place, Run
from bench.program import Program
from bench.results import Figures, Goal, Section, figure, line
from bench.show import progress
from bench.usage import Meter

MESSAGES, ROWS, ALONE = "messages/s", "rows/s", "publisher alone, messages/s"
N_ONE, N_ARRAYS, ARRAY_ROWS, N_PLAIN = 60_000, 300_000, 500, 1_500
CASES = {
    f"{kind}, {rows_a_message} row{'s' * (rows_a_message > 1)} a message": (kind, n_ids, rows_a_message)
    for rows_a_message, n_ids in ((1, N_ONE), (ARRAY_ROWS, N_ARRAYS))
    for kind in ("transient", "durable")
}
PLAIN = "plain services, transient, a connection a message"


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure each kind of queue and message in turn; the publisher alone right before."""
    runs: dict[str, list[Figures]] = defaultdict(list)
    for i in range(n_runs):
        for what, (kind, n_ids, rows_a_message) in CASES.items():
            n = max(rows_a_message, int(n_ids * scale))
            progress(f"end to end, run {i + 1} of {n_runs}: {what}, {2 * n:,} rows")
            run = place.new_run()
            alone = published(run, kind, n, rows_a_message)
            n_messages = 2 * n / rows_a_message
            rate = {ALONE: n_messages / (alone["ended"] - alone["began"])}
            runs[what].append(through(place.new_run(), kind, n, rows_a_message) | rate)
        n = max(1, int(N_PLAIN * scale))
        progress(f"end to end, run {i + 1} of {n_runs}: {PLAIN}, {2 * n:,} rows")
        runs[PLAIN].append(through_plain_services(place.new_run(), n))
    lines = [line(what, some) for what, some in runs.items()]
    one, arrays = "{}, 1 row a message", f"{{}}, {ARRAY_ROWS} rows a message"
    goals = [
        Goal("messages/s, transient, 1 row a message", figure(lines, one.format("transient"), MESSAGES), 13_000),
        Goal("messages/s, durable, 1 row a message", figure(lines, one.format("durable"), MESSAGES), 10_000),
        Goal("rows/s, durable, arrays of 500", figure(lines, arrays.format("durable"), ROWS), 60_000),
    ]
    return Section(
        "end-to-end",
        "End to end",
        "A pika publisher sends to y_true and y_pred; durable: persistent messages, confirms, 2,000 on their way. From the "
        "first message published to the last row in the CSV, messages of both queues counted; CPU s per 100k rows of each "
        "process. Output checked. The plain services are those that people write first: a connection for each message, a dict, "
        "a CSV that is opened for each row; what they hold is lost when they end.",
        lines,
        goals,
    )


def published(run: Run, kind: str, n_ids: int, rows_a_message: int) -> dict[str, Any]:
    """Publish to queues that nobody reads; return what the publisher says."""
    queues.declare_anew(run.place.amqp_url, durable=kind == "durable")
    with _publisher(run, kind, n_ids, rows_a_message) as publisher:
        said: dict[str, Any] = json.loads(publisher.wait())
    return said


def through(run: Run, kind: str, n_ids: int, rows_a_message: int) -> Figures:
    """Return the figures of one run.

    Raises:
        BenchError: the metric log is wrong, or a process ended.
    """
    queues.declare_anew(run.place.amqp_url, durable=kind == "durable")
    rabbitmq, kafka = map(run.place.broker_pid, ("rabbitmq", "kafka"))
    with run.worker() as worker, run.bridge(queue_kind=kind) as bridge:
        bridge.wait_until_said("Reading the queue 'y_true'", "Reading the queue 'y_pred'")
        worker.wait_until_said("The table `pairs` is ready")
        with Meter(RabbitMQ=rabbitmq, bridge=bridge.pid, worker=worker.pid, Kafka=kafka) as meter:
            with _publisher(run, kind, n_ids, rows_a_message) as publisher:
                said = json.loads(publisher.wait())
            worker.wait_until(lambda: n_in_log(run.logs) >= n_ids, "the last row", 300)
    return _figures(run, said, meter, n_ids, rows_a_message)


def through_plain_services(run: Run, n_ids: int) -> Figures:
    """Return the figures of `bench/peers/plain_services.py`, whose one consumer stands as the worker; raises as `through`."""
    queues.declare_anew(run.place.amqp_url, durable=False)
    services, url, log = ["-m", "bench.peers.plain_services"], run.place.amqp_url, rows.Lines(run.csv)
    argv = [*services, "metric", url, str(run.csv)]
    with Program("plain_metric", argv, environ={}, directory=run.directory) as worker:
        worker.wait_until_said("Waiting for messages")
        with Meter(worker=worker.pid, RabbitMQ=run.place.broker_pid("rabbitmq")) as meter:
            argv = [*services, "publish", url, str(n_ids), str(run.at)]
            with Program("plain_publish", argv, environ={}, directory=run.directory) as publisher:
                said = json.loads(publisher.wait())
            worker.wait_until(lambda: log.count() > n_ids, "the last row")
    return _figures(run, said, meter, n_ids, 1)


def _figures(run: Run, said: Mapping[str, float], meter: Meter, n_ids: int, rows_a_message: int) -> Figures:
    began, ended = said["began"], run.csv.stat().st_mtime
    rows.check_csv(run.csv, rows.pairs(n_ids, run.at))
    n_rows = 2 * n_ids
    cpu = {name: meter.used(name, began, ended) for name in meter.names} | {"publisher": said["cpu_s"]}
    return {
        MESSAGES: n_rows / rows_a_message / (ended - began),
        ROWS: n_rows / (ended - began),
    } | {f"CPU {name}": used / n_rows * 1e5 for name, used in cpu.items()}


def _publisher(run: Run, kind: str, n_ids: int, rows_a_message: int) -> Program:
    argv = ["-m", "bench.publisher", run.place.amqp_url, str(n_ids), str(rows_a_message), kind, str(run.at)]
    return Program("publisher", argv, environ={}, directory=run.directory)
