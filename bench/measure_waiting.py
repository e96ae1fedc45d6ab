"""A worker with millions of ids that wait: memory and disk of each, and how soon it decides again after kill -9."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import decisions, made_up_rows
from bench.place import Place, Run
from bench.program import Program
from bench.results import PEAK, ROWS, Figures, Goal, Section, figure, line
from bench.show import progress
from bench.usage import disk_bytes, memory_mb
from streams.kafka.topics import topics
from streams.settings import Settings
from streams.wire.rows import PredRow, encode_packet

N_IDS, N_MANY = 1_000_000, 5_000_000
KEPT, LOST = "kill -9 → deciding, database kept, s", "kill -9 → deciding, database deleted, s"
NOW, DISK, MEMORY_EACH = "MB now", "disk, bytes an id", "memory, bytes an id"
TRICKLE_S = 0.1
FEWEST_ROWS_S = 20_000
"""A worker that takes fewer has stopped."""


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Fill a worker with y_true rows, kill it twice, and measure; each run anew, the many of them once."""
    few, many = int(N_IDS * scale), int(N_MANY * scale)
    runs: dict[int, list[Figures]] = {few: [], many: []}
    for n_ids, times in ((few, n_runs), (many, 1)):
        for i in range(times):
            progress(f"waiting, run {i + 1} of {times}: {n_ids:,} ids")
            runs[n_ids].append(waited(place.new_run(), n_ids))
    names = {n_ids: f"{n_ids:,} ids waiting" for n_ids in runs}
    lines = [line(names[n_ids], some) for n_ids, some in runs.items()]
    goals = [
        Goal(f"{KEPT.removesuffix(', s')}, {names[few]}", figure(lines, names[few], KEPT), 3, "s", at_least=False),
        Goal(f"{LOST.removesuffix(', s')}, {names[few]}", figure(lines, names[few], LOST), 4, "s", at_least=False),
        *(Goal(f"memory, {name}", figure(lines, name, PEAK), 250, "MB", at_least=False) for name in names.values()),
    ]
    return Section(
        "waiting",
        "Ids that wait",
        "Only y_true was sent, all before the worker began. Memory is resident memory; an id's share of it is what came on top "
        "of an empty worker's. Then the worker is killed with -9 while rows of y_pred come, and started again at once: from the "
        "kill to the first decision after it, with its database and without, when all comes from the log. The "
        f"{many:,} are one run.",
        lines,
        goals,
    )


def waited(run: Run, n_ids: int) -> Figures:
    """Return the figures of one run."""
    settings = run.settings()
    made_up_rows.load(
        settings, made_up_rows.many_true(topics(settings).y_true.name, n_ids, run.at, settings.partitions)
    )
    with run.worker() as worker:
        worker.wait_until_said("The table `pairs` is ready")
        empty_mb, began = memory_mb(worker.pid, peak=False), time.monotonic()
        within_s = n_ids / FEWEST_ROWS_S
        worker.wait_until(lambda: decisions.last_total(settings).n_waiting >= n_ids, "all ids waiting", within_s)
        took_s, now_mb = time.monotonic() - began, memory_mb(worker.pid, peak=False)
        figures = {
            ROWS: n_ids / took_s,
            PEAK: memory_mb(worker.pid),
            NOW: now_mb,
            MEMORY_EACH: (now_mb - empty_mb) * (1 << 20) / n_ids,
            DISK: disk_bytes(run.state) / n_ids,
        }
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
            made_up_rows.produce(settings.kafka_address, [made_up_rows.Record(topic, p, value) for p in range(4)])

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
