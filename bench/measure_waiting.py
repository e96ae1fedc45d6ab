"""A worker with a million ids that wait: its memory, and how soon it decides again after kill -9."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import decisions, rows
from bench.place import Place, Run
from bench.program import Program
from bench.results import PEAK, Figures, Goal, Section, figure, line
from bench.show import progress
from bench.usage import memory_mb
from streams.records import PredRow, encode_packet
from streams.settings import Settings
from streams.topics import topics

N_IDS = 1_000_000
KEPT, LOST = "kill -9 → deciding, database kept, s", "kill -9 → deciding, database deleted, s"
NOW = "MB now"
TRICKLE_S = 0.1


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Fill a worker with y_true rows, kill it twice, and measure; each run anew."""
    n_ids = int(N_IDS * scale)
    runs: list[Figures] = []
    for i in range(n_runs):
        progress(f"waiting, run {i + 1} of {n_runs}: {n_ids:,} ids")
        runs.append(waited(place.new_run(), n_ids))
    what = f"{n_ids:,} ids waiting"
    lines = [line(what, runs)]
    goals = [Goal("kill -9 → deciding, database kept", figure(lines, what, KEPT), 3, "s", at_least=False)]
    if n_ids >= N_IDS:
        goals.append(Goal(f"resident memory, {what}", figure(lines, what, PEAK), 350, "MB", at_least=False))
    return Section(
        "waiting",
        "Ids that wait",
        "Only y_true was sent. Then the worker is killed with -9 while rows of y_pred come, and started again at once: from "
        "the kill to the first decision after it, with its database and without.",
        lines,
        goals,
    )


def waited(run: Run, n_ids: int) -> Figures:
    """Return the figures of one run."""
    settings = run.settings()
    rows.load_pairs(settings, rows.Pairs(rows.pairs(n_ids, run.at).true, []))
    with run.worker() as worker:
        worker.wait_until_said("The table `pairs` is ready")
        worker.wait_until(lambda: decisions.last_total(settings).n_waiting >= n_ids, "all ids waiting", 300)
        figures = {PEAK: memory_mb(worker.pid), NOW: memory_mb(worker.pid, peak=False)}
        with _trickle(settings):
            figures[KEPT] = _back_after_kill(run, worker)
            with run.worker(name="again") as again:
                again.wait_until_said("The table `pairs` is ready")
                figures[LOST] = _back_after_kill(run, again, without_database=True)
    return figures


def _back_after_kill(run: Run, worker: Program, *, without_database: bool = False) -> float:
    """Kill a worker, start another; return the seconds from the kill to its first decision, and stop it."""
    settings = run.settings()
    worker.kill()
    killed, ends = time.time(), decisions.ends(settings)
    if without_database:
        for database in run.state.glob("worker-*/pairs-*"):
            shutil.rmtree(database)
    with run.worker(name="after-kill") as following:
        following.wait_until_said("The table `pairs` is ready", within_s=120)
        following.wait_until(lambda: decisions.ends(settings) != ends, "the first decision")
        return decisions.read(settings, ends)[0].at - killed


@contextmanager
def _trickle(settings: Settings) -> Iterator[None]:
    """Hold rows of y_pred coming, one to each partition every now and then, so that there is something to decide."""
    stop = threading.Event()

    def run() -> None:
        n = 0
        while not stop.wait(TRICKLE_S):
            n += 1
            row = PredRow(f"trickle-{n}", time.time(), 1.0)
            topic, value = topics(settings).y_pred.name, encode_packet([row])
            rows.produce(settings.kafka_address, [rows.Record(topic, p, value) for p in range(4)])

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
