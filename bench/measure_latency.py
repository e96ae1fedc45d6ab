"""How long after it was published an id has its row in the metric log."""

from __future__ import annotations

import time

import numpy as np

from agents.log_rows import METRIC_HEADER
from bench import queues
from bench.place import Place, Run
from bench.program import Program
from bench.results import Figures, Goal, Section, figure, line
from bench.show import progress

RATES = (100, 1000)
SECONDS, WARM_UP_S = 20.0, 3.0
POLL_S = 0.0005
P50, P99 = "p50 ms", "p99 ms"


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure each rate in turn."""
    seconds = max(2 * WARM_UP_S, SECONDS * scale)
    found: dict[int, list[np.ndarray]] = {rate: [] for rate in RATES}
    for i in range(n_runs):
        for rate in RATES:
            progress(f"latency, run {i + 1} of {n_runs}: {rate} ids/s for {seconds:.0f} s")
            found[rate].append(latencies_ms(place.new_run(), rate, seconds))
    lines = [line(f"{rate:,} ids/s", [_figures(one) for one in runs]) for rate, runs in found.items()]
    fastest = f"{RATES[-1]:,} ids/s"
    return Section(
        "latency",
        "Latency",
        f"y_true and y_pred of an id are published together, persistent, one row a message, for {seconds:.0f} s; from that "
        "moment to its row in the CSV. Histogram: the last run.",
        lines,
        [
            Goal(f"p50 at {fastest}", figure(lines, fastest, P50), 30, "ms", at_least=False),
            Goal(f"p99 at {fastest}", figure(lines, fastest, P99), 120, "ms", at_least=False),
        ],
        {f"{rate:,} ids/s": _histogram(runs[-1]) for rate, runs in found.items()},
    )


def latencies_ms(run: Run, rate: int, seconds: float) -> np.ndarray:
    """Return the latency of each id of one run, but for those of the first seconds."""
    queues.declare_anew(run.place.amqp_url, durable=True)
    argv = ["-m", "bench.paced", run.place.amqp_url, str(rate), str(seconds)]
    with run.worker() as worker, run.bridge() as bridge:
        bridge.wait_until_said("Reading the queue 'y_true'", "Reading the queue 'y_pred'")
        worker.wait_until_said("The table `pairs` is ready")
        with Program("paced", argv, environ={}, directory=run.directory) as publisher:
            seen = _follow(run, time.time() + seconds + 3)
            publisher.wait()
    published, appeared = np.array(seen).T
    return (appeared - published)[published > published[0] + WARM_UP_S] * 1e3


def _follow(run: Run, until: float) -> list[tuple[float, float]]:
    """Return when each row's id was published, and when the row could be read, until nothing comes any more."""
    while not run.csv.exists():
        time.sleep(POLL_S)
    seen: list[tuple[float, float]] = []
    tail = b""
    with run.csv.open("rb", buffering=0) as file:
        while len(file.readline()) < len(METRIC_HEADER):
            file.seek(0)
        while (now := time.time()) < until:
            *rows, tail = (tail + file.read(1 << 20)).split(b"\n")
            if rows:
                seen += [(float(row.partition(b",")[0]), now) for row in rows]
            else:
                time.sleep(POLL_S)
    return seen


def _figures(found: np.ndarray) -> Figures:
    p50, p99 = np.percentile(found, [50, 99])
    return {P50: float(p50), P99: float(p99), "max ms": float(found.max()), "ids": len(found)}


def _histogram(found: np.ndarray) -> tuple[list[float], list[int]]:
    counts, edges = np.histogram(found, bins=60, range=(0.0, float(np.percentile(found, 99.5))))
    return edges.tolist(), counts.tolist()
