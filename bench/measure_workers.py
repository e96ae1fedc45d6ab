"""The same rows joined by one, two and three workers: what sharing the partitions costs."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack

from bench import decisions, made_up_rows
from bench.joined import N_IDS, PACKET_ROWS, n_in_log
from bench.place import Place, Run
from bench.program import BenchError, Program
from bench.results import CPU, PEAK, ROWS, Figures, Goal, Section, lines_with_ratio, ratio
from bench.show import progress
from bench.usage import Meter, memory_mb
from dev.ports import free_ports
from streams.kafka.topics import topics

N_WORKERS = (1, 2, 3)
_READY = re.compile(r"The table `pairs` is ready: partitions \[([\d, ]*)\]")


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure each number of workers in turn."""
    given = made_up_rows.pairs(int(N_IDS * scale), int(time.time()))
    runs: dict[str, list[Figures]] = {_name(n): [] for n in N_WORKERS}
    for i in range(n_runs):
        for n_workers in N_WORKERS:
            progress(f"workers, run {i + 1} of {n_runs}: {_name(n_workers)}, {2 * len(given.true):,} rows")
            runs[_name(n_workers)].append(shared(place.new_run(), given, n_workers))
    return Section(
        "workers",
        "Two and three workers",
        f"{len(given.true):,} ids a side come in packets of {PACKET_ROWS} rows, once the workers have shared the partitions. CPU "
        "is the sum over the workers, memory that of the largest; three have no more cores than one has. From the "
        "first decision to the last row in the CSV, which is checked. Ratio: CPU of one worker.",
        lines_with_ratio(runs, peer=_name(1), column=CPU),
        [
            Goal(f"CPU of one worker, {_name(n)}", ratio(runs, _name(n), _name(1), CPU), 1.15, "×", at_least=False)
            for n in N_WORKERS[1:]
        ],
    )


def _name(n_workers: int) -> str:
    return "one worker" if n_workers == 1 else f"{n_workers} workers"


def shared(run: Run, given: made_up_rows.Pairs, n_workers: int) -> Figures:
    """Return the figures of some workers that share the partitions.

    Raises:
        BenchError: an output is wrong, or a worker ended.
    """
    settings, n_ids = run.settings(), len(given.true)
    names = topics(settings)
    records = made_up_rows.records(names.y_true.name, names.y_pred.name, given, settings.partitions, PACKET_ROWS)
    with ExitStack() as running:
        workers = [
            running.enter_context(run.worker(name=f"worker-{n}", web_port=str(free_ports(1)[0])))
            for n in range(n_workers)
        ]
        workers[0].wait_until(lambda: _have_shared(workers, settings.partitions), "the partitions were shared")
        with Meter(**{worker.name: worker.pid for worker in workers}) as meter:
            made_up_rows.produce(settings.kafka_address, records)
            workers[0].wait_until(lambda: n_in_log(run.logs) >= n_ids, "the last row", 300)
        peak = max(memory_mb(worker.pid) for worker in workers)
    decided = decisions.read(settings)
    if decisions.total(decided) != (expected := decisions.Total(2 * n_ids, n_ids, 0)):
        raise BenchError(f"the workers counted {decisions.total(decided)}, not {expected}")
    made_up_rows.check_csv(run.csv, given)
    began, ended = (
        next(one.at for one in decided if one.counts.rows_true + one.counts.rows_pred),
        run.csv.stat().st_mtime,
    )
    cpu_s = sum(meter.used(name, began, ended) for name in meter.names)
    return {ROWS: 2 * n_ids / (ended - began), CPU: cpu_s / n_ids / 2 * 1e5, PEAK: peak}


def _have_shared(workers: list[Program], n_partitions: int) -> bool:
    """Return whether each worker has some partitions, and all of them have all."""
    owned = [_READY.findall(worker.output.read_text(errors="replace")) for worker in workers]
    last = [found[-1].split(", ") if found and found[-1] else [] for found in owned]
    return all(last) and sorted(p for some in last for p in some) == [str(p) for p in range(n_partitions)]
