"""What a worker takes of a core while rows come slowly, beside the durable loop over SQLite."""

from __future__ import annotations

import asyncio
import time

from bench import peer
from bench.measure_latency import P50, P99, WARM_UP_S, figures_of, follow, warm
from bench.measure_peers import ONE, PEERS, SQLITE
from bench.place import Place, Run
from bench.program import Program
from bench.results import Figures, Goal, Section, figure, line
from bench.show import progress
from bench.usage import Meter
from streams.kafka.topics import declare, topics

RATES = (0, 10, 100, 1000)
"""Rows a second, both sides counted: half as many ids."""
SECONDS = 20.0
CORE = "share of a core"
HINDSIGHT = "Hindsight"
LOOP = next(one for one in PEERS if one.what == SQLITE + ONE)


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure both at each rate in turn."""
    progress("steady: installing what the loop needs")
    peer.install()
    seconds = max(2 * WARM_UP_S, SECONDS * scale)
    runs: dict[str, list[Figures]] = {}
    for i in range(n_runs):
        for rate in RATES:
            for who, measured in ((HINDSIGHT, ours), (SQLITE, loop)):
                what = name(who, rate)
                progress(f"steady, run {i + 1} of {n_runs}: {what} for {seconds:.0f} s")
                runs.setdefault(what, []).append(measured(place.new_run(), rate, seconds))
    lines = [line(what, figures) for what, figures in runs.items()]
    fastest, idle = name(HINDSIGHT, RATES[-1]), name(HINDSIGHT, 0)
    return Section(
        "steady",
        "Rows that come slowly",
        f"y_true and y_pred of an id go straight into Kafka, a row a record, for {seconds:.0f} s. What the process takes of one "
        f"core after the first {WARM_UP_S:.0f} s, without the drawing of the picture, which has a process of its own; and "
        "how long after it was sent an id has its row in the CSV. The loop waits up to 0.1 s for company.",
        lines,
        [
            Goal(f"{CORE}, {fastest}", figure(lines, fastest, CORE), 0.15, at_least=False),
            Goal(f"p50 of {fastest}", figure(lines, fastest, P50), 20, "ms", at_least=False),
            Goal(f"p99 of {fastest}", figure(lines, fastest, P99), 50, "ms", at_least=False),
            Goal(f"{CORE}, {idle}", figure(lines, idle, CORE), 0.02, at_least=False),
        ],
    )


def name(who: str, rate: int) -> str:
    """Return the name of a line."""
    return f"{who}, {rate:,} rows/s" if rate else f"{who}, idle"


def ours(run: Run, rate: int, seconds: float) -> Figures:
    """Return the figures of a worker."""
    settings = run.settings()
    asyncio.run(declare(settings))
    names = topics(settings)
    with run.worker() as worker:
        worker.wait_until_said("The table `pairs` is ready")
        return _fed(run, worker, (names.y_true.name, names.y_pred.name), settings.partitions, rate, seconds)


def loop(run: Run, rate: int, seconds: float) -> Figures:
    """Return the figures of the loop over SQLite."""
    peer.declare(run)
    y_true, y_pred, _ = peer.topics(run)
    with peer.start(LOOP, run) as program:
        program.wait_until(run.csv.exists, "its CSV")
        return _fed(run, program, (y_true, y_pred), peer.N_PARTITIONS, rate, seconds)


def _fed(run: Run, program: Program, topics: tuple[str, str], n_partitions: int, rate: int, seconds: float) -> Figures:
    """Return the figures of a program that is given rows, or of one that is not if the rate is 0; raises as `follow`."""
    with Meter(it=program.pid) as meter:
        began = time.time()
        if not rate:
            time.sleep(seconds)
            return {CORE: _share(meter, began, seconds)}
        argv = ["-m", "bench.paced_kafka", run.place.kafka, *topics, str(n_partitions), str(rate / 2), str(seconds)]
        with Program("paced", argv, environ={}, directory=run.directory) as producer:
            seen = follow(run.csv, producer, began + seconds)
        share = _share(meter, began, seconds)
    return {CORE: share, **figures_of(warm(seen))}


def _share(meter: Meter, began: float, seconds: float) -> float:
    start, end = began + WARM_UP_S, began + seconds
    return meter.used("it", start, end) / (end - start)
