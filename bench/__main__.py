"""`python -m bench [names...]`: measure, and print tables; see `--help`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import (
    measure_bridge,
    measure_end_to_end,
    measure_join,
    measure_latency,
    measure_peers,
    measure_soak,
    measure_stall,
    measure_waiting,
    measure_web,
    page,
    plot,
    show,
)
from bench.place import Place, place
from bench.program import ROOT, BenchError
from bench.results import Section

MEASURES: dict[str, Callable[[Place, int, float], Section]] = {
    "bridge": measure_bridge.measure,
    "join": measure_join.measure,
    "peers": measure_peers.measure,
    "end-to-end": measure_end_to_end.measure,
    "latency": measure_latency.measure,
    "waiting": measure_waiting.measure,
    "stall": measure_stall.measure,
    "web": measure_web.measure,
}
SOAK = "soak"
"""Measured only if it is named: it takes as long as --minutes says."""
RESULTS = ROOT / "bench" / "results"


def main() -> int:
    """Measure what the command line names; return the exit code."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # the programs under measurement end with the bench
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every topic whose leader is not there yet
    names = options.names or list(MEASURES)
    sections = []
    try:
        show.progress("starting RabbitMQ and Kafka")
        with place() as here:
            for name in names:
                sections.append(_measure(name, here, options))
                show.end_progress()
                print(show.text(sections[-1]), flush=True)
    except BenchError as exc:
        show.end_progress()
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        show.end_progress()
        return 130
    _write(sections, options)
    return 0


def _measure(name: str, here: Place, options: argparse.Namespace) -> Section:
    if name == SOAK:
        return measure_soak.measure(here, options.minutes)
    return MEASURES[name](here, options.runs, options.scale)


def _write(sections: list[Section], options: argparse.Namespace) -> None:
    RESULTS.mkdir(exist_ok=True)
    plot.draw(sections, RESULTS / "latest.png")
    print(f"Plot: {(RESULTS / 'latest.png').relative_to(ROOT)}")
    if options.json:
        (RESULTS / "latest.json").write_bytes(msgspec.json.format(msgspec.json.encode(sections)))
        print(f"JSON: {(RESULTS / 'latest.json').relative_to(ROOT)}")
    if options.markdown:
        page.write(sections, options.markdown)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Hindsight, each figure beside its peer."
    )
    parser.add_argument(
        "names", nargs="*", choices=[*MEASURES, SOAK, []], help="what to measure (default: all but soak)"
    )
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs that each median is taken over")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows to measure with, for a quick look")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long soak takes")
    parser.add_argument("--json", action="store_true", help="write bench/results/latest.json too")
    parser.add_argument("--markdown", type=Path, help="write the page with tables and picture to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
