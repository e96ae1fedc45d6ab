"""The join on topics that hold all rows already: the worker, with and without the metric log, beside plain Faust."""

from __future__ import annotations

import re
import time
from pathlib import Path

from bench import decisions, peer, rows
from bench.place import Place, Run
from bench.program import BenchError, Program
from bench.results import CPU, PEAK, RATIO, ROWS, Figures, Goal, Section, figure, lines_with_ratio
from bench.show import progress
from bench.usage import Meter, memory_mb

OURS, OURS_CSV, NAIVE = "Hindsight, verdicts in Kafka", "Hindsight, rows in the CSV", "plain Faust, rows in a CSV"
N_IDS, PACKET_ROWS = 400_000, 500
_N_MATCHED = re.compile(rb'"n_matched":(\d+)')


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure in turn, each run over rows and topics of its own."""
    now = int(time.time())
    given, few = rows.pairs(int(N_IDS * scale), now), rows.pairs(int(peer.NAIVE.n_ids * scale), now)
    runs: dict[str, list[Figures]] = {OURS: [], OURS_CSV: [], NAIVE: []}
    for i in range(n_runs):
        for what, agents in ((OURS, "metric"), (OURS_CSV, "metric,plot")):
            progress(f"join, run {i + 1} of {n_runs}: {what}, {2 * len(given.true):,} rows")
            runs[what].append(joined(place.new_run(), given, agents))
        progress(f"join, run {i + 1} of {n_runs}: {NAIVE}, {2 * len(few.true):,} rows")
        runs[NAIVE].append(peer.measure(peer.NAIVE, place.new_run(), few))
    lines = lines_with_ratio(runs, peer=NAIVE)
    return Section(
        "join",
        "The join",
        f"{len(given.true):,} ids a side wait in Kafka, in packets of {PACKET_ROWS} rows; plain Faust (one table write an "
        f"event) gets {len(few.true):,}, a row a record. From the first event to the last row; every output checked.",
        lines,
        [
            Goal("rows/s with the CSV", figure(lines, OURS_CSV, ROWS), 100_000),
            Goal("times plain Faust, with the CSV", figure(lines, OURS_CSV, RATIO), 50),
        ],
    )


def joined(run: Run, given: rows.Pairs, agents: str = "metric,plot", packet_rows: int = PACKET_ROWS) -> Figures:
    """Return the figures of a worker that joins what waits in Kafka.

    Raises:
        BenchError: an output is wrong, or the worker ended.
    """
    rows.load_pairs(run.settings(), given, packet_rows)
    return figures(run, given, run.worker(agents), has_log="plot" in agents)


def figures(run: Run, given: rows.Pairs, program: Program, *, has_log: bool = True) -> Figures:
    """Return the figures of a program that keeps a decision log of this run's rows; raises as `joined`."""
    settings, n_ids = run.settings(), len(given.true)
    with program as worker, Meter(it=worker.pid) as meter:
        if has_log:
            worker.wait_until(lambda: n_in_log(run.logs) >= n_ids, "the last row", 300)
        else:
            _wait_for_quiet(worker, meter, run, n_ids)
        peak = memory_mb(worker.pid)
    decided = decisions.read(settings)
    expected = decisions.Total(2 * n_ids, n_ids, 0)
    if decisions.total(decided) != expected:
        raise BenchError(f"the join counted {decisions.total(decided)}, not {expected}")
    began, ended = decided[0].at, decided[-1].at
    if has_log:
        rows.check_csv(run.csv, given)
        ended = run.csv.stat().st_mtime
    return {ROWS: 2 * n_ids / (ended - began), CPU: meter.used("it", began, ended) / n_ids / 2 * 1e5, PEAK: peak}


def n_in_log(logs: Path) -> int:
    """Return how many rows the metric log says it has."""
    try:
        found = _N_MATCHED.search((logs / "metric_log.state.json").read_bytes())
    except FileNotFoundError:
        return 0
    return int(found[1]) if found else 0


def _wait_for_quiet(worker: Program, meter: Meter, run: Run, n_ids: int) -> None:
    """Wait until the join is done without asking the worker: it is idle, and the log holds all."""

    def is_done() -> bool:
        is_ready = worker.said("The table `pairs` is ready")
        return is_ready and meter.is_quiet("it") and decisions.total(decisions.read(run.settings())).n_matched >= n_ids

    worker.wait_until(is_done, "the last decision", 300)
