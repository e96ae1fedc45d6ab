"""The bridge beside bare consumption, and beside bridges that await Kafka for each row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bench import drain, made_up_rows, peer
from bench.drain import BARE, BRIDGE, DRAINS, OURS, Drain
from bench.place import Place, Run
from bench.results import CPU, PEAK, ROWS, Figures, Goal, Line, Section, line, lines_with_ratio, ratio
from bench.show import progress
from streams.kafka.topics import declare
from streams.wire.rows import TrueRow

N_MESSAGES, N_ARRAYS, ARRAY_ROWS = 100_000, 1_500, 500
KINDS = ("durable", "transient")


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure all in turn, on each kind of queue; then arrays, which bare consumption does not look into."""
    progress("bridge: installing what its peers need")
    peer.install()
    lines: list[Line] = []
    goals: list[Goal] = []
    given = made_up_rows.pairs(int(N_MESSAGES * scale), int(time.time())).true
    for kind in KINDS:
        runs: dict[str, list[Figures]] = {one.what: [] for one in DRAINS}
        for i in range(n_runs):
            for one in DRAINS:
                progress(f"bridge, run {i + 1} of {n_runs}: {one.what}, {kind} queue")
                runs[one.what].append(drained(one, place.new_run(), given[: int(len(given) * one.share)], kind))
        named = {f"{what}, {kind}": some for what, some in runs.items()}
        lines += lines_with_ratio(named, peer=f"{BARE}, {kind}")
        goals += [
            Goal(f"rows/s of bare pika, {kind} queue", ratio(runs, BRIDGE, BARE), 0.97, "×"),
            Goal(f"CPU of bare pika, {kind} queue", ratio(runs, BRIDGE, BARE, CPU), 1.1, "×", at_least=False),
        ]
    lines.append(_arrays(place, n_runs, scale))
    return Section(
        "bridge",
        "The bridge",
        f"{len(given):,} messages of one row wait in a queue; durable: persistent messages. Bare pika and RabbitMQ's C client "
        "only read, prefetch 2,000, and acknowledge every 100. Bridges decode, have Kafka confirm (idempotent, all replicas), "
        "then acknowledge; those that await each row get fewer. The first tenth warms up. All rows are looked for in Kafka.",
        lines,
        goals,
    )


def _arrays(place: Place, n_runs: int, scale: float) -> Line:
    given = made_up_rows.pairs(max(10, int(N_ARRAYS * scale)) * ARRAY_ROWS, int(time.time())).true
    found = []
    for i in range(n_runs):
        progress(f"bridge, run {i + 1} of {n_runs}: arrays of {ARRAY_ROWS}")
        found.append(drained(OURS, place.new_run(), given, KINDS[0], ARRAY_ROWS))
    return line(f"{BRIDGE}, durable, {ARRAY_ROWS} rows a message", found)


def drained(one: Drain, run: Run, given: Sequence[TrueRow], kind: str, rows_a_message: int = 1) -> Figures:
    """Return the figures of one run.

    Raises:
        BenchError: Kafka has not every row once, or the program failed.
    """
    asyncio.run(declare(run.settings()))
    bodies = drain.bodies(given, rows_a_message)
    drain.preload(run.place.amqp_url, bodies, durable=kind == "durable")
    said = drain.drained(one, run, len(bodies), queue_kind=kind)
    if one.has_output:
        drain.check_topic(run, given)
    n_rows, seconds = said["n"] * rows_a_message, said["ended"] - said["began"]
    return {ROWS: n_rows / seconds, CPU: said["cpu_s"] / n_rows * 1e5, PEAK: said["peak_mb"]}
