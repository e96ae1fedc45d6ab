"""What rows cost that other producers put elsewhere than their ids belong, or compress."""

from __future__ import annotations

import asyncio
import time

from bench import joined, made_up_rows, results
from bench.place import Place, Run
from bench.results import ROWS, Figures, Goal, Section, lines_with_ratio
from bench.show import progress
from streams.kafka.topics import declare, topics

N_IDS = 150_000
RIGHT, FOREIGN = "in their partition, not compressed", "all in another partition"
CODECS = ("gzip", "snappy", "lz4", "zstd")
LEAST_FOREIGN, LEAST_COMPRESSED = 0.4, 0.9


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure each way in turn."""
    ways = [RIGHT, FOREIGN, *CODECS]
    runs: dict[str, list[Figures]] = {way: [] for way in ways}
    for i in range(n_runs):
        given = made_up_rows.pairs(int(N_IDS * scale), int(time.time()))
        for way in ways:
            progress(f"placed, run {i + 1} of {n_runs}: {way}")
            runs[way].append(of_way(place.new_run(), given, way))
    ratios = {way: results.ratio(runs, way, RIGHT) for way in ways}
    return Section(
        "placed",
        "Rows as other producers put them",
        "The join of rows that wait in Kafka, one a record: in the partitions where their ids belong; each in the one behind it, "
        "from which it is sent on; and in compressed batches.",
        lines_with_ratio(runs, peer=RIGHT),
        [
            Goal(f"{ROWS}, {FOREIGN}, of those in their partition", ratios[FOREIGN], LEAST_FOREIGN, "×"),
            *(
                Goal(f"{ROWS}, {codec}, of those not compressed", ratios[codec], LEAST_COMPRESSED, "×")
                for codec in CODECS
            ),
        ],
    )


def of_way(run: Run, given: made_up_rows.Pairs, way: str) -> Figures:
    """Return the figures of the join; raises BenchError if a row is not where it belongs."""
    settings = run.settings()
    names, n = topics(settings), settings.partitions
    records = made_up_rows.records(names.y_true.name, names.y_pred.name, given, n, packet_rows=1)
    if way == FOREIGN:
        records = [record._replace(partition=(record.partition + 1) % n) for record in records]
    asyncio.run(declare(settings))
    made_up_rows.produce(settings.kafka_address, records, codec=way if way in CODECS else None)
    return joined.figures(run, given, run.worker())
