"""A worker for a long time: rows come at a modest rate, fifty people look, and its memory should stay where it is."""

from __future__ import annotations

import time

import numpy as np

from bench.place import Place, Run
from bench.program import BenchError, Program
from bench.queues import declare_anew
from bench.results import Curve, Figures, Goal, Section, line
from bench.show import progress
from bench.usage import cpu_s, memory_mb
from bench.watchers import N_DEAF, N_STREAMS, watchers
from dev.ports import free_ports

RATE, EVERY_S, SAY_EVERY_S = 200, 5.0, 60.0
MOST_GROWTH = 1.05
WARM_UP = 0.2
"""The share of the time that is left out: caches fill, and ids come to their horizon."""
TIMES = {"join_window_s": "60", "max_out_of_orderness_s": "5", "dedupe_horizon_s": "60"}
"""Short, so that as many ids leave the table as come soon after the start."""
FIRST, SECOND, SLOPE = "peak MB, first half", "peak MB, second half", "MB/h"


def measure(place: Place, minutes: float) -> Section:
    """Measure once, for so long."""
    at_s, mb, figures = soaked(place.new_run(), 60 * minutes)
    what = f"{RATE} ids/s, {N_STREAMS} streams and a page a second, {minutes:g} min"
    return Section(
        "soak",
        "A worker for a long time",
        f"Resident memory every {EVERY_S:g} s; {N_DEAF} of the streams are never read. Both halves are of all but the first "
        f"{WARM_UP:.0%}; the slope is that of a straight line. RocksDB's write buffers fill and are written out, all within some "
        "seconds, every nine minutes or so: the curve is a saw, a slope over less than an hour says little, and the peaks of "
        "the halves are compared.",
        [line(what, [figures])],
        [
            Goal(
                "the peak of the second half, of that of the first",
                figures[SECOND] / figures[FIRST],
                MOST_GROWTH,
                "×",
                at_least=False,
            )
        ],
        curves={"minutes, MB resident": Curve([s / 60 for s in at_s], mb)},
    )


def soaked(run: Run, seconds: float) -> tuple[list[float], list[float], Figures]:
    """Return the worker's memory over time (seconds, MB), and the figures of the run."""
    declare_anew(run.place.amqp_url, durable=True)
    (port,) = free_ports(1)
    at_s: list[float] = []
    mb: list[float] = []
    with run.bridge(**TIMES) as bridge, run.worker(web_port=str(port), **TIMES) as worker:
        bridge.wait_until_said("Reading the queue")
        worker.wait_until_said("The table `pairs` is ready")
        argv = ["-m", "bench.paced", run.place.amqp_url, str(RATE), str(seconds)]
        with Program("paced", argv, environ={}, directory=run.directory) as publisher, watchers(port):
            began, cpu_before = time.monotonic(), cpu_s(worker.pid)
            for due in np.arange(0.0, seconds, EVERY_S):
                worker.wait_until(lambda due=due: time.monotonic() - began >= due, "the next sample")  # type: ignore[misc]
                at_s.append(time.monotonic() - began)
                mb.append(memory_mb(worker.pid, peak=False))
                if due % SAY_EVERY_S == 0:
                    progress(f"soak: {due / 60:.0f} of {seconds / 60:g} min, {mb[-1]:.1f} MB")
            used = cpu_s(worker.pid) - cpu_before
            publisher.wait(60)
        worker.wait_until(lambda: n_rows(run) >= 0.98 * RATE * seconds, "its rows", 60)
    return at_s, mb, grown(at_s, mb) | {"CPU share": used / seconds, "rows in the CSV": float(n_rows(run))}


def grown(at_s: list[float], mb: list[float]) -> Figures:
    """Return the peaks of both halves, and by how many MB an hour memory grows, by least squares.

    Raises:
        BenchError: there are too few samples.
    """
    start = int(WARM_UP * len(at_s))
    if len(at_s) - start < 6:
        raise BenchError(f"{len(at_s)} samples are too few: let it run for a minute at least.")
    middle = (start + len(at_s)) // 2
    slope = float(np.polyfit(np.array(at_s[start:]) / 3600, mb[start:], 1)[0])
    return {FIRST: max(mb[start:middle]), SECOND: max(mb[middle:]), SLOPE: slope}


def n_rows(run: Run) -> int:
    """Return how many rows the metric log holds."""
    with run.csv.open("rb") as file:
        return sum(1 for _ in file) - 1
