"""Our join on topics that hold all rows already, with and without the metric log."""

from __future__ import annotations

import re
from pathlib import Path

from bench import decisions, made_up_rows
from bench.place import Run
from bench.program import BenchError, Program
from bench.results import CPU, PEAK, ROWS, Figures
from bench.usage import Meter, memory_mb

N_IDS, PACKET_ROWS = 400_000, 500
_N_MATCHED = re.compile(rb'"n_matched":(\d+)')


def joined(
    run: Run,
    given: made_up_rows.Pairs,
    agents: str = "metric,plot",
    packet_rows: int = PACKET_ROWS,
    faust: str = "faust",
) -> Figures:
    """Return the figures of a worker that joins what waits in Kafka; `faust`: see `Run.worker`.

    Raises:
        BenchError: an output is wrong, or the worker ended.
    """
    made_up_rows.load_pairs(run.settings(), given, packet_rows)
    return figures(run, given, run.worker(agents, faust=faust), has_log="plot" in agents)


def figures(run: Run, given: made_up_rows.Pairs, program: Program, *, has_log: bool = True) -> Figures:
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
        made_up_rows.check_csv(run.csv, given)
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
