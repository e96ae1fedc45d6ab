"""A guard against slow code: CPU of the hot paths, as ratios to a reference loop in the same run. `make bench-check`.

The ratios say little of a machine's speed, so those recorded on one (`bench/recorded.json`) hold on another, about.
`python -m bench.check --record` writes them anew, after a change that is meant to cost.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path

import rocksdict

from agents.metric_log.log import MetricLog
from bench import made_up_rows
from bridge.packets import pack
from streams.join import decision
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.decision import Checkpoint
from streams.join.input import Input
from streams.join.state import PRED, TRUE
from streams.table.store import PairsStore
from streams.wire.decoder import Decoder
from streams.wire.rows import Row, encode_packet
from streams.wire.verdicts import Verdict, VerdictRecord

RECORDED = Path(__file__).with_name("recorded.json")
ALLOWED = 1.3
N_RETRIES = 2
N_IDS, N_ROUNDS, PACKET_ROWS, N_PARTITIONS = 10_000, 25, 500, 4
N_RECORDED = 5
"""`--record` keeps the median of so many measurements."""
RULES = Rules(3600.0, 60.0, 3600.0)
AT = 1_700_000_000
PACKET_BYTES = 900_000
GIVEN = made_up_rows.pairs(N_IDS, AT)

Prepare = Callable[[Path], Callable[[], object]]
"""Prepares a hot path, given an empty directory; what it returns is timed."""


class Nothing:
    """A table that holds nothing, for the join's own cost."""

    def states(self, keys: list[bytes]) -> list[bytes | None]:
        """Return None for each key."""
        return [None] * len(keys)

    def due(self, start: bytes, last_bucket: int, max_keys: int) -> list[tuple[bytes, list[bytes]]]:
        """Return nothing."""
        return []


def reference(_: Path) -> Callable[[], object]:
    """Do what Python does all day, as often as the hot paths have rows: strings, dicts, floats."""

    def run() -> object:
        found: dict[str, tuple[float, str]] = {}
        for i in range(2 * N_IDS):
            found[f"id-{i}"] = (i * 0.5, str(i))
        return sum(value for value, _ in found.values())

    return run


def decode(_: Path) -> Callable[[], object]:
    """Read RabbitMQ bodies, one row each."""
    bodies = [encode_packet(row) for row in GIVEN.true]
    decoder = Decoder("y_true")
    return lambda: [decoder.body(body, AT) for body in bodies + bodies]


def packing(_: Path) -> Callable[[], object]:
    """Make packets, a batch at a time."""
    given: list[Row] = [*GIVEN.true, *GIVEN.pred]
    step = PACKET_ROWS * N_PARTITIONS
    batches = [given[i : i + step] for i in range(0, len(given), step)]
    return lambda: [list(pack(batch, N_PARTITIONS, PACKET_ROWS, PACKET_BYTES)) for batch in batches]


def join_step(_: Path) -> Callable[[], object]:
    """Decide batches of both sides, on an empty table."""
    return lambda: [decide(Checkpoint(), inputs, Nothing(), RULES, now=AT) for inputs in _batches()]


def store_write(directory: Path) -> Callable[[], object]:
    """Apply decisions to RocksDB."""
    decided = [decide(Checkpoint(), inputs, Nothing(), RULES, now=AT) for inputs in _batches()]
    store = PairsStore(directory / "pairs-0", rocksdict.Cache(1 << 20))

    def run() -> None:
        for one in decided:
            offset = store.checkpoint.offset + 1
            assert one is not None
            one.record.base = offset - 1
            store.apply(offset, decision.decode(decision.encode(one.record)))

    return run


def csv_append(directory: Path) -> Callable[[], object]:
    """Write verdicts to the metric log."""
    log = MetricLog.open(directory)
    verdicts = [
        Verdict(true.id, "matched", AT, true.y_true, pred.y_pred, true.ts, pred.ts)
        for true, pred in zip(GIVEN.true, GIVEN.pred, strict=True)
    ]
    n = 2 * PACKET_ROWS
    records = [VerdictRecord("log", 0, i // n, i // n - 1, verdicts[i : i + n]) for i in range(0, N_IDS, n)]
    return lambda: [log.append([record]) for record in records]


def _batches() -> list[list[Input]]:
    n = 5 * PACKET_ROWS
    return [[Input(TRUE, 0, GIVEN.true[i : i + n]), Input(PRED, 0, GIVEN.pred[i : i + n])] for i in range(0, N_IDS, n)]


PATHS: dict[str, Prepare] = {
    "decode": decode,
    "pack": packing,
    "join step": join_step,
    "store write": store_write,
    "CSV append": csv_append,
}


def measure() -> dict[str, tuple[float, float]]:
    """Return of each hot path the CPU seconds per 100k rows, and the ratio to the reference.

    Of all rounds the least: what others on the machine cost a round, in its caches, only comes on top. Rounds are
    many, and take turns, so that each path finds a quiet moment; no garbage of one is collected in the time of another.
    """
    taken: dict[str, list[float]] = {name: [] for name in ("reference", *PATHS)}
    for _ in range(N_ROUNDS):
        for name, prepare in {"reference": reference, **PATHS}.items():
            with tempfile.TemporaryDirectory() as directory:
                taken[name].append(_cpu_s(prepare(Path(directory))))
    least = {name: min(values) for name, values in taken.items()}
    return {name: (least[name] / (2 * N_IDS) * 1e5, least[name] / least["reference"]) for name in PATHS}


def _cpu_s(run: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    before = time.process_time()
    run()
    cpu_s = time.process_time() - before
    gc.enable()
    return cpu_s


def main() -> int:
    """Compare with what is recorded; return the exit code. What looks slow is measured again: noise does not repeat."""
    if "--record" in sys.argv:
        _record([measure() for _ in range(N_RECORDED)])
    recorded: dict[str, float] = json.loads(RECORDED.read_text())
    found = measure()
    for _ in range(N_RETRIES):
        if not _too_slow(found, recorded):
            break
        again = measure()
        found = {name: min(found[name], again[name], key=itemgetter(1)) for name in PATHS}
    too_slow = _too_slow(found, recorded)
    print(f"{'':12} {'CPU s / 100k rows':>18} {'ratio':>8} {'recorded':>9}")
    for name, (cpu_s, ratio) in found.items():
        print(
            f"{name:12} {cpu_s:18.3f} {ratio:8.2f} {recorded[name]:9.2f} {'TOO SLOW' if name in too_slow else ''}".rstrip()
        )
    return 1 if too_slow else 0


def _record(measured: Sequence[Mapping[str, tuple[float, float]]]) -> None:
    ratios = {name: statistics.median(found[name][1] for found in measured) for name in PATHS}
    RECORDED.write_text(json.dumps({name: round(ratio, 3) for name, ratio in ratios.items()}, indent=2) + "\n")


def _too_slow(found: Mapping[str, tuple[float, float]], recorded: Mapping[str, float]) -> list[str]:
    return [name for name, (_, ratio) in found.items() if ratio > ALLOWED * recorded[name]]


if __name__ == "__main__":
    sys.exit(main())
