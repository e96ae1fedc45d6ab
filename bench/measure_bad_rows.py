"""What rows that nobody can read cost the others: through the bridge, and in records that others write to Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import drain, joined, made_up_rows, results
from bench.place import Place, Run
from bench.program import BenchError
from bench.results import CPU, PEAK, ROWS, Figures, Goal, Section, lines_with_ratio
from bench.show import progress
from streams.kafka.topics import declare, topics

N_MESSAGES, N_IDS = 100_000, 150_000
EVERY = 100
BAD = b'{"id": "sensor-7", "y_true": "n/a", "y_pred": "n/a"}'
LEAST = 0.95
T = TypeVar("T")


class Way(NamedTuple):
    """A way in; `measure` lets good rows through it, with a bad one after every EVERY - 1 of them if it `is_spoilt`."""

    what: str
    n: int
    measure: Callable[[Run, made_up_rows.Pairs, bool], Figures]

    def line(self, *, is_spoilt: bool) -> str:
        """Return the name of its line."""
        return f"{self.what}, one in {EVERY} bad" if is_spoilt else self.what


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure both ways, without and with bad rows in turn."""
    ways = [Way("bridge, a row a message", N_MESSAGES, _bridged), Way("join, a row a record", N_IDS, _joined)]
    runs: dict[str, list[Figures]] = {way.line(is_spoilt=bad): [] for way in ways for bad in (False, True)}
    for i in range(n_runs):
        for way in ways:
            given = made_up_rows.pairs(int(way.n * scale), int(time.time()))
            for bad in (False, True):
                progress(f"bad rows, run {i + 1} of {n_runs}: {way.line(is_spoilt=bad)}")
                runs[way.line(is_spoilt=bad)].append(way.measure(place.new_run(), given, bad))
    return Section(
        "bad-rows",
        "Rows that nobody can read",
        f"The same rows twice, the second time with one more after each {EVERY - 1} that cannot be read and goes to quarantine. "
        "The bridge reads a durable queue; the join reads Kafka as other producers write it. Only good rows are counted, and the "
        "good and the bad ones are looked for where they belong.",
        [line for way in ways for line in lines_with_ratio(_of(runs, way), peer=way.line(is_spoilt=False))],
        [Goal(f"rows/s, {way.what}, of those without bad ones", _ratio(runs, way), LEAST, "×") for way in ways],
    )


def _of(runs: Mapping[str, Sequence[Figures]], way: Way) -> dict[str, Sequence[Figures]]:
    return {way.line(is_spoilt=bad): runs[way.line(is_spoilt=bad)] for bad in (False, True)}


def _ratio(runs: Mapping[str, Sequence[Figures]], way: Way) -> float:
    return results.ratio(runs, way.line(is_spoilt=True), way.line(is_spoilt=False))


def _bridged(run: Run, given: made_up_rows.Pairs, is_spoilt: bool) -> Figures:
    """Return the figures of the bridge; raises BenchError if a row is not where it belongs."""
    asyncio.run(declare(run.settings()))
    good = drain.bodies(given.true)
    bodies = list(spoilt(good, lambda _: BAD)) if is_spoilt else good
    drain.preload(run.place.amqp_url, bodies, durable=True)
    said = drain.drained(drain.OURS, run, len(bodies), queue_kind="durable")
    drain.check_topic(run, given.true)
    check_quarantine(run, len(bodies) - len(good))
    n_rows = said["n"] * len(good) / len(bodies)
    return {ROWS: n_rows / (said["ended"] - said["began"]), CPU: said["cpu_s"] / n_rows * 1e5, PEAK: said["peak_mb"]}


def _joined(run: Run, given: made_up_rows.Pairs, is_spoilt: bool) -> Figures:
    """Return the figures of the join; raises BenchError if a row is not where it belongs."""
    settings = run.settings()
    names = topics(settings)
    good = made_up_rows.records(names.y_true.name, names.y_pred.name, given, settings.partitions, packet_rows=1)
    records = list(spoilt(good, lambda last: last._replace(value=BAD))) if is_spoilt else good
    made_up_rows.load(settings, records)
    figures = joined.figures(run, given, run.worker())
    check_quarantine(run, len(records) - len(good))
    return figures


def spoilt(good: Iterable[T], bad: Callable[[T], T]) -> Iterator[T]:
    """Yield what is good, and after every EVERY - 1 of them a bad one, made of the last."""
    for n, one in enumerate(good, 1):
        yield one
        if n % (EVERY - 1) == 0:
            yield bad(one)


def check_quarantine(run: Run, n_bad: int) -> None:
    """Raise BenchError unless so many rows are in quarantine."""
    found = asyncio.run(_n_quarantined(run))
    if found != n_bad:
        raise BenchError(f"{found} rows are in quarantine, not {n_bad}")


async def _n_quarantined(run: Run) -> int:
    settings = run.settings()
    tp = TopicPartition(topics(settings).quarantine.name, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_address, group_id=None)
    await consumer.start()
    try:
        return int((await consumer.end_offsets([tp]))[tp])
    finally:
        await consumer.stop()
