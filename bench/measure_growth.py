"""What a row costs while the metric log grows: one worker joins ten million ids, and its CPU is looked at on the way."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter

from bench import made_up_rows
from bench.joined import PACKET_ROWS, n_in_log
from bench.place import Place, Run
from bench.results import CPU, ROWS, Figures, Goal, Section, figure, line
from bench.show import progress
from bench.usage import Meter, memory_mb
from streams.kafka.topics import declare, topics

LENGTHS = (10_000, 100_000, 1_000_000, 9_500_000)
N_IDS, SPAN = 10_000_000, 200_000
"""How many there are in the end, and how many each cost is measured over."""
FLAT = 1.2
NOW, CSV_MB = "MB now", "CSV MB"
WITHIN_S = 900


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure one run: it takes minutes."""
    n_ids = int(N_IDS * scale)
    progress(f"growth: {2 * n_ids:,} rows go into Kafka")
    run = place.new_run()
    lengths = [int(length * scale) for length in LENGTHS]
    found = grown(run, n_ids, lengths, int(SPAN * scale))
    names = [f"from {length:,} rows on" for length in lengths]
    lines = [line(name, [figures]) for name, figures in zip(names, found, strict=True)]
    shortest, longest = figure(lines, names[0], CPU), figure(lines, names[-1], CPU)
    return Section(
        "growth",
        "A log that grows",
        f"One worker joins {n_ids:,} ids, which wait in Kafka in packets of {PACKET_ROWS} rows, with its picture every 10 s and "
        f"all ids still remembered. Each line: while the CSV grew by {int(SPAN * scale):,} rows from there. The whole CSV is "
        "checked. One run.",
        lines,
        [Goal("CPU of a row at the end, against one at the beginning", longest / shortest, FLAT, "×", at_least=False)],
    )


def grown(run: Run, n_ids: int, lengths: list[int], span: int) -> list[Figures]:
    """Return the figures at each length of the log.

    Raises:
        BenchError: the CSV is wrong, or the worker ended.
    """
    settings = run.settings()
    asyncio.run(declare(settings))
    chunks = made_up_rows.chunks(n_ids, run.at)
    made_up_rows.produce(settings.kafka_address, _records(run, chunks))
    progress(f"growth: {n_ids:,} ids are joined")
    seen: list[tuple[int, float, float, int]] = []
    with run.worker() as worker, Meter(it=worker.pid) as meter:

        def is_done() -> bool:
            n = n_in_log(run.logs)
            if not seen or n != seen[-1][0]:
                seen.append((n, time.time(), memory_mb(worker.pid, peak=False), _size(run)))
            return n >= n_ids

        worker.wait_until(is_done, "the last row", WITHIN_S)
    progress("growth: the CSV is checked")
    made_up_rows.check_long_csv(run.csv, (made_up_rows.pairs(n, at) for at, n in chunks))
    return [_figures(seen, meter, length, span) for length in lengths]


def _records(run: Run, chunks: list[tuple[int, int]]) -> Iterator[made_up_rows.Record]:
    """Yield the records of both sides, a second of `ts` after the other."""
    settings = run.settings()
    names = topics(settings)
    for at, n in chunks:
        yield from made_up_rows.records(
            names.y_true.name, names.y_pred.name, made_up_rows.pairs(n, at), settings.partitions, PACKET_ROWS
        )


def _size(run: Run) -> int:
    return run.csv.stat().st_size if run.csv.exists() else 0


def _figures(seen: list[tuple[int, float, float, int]], meter: Meter, length: int, span: int) -> Figures:
    first = seen[min(bisect_left(seen, length, key=itemgetter(0)), len(seen) - 2)]
    last = seen[min(max(bisect_left(seen, length + span, key=itemgetter(0)), seen.index(first) + 1), len(seen) - 1)]
    n_rows = 2 * (last[0] - first[0])
    return {
        ROWS: n_rows / (last[1] - first[1]),
        CPU: meter.used("it", first[1], last[1]) / n_rows * 1e5,
        NOW: last[2],
        CSV_MB: last[3] / 1e6,
    }
