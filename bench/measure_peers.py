"""The join beside the same join in other tools, each with its rows in a CSV."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

from bench import made_up_rows, peer, results
from bench.joined import N_IDS, PACKET_ROWS, figures, joined
from bench.peer import JAVA, NAIVE, Peer, faust, python
from bench.place import Place, Run
from bench.program import Program
from bench.results import CPU, ROWS, Figures, Goal, Section, figure, lines_with_ratio
from bench.show import progress

PACKETS, SINGLES = "Hindsight, packets", "Hindsight, a row a record"
NO_FIGURES = "Hindsight, packets, CSV but no figures (insight.db)"
NO_CSV = "Hindsight, packets, verdicts in Kafka, no CSV"
CORE = "our core by hand, without Faust, packets"
KAFKA_STREAMS = Peer("Kafka Streams, at least once", [*JAVA, "peers.Join", "at_least_once"], 100_000)
QUIX = "bench.peers.quix_streams"
BYTEWAX = python("bytewax.run", "bench.peers.bytewax_join:flow", "-r", "{state}", "-s", "1", "-b", "0")
ONE, MANY = ", a row a record", ", packets"
SQLITE, DUCKDB = "durable loop over SQLite", "durable loop over DuckDB"
CONFLUENT = python("bench.peers.confluent_loop")
PEERS = [
    KAFKA_STREAMS,
    KAFKA_STREAMS._replace(what="Kafka Streams, exactly once", argv=[*JAVA, "peers.Join", "exactly_once_v2"]),
    Peer("Bytewax", BYTEWAX, 200_000),
    Peer("Quix Streams, keyed state", python(QUIX, "keyed"), 100_000),
    Peer("Quix Streams, join_interval", python(QUIX, "interval"), 50_000),
    NAIVE,
    Peer("tuned Faust", faust("tuned_faust"), 15_000),
    Peer(SQLITE + ONE, python("bench.peers.sqlite_loop"), 200_000),
    Peer(SQLITE + MANY, python("bench.peers.sqlite_loop"), N_IDS, PACKET_ROWS),
    Peer(DUCKDB + ONE, python("bench.peers.duckdb_loop"), 200_000),
    Peer(DUCKDB + MANY, python("bench.peers.duckdb_loop"), N_IDS, PACKET_ROWS),
    Peer("confluent-kafka by hand, no state, a row a record", CONFLUENT, 200_000),
    Peer("confluent-kafka by hand, no state, packets", CONFLUENT, N_IDS, PACKET_ROWS),
]


class Contestant(NamedTuple):
    """Who is measured, with how many ids, and how."""

    what: str
    n_ids: int
    measure: Callable[[Run, made_up_rows.Pairs], Figures]


def contestants() -> list[Contestant]:
    """Return everybody: ours first."""
    ours = [
        Contestant(PACKETS, N_IDS, joined),
        Contestant(NO_FIGURES, N_IDS, partial(joined, faust="bench.without_figures")),
        Contestant(NO_CSV, N_IDS, partial(joined, agents="metric")),
        Contestant(SINGLES, 200_000, partial(joined, packet_rows=1)),
        Contestant(CORE, N_IDS, by_hand),
    ]
    return ours + [Contestant(one.what, one.n_ids, partial(peer.measure, one)) for one in PEERS]


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Measure all in turn, each run over rows and topics of its own."""
    progress("peers: installing what they need")
    peer.install()
    pairs = cache(partial(made_up_rows.pairs, at=int(time.time())))
    runs: dict[str, list[Figures]] = {one.what: [] for one in contestants()}
    for i in range(n_runs):
        for one in contestants():
            given = pairs(int(one.n_ids * scale))
            progress(f"peers, run {i + 1} of {n_runs}: {one.what}, {2 * len(given.true):,} rows")
            runs[one.what].append(one.measure(place.new_run(), given))
    return Section(
        "peers",
        "The join beside other tools",
        f"Rows wait in Kafka, one a record with its id as the key, as most producers write them, or in packets of {PACKET_ROWS}. "
        "Each tool joins both topics by id and writes the same CSV; it gets as many rows as keep it busy for some seconds. From "
        "the first row to the last in the CSV; every output checked. Ratio: rows/s of Kafka Streams, at least once.",
        lines_with_ratio(runs, peer=KAFKA_STREAMS.what),
        goals(runs),
    )


def by_hand(run: Run, given: made_up_rows.Pairs) -> Figures:
    """Return the figures of our own join and metric log, fed by loops written by hand."""
    made_up_rows.load_pairs(run.settings(), given, PACKET_ROWS)
    program = Program("own_core", ["-m", "bench.peers.own_core"], environ=run.environ(), directory=run.directory)
    return figures(run, given, program)


def goals(runs: Mapping[str, Sequence[Figures]]) -> list[Goal]:
    """Return what is to be reached; a ratio is the median of those within each turn."""
    streams = KAFKA_STREAMS.what
    lines, ratio = lines_with_ratio(runs, peer=streams), partial(results.ratio, runs)
    return [
        Goal("rows/s with packets", figure(lines, PACKETS, ROWS), 300_000),
        Goal("CPU s / 100k rows with packets", figure(lines, PACKETS, CPU), 0.33, at_least=False),
        Goal("rows/s of Kafka Streams, with packets", ratio(PACKETS, streams), 5, "×"),
        Goal("CPU of Kafka Streams, with packets", ratio(PACKETS, streams, CPU), 0.125, "×", at_least=False),
        Goal("rows/s of plain Faust, with packets", ratio(PACKETS, NAIVE.what), 60, "×"),
        Goal("rows/s of Kafka Streams, with a row a record", ratio(SINGLES, streams), 5, "×"),
        Goal("CPU of Kafka Streams, with a row a record", ratio(SINGLES, streams, CPU), 1, "×", at_least=False),
        Goal("rows/s of the SQLite loop, with a row a record", ratio(SINGLES, SQLITE + ONE), 0.9, "×"),
        Goal(
            "CPU of the SQLite loop, with a row a record", ratio(SINGLES, SQLITE + ONE, CPU), 1.2, "×", at_least=False
        ),
        Goal("rows/s of the DuckDB loop, with packets", ratio(PACKETS, DUCKDB + MANY), 0.7, "×"),
        Goal("rows/s without figures, with packets", ratio(PACKETS, NO_FIGURES), 0.95, "×"),
        Goal("rows/s of our core without Faust", ratio(PACKETS, CORE), 0.9, "×"),
    ]
