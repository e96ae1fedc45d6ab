"""How long after it was published an id has its row in the metric log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agents.metric_log.csv_rows import METRIC_HEADER
from bench import queues
from bench.measure_end_to_end import N_ONE, through
from bench.place import Place, Run
from bench.program import BenchError, Program
from bench.results import ROWS, Figures, Goal, Section, figure, line
from bench.show import progress

RATES = (10, 100, 1000, 2000)
"""Rows a second, both sides counted: half as many ids."""
PEAK_SHARE = 0.8
SECONDS, WARM_UP_S = 20.0, 3.0
POLL_S, LAST_S = 0.0005, 30.0
P50, P99, CAME = "p50 ms", "p99 ms", "rows/s that came"


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure each rate in turn; the peak, of which the last one is a share, once before."""
    seconds = max(2 * WARM_UP_S, SECONDS * scale)
    progress("latency: the peak, durable, 1 row a message")
    peak = through(place.new_run(), "durable", int(N_ONE * scale), 1)[ROWS]
    rates = {f"{rate:,} rows/s ({rate // 2:,} ids/s)": float(rate) for rate in RATES}
    fastest = f"80% of the peak: {PEAK_SHARE * peak:,.0f} rows/s"
    rates[fastest] = PEAK_SHARE * peak
    found: dict[str, list[np.ndarray]] = {what: [] for what in rates}
    for i in range(n_runs):
        for what, rate in rates.items():
            progress(f"latency, run {i + 1} of {n_runs}: {what} for {seconds:.0f} s")
            found[what].append(latencies(place.new_run(), rate / 2, seconds))
    lines = [line(what, [figures_of(one) for one in runs]) for what, runs in found.items()]
    goal = f"{1000:,} rows/s ({500:,} ids/s)"
    return Section(
        "latency",
        "Latency",
        f"y_true and y_pred of an id are published together, persistent, one row a message, for {seconds:.0f} s; from that "
        f"moment to its row in the CSV. An id has two rows. The peak is that of end to end, durable, one row a message: "
        f"{peak:,.0f} rows/s. Histogram: the last run.",
        lines,
        [
            Goal(f"p50 at {goal}", figure(lines, goal, P50), 15, "ms", at_least=False),
            Goal(f"p99 at {goal}", figure(lines, goal, P99), 50, "ms", at_least=False),
            Goal("p99 at 80% of the peak", figure(lines, fastest, P99), 100, "ms", at_least=False),
        ],
        {what: _histogram(runs[-1]) for what, runs in found.items()},
    )


def latencies(run: Run, rate: float, seconds: float) -> np.ndarray:
    """Return when each id of one run was published and how many ms its row took, but for those of the first seconds.

    Args:
        rate: ids a second.
    """
    queues.declare_anew(run.place.amqp_url, durable=True)
    argv = ["-m", "bench.paced", run.place.amqp_url, str(rate), str(seconds)]
    with run.worker() as worker, run.bridge() as bridge:
        bridge.wait_until_said("Reading the queue 'y_true'", "Reading the queue 'y_pred'")
        worker.wait_until_said("The table `pairs` is ready")
        with Program("paced", argv, environ={}, directory=run.directory) as publisher:
            return warm(follow(run.csv, publisher, time.time() + seconds))


def warm(seen: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return what `latencies` returns, from what `follow` does."""
    published, appeared = np.array(seen).T
    took_ms = (appeared - published) * 1e3
    return np.array([published, took_ms])[:, published > published.min() + WARM_UP_S]


def follow(csv: Path, publisher: Program, until: float) -> list[tuple[float, float]]:
    """Return when each row's id was published, and when the row could be read, for all that the publisher sent.

    Raises:
        BenchError: some never came.
    """
    while not csv.exists():
        time.sleep(POLL_S)
    seen: list[tuple[float, float]] = []
    tail, n_sent = b"", float("inf")
    with csv.open("rb", buffering=0) as file:
        while len(file.readline()) < len(METRIC_HEADER):
            time.sleep(POLL_S)
            file.seek(0)
        while len(seen) < n_sent:
            *rows, tail = (tail + file.read(1 << 20)).split(b"\n")
            now = time.time()
            seen += [(float(row.partition(b",")[0]), now) for row in rows]
            if not rows:
                time.sleep(POLL_S)
            if n_sent == float("inf") and now > until and publisher.has_ended():  # to wait for it would be to look away
                n_sent = int(publisher.wait().split()[-1])
            if now > until + LAST_S:
                raise BenchError(f"{n_sent:,.0f} ids were published; {len(seen):,} rows came within {LAST_S:.0f} s")
    return seen


def figures_of(found: np.ndarray) -> Figures:
    """Return the figures of what `latencies` returns."""
    published, took_ms = found
    p50, p99 = np.percentile(took_ms, [50, 99])
    came = 2 * (len(published) - 1) / float(np.ptp(published))
    return {P50: float(p50), P99: float(p99), "max ms": float(took_ms.max()), "ids": len(took_ms), CAME: came}


def _histogram(found: np.ndarray) -> tuple[list[float], list[int]]:
    took_ms = found[1]
    counts, edges = np.histogram(took_ms, bins=60, range=(0.0, float(np.percentile(took_ms, 99.5))))
    return edges.tolist(), counts.tolist()
