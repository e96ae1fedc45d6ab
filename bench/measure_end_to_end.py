"""From a publisher to the metric log: RabbitMQ, the bridge, Kafka and the worker on this one machine."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bench import drain, made_up_rows, peer, queues
from bench.joined import n_in_log
from bench.place import Place, Run
from bench.program import Program
from bench.results import ROWS, Figures, Goal, Section, line, ratio
from bench.show import progress
from bench.usage import Meter

MESSAGES, ALONE, OF_RABBITMQ = "messages/s", "publisher alone, messages/s", "of RabbitMQ's own"
N_ONE, N_ARRAYS, ARRAY_ROWS, N_PLAIN = 60_000, 300_000, 500, 1_500
KINDS = ("transient", "durable")
PLAIN = "plain services, transient, a connection a message"
OWN = {"pika": drain.bare_pika, "C client": drain.c_client}
"""RabbitMQ's own rate: the same messages, published and only consumed, by each of these."""


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure each kind of queue and message in turn; what RabbitMQ does by itself right before."""
    progress("end to end: building the C client")
    peer.install()
    runs: dict[str, list[Figures]] = defaultdict(list)
    for i in range(n_runs):
        step = f"end to end, run {i + 1} of {n_runs}: "
        for kind in KINDS:
            _one_row_a_message(place, kind, int(N_ONE * scale), step, runs)
        for kind in KINDS:
            n, what = max(ARRAY_ROWS, int(N_ARRAYS * scale)), arrays(kind)
            progress(f"{step}{what}, {2 * n:,} rows")
            runs[what].append(through(place.new_run(), kind, n, ARRAY_ROWS))
        n = max(1, int(N_PLAIN * scale))
        progress(f"{step}{PLAIN}, {2 * n:,} rows")
        runs[PLAIN].append(through_plain_services(place.new_run(), n))
    return Section(
        "end-to-end",
        "End to end",
        "A pika publisher sends to y_true and y_pred; durable: persistent messages, confirms, 2,000 on their way. From the "
        "first message published to the last row in the CSV, messages of both queues counted; CPU s per 100k rows of each "
        "process. Output checked. RabbitMQ's own rate: the same publisher at the same time as a bare consumer of both queues, "
        "which acknowledges every 100; in pika as ours, and in C, which leaves RabbitMQ more of the machine. The plain services "
        "are those that people write first: a connection for each message, a dict, a CSV that is opened for each row; what they "
        "hold is lost when they end.",
        [line(what, some) for what, some in runs.items()],
        _goals(runs),
    )


def one_row(kind: str) -> str:
    """Return the name of a line."""
    return f"Hindsight, {kind}, 1 row a message"


def arrays(kind: str) -> str:
    """Return the name of a line."""
    return f"Hindsight, {kind}, {ARRAY_ROWS} rows a message"


def own(kind: str, client: str) -> str:
    """Return the name of a line."""
    return f"RabbitMQ's own, {kind}, consumed in {client}"


def _one_row_a_message(place: Place, kind: str, n_ids: int, step: str, runs: dict[str, list[Figures]]) -> None:
    progress(f"{step}the publisher alone, {kind}, {2 * n_ids:,} messages")
    alone = published(place.new_run(), kind, n_ids, 1)
    rate = {ALONE: 2 * n_ids / (alone["ended"] - alone["began"])}
    for client in OWN:
        progress(f"{step}{own(kind, client)}, {2 * n_ids:,} messages")
        runs[own(kind, client)].append(through_rabbitmq(place.new_run(), kind, n_ids, client))
    progress(f"{step}{one_row(kind)}, {2 * n_ids:,} rows")
    found = through(place.new_run(), kind, n_ids, 1)
    share = {OF_RABBITMQ: found[MESSAGES] / runs[own(kind, "pika")][-1][MESSAGES]}
    runs[one_row(kind)].append(found | share | rate)


def _goals(runs: Mapping[str, Sequence[Figures]]) -> list[Goal]:
    ours = one_row("durable")
    return [
        *(
            Goal(
                f"messages/s of RabbitMQ's own, durable, 1 row a message, consumed in {client}",
                ratio(runs, ours, own("durable", client), MESSAGES),
                0.92,
                "×",
            )
            for client in OWN
        ),
        Goal(
            "rows/s, durable, arrays of 500", statistics.median(run[ROWS] for run in runs[arrays("durable")]), 120_000
        ),
    ]


def published(run: Run, kind: str, n_ids: int, rows_a_message: int) -> dict[str, Any]:
    """Publish to queues that nobody reads; return what the publisher says."""
    queues.declare_anew(run.place.amqp_url, durable=kind == "durable")
    with publisher(run, kind, n_ids, rows_a_message) as publishing:
        said: dict[str, Any] = json.loads(publishing.wait())
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
            with publisher(run, kind, n_ids, rows_a_message) as publishing:
                said = json.loads(publishing.wait())
            worker.wait_until(lambda: n_in_log(run.logs) >= n_ids, "the last row", 300)
    return _figures(run, said, meter, n_ids, rows_a_message)


def through_rabbitmq(run: Run, kind: str, n_ids: int, client: str) -> Figures:
    """Return the rate at which RabbitMQ takes and gives the same messages, with nobody else at work; raises as `through`."""
    queues.declare_anew(run.place.amqp_url, durable=kind == "durable")
    executable, *argv = OWN[client](run, 2 * n_ids, "y_true", "y_pred")
    with Program("drain", argv, executable=executable, environ={}, directory=run.directory) as consumer:
        consumer.wait_until_said("Waiting for messages")
        with Meter(RabbitMQ=run.place.broker_pid("rabbitmq"), consumer=consumer.pid) as meter:
            with publisher(run, kind, n_ids, 1) as publishing:
                said = json.loads(publishing.wait())
            ended = drain.last_words(consumer.wait())["ended"]
    cpu = {name: meter.used(name, said["began"], ended) for name in meter.names} | {"publisher": said["cpu_s"]}
    return {MESSAGES: 2 * n_ids / (ended - said["began"])} | {
        f"CPU {name}": used / 2 / n_ids * 1e5 for name, used in cpu.items()
    }


def through_plain_services(run: Run, n_ids: int) -> Figures:
    """Return the figures of `bench/peers/plain_services.py`, whose one consumer stands as the worker; raises as `through`."""
    queues.declare_anew(run.place.amqp_url, durable=False)
    services, url, log = ["-m", "bench.peers.plain_services"], run.place.amqp_url, made_up_rows.Lines(run.csv)
    argv = [*services, "metric", url, str(run.csv)]
    with Program("plain_metric", argv, environ={}, directory=run.directory) as worker:
        worker.wait_until_said("Waiting for messages")
        with Meter(worker=worker.pid, RabbitMQ=run.place.broker_pid("rabbitmq")) as meter:
            argv = [*services, "publish", url, str(n_ids), str(run.at)]
            with Program("plain_publish", argv, environ={}, directory=run.directory) as publishing:
                said = json.loads(publishing.wait())
            worker.wait_until(lambda: log.count() > n_ids, "the last row")
    return _figures(run, said, meter, n_ids, 1)


def _figures(run: Run, said: Mapping[str, float], meter: Meter, n_ids: int, rows_a_message: int) -> Figures:
    began, ended = said["began"], run.csv.stat().st_mtime
    made_up_rows.check_csv(run.csv, made_up_rows.pairs(n_ids, run.at))
    n_rows = 2 * n_ids
    cpu = {name: meter.used(name, began, ended) for name in meter.names} | {"publisher": said["cpu_s"]}
    return {MESSAGES: n_rows / rows_a_message / (ended - began), ROWS: n_rows / (ended - began)} | {
        f"CPU {name}": used / n_rows * 1e5 for name, used in cpu.items()
    }


def publisher(run: Run, kind: str, n_ids: int, rows_a_message: int) -> Program:
    """Start a publisher."""
    argv = ["-m", "bench.publisher", run.place.amqp_url, str(n_ids), str(rows_a_message), kind, str(run.at)]
    return Program("publisher", argv, environ={}, directory=run.directory)
