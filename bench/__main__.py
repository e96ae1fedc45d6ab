"""`python -m bench [names...]`: measure, and print tables; see `--help`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable

from bench import (
    measure_bad_rows,
    measure_bridge,
    measure_end_to_end,
    measure_growth,
    measure_latency,
    measure_peers,
    measure_placed,
    measure_profile,
    measure_soak,
    measure_stall,
    measure_steady,
    measure_waiting,
    measure_web,
    measure_workers,
    page,
    saved,
    show,
)
from bench.place import Place, place
from bench.program import BenchError
from bench.results import Section

MEASURES: dict[str, Callable[[Place, int, float], Section]] = {
    "peers": measure_peers.measure,
    "bridge": measure_bridge.measure,
    "end-to-end": measure_end_to_end.measure,
    "bad-rows": measure_bad_rows.measure,
    "placed": measure_placed.measure,
    "latency": measure_latency.measure,
    "steady": measure_steady.measure,
    "waiting": measure_waiting.measure,
    "workers": measure_workers.measure,
    "growth": measure_growth.measure,
    "stall": measure_stall.measure,
    "web": measure_web.measure,
    "profile": measure_profile.measure,
}
SOAK = "soak"
"""Measured only if it is named: it takes as long as --minutes says."""


def main() -> int:
    """Measure what the command line names, or write the page; return the exit code."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # the programs under measurement end with the bench
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every topic whose leader is not there yet
    try:
        if options.page:
            page.write(saved.load([*MEASURES, SOAK]))
        else:
            _measure(options)
    except BenchError as exc:
        show.end_progress()
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        show.end_progress()
        return 130
    return 0


def _measure(options: argparse.Namespace) -> None:
    show.progress("starting RabbitMQ and Kafka")
    with place() as here:
        for name in options.names or MEASURES:
            began = time.monotonic()
            if name == SOAK:
                section, n_runs, scale = measure_soak.measure(here, options.minutes), 1, 1.0
            else:
                n_runs, scale = options.runs, options.scale
                section = MEASURES[name](here, n_runs, scale)
            path = saved.save(section, n_runs, scale, time.monotonic() - began)
            show.end_progress()
            print(show.text(section), f"  Saved as {path}, with every run.\n", sep="\n", flush=True)
    print("`python -m bench --page` makes docs/benchmarks.md of everything that is saved.")


def _name(given: str) -> str:
    if given not in (*MEASURES, SOAK):
        raise argparse.ArgumentTypeError(f"there is no {given!r}")
    return given


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Hindsight, each figure beside its peer."
    )
    what = f"what to measure: {', '.join([*MEASURES, SOAK])} (default: all but soak)"
    parser.add_argument("names", nargs="*", type=_name, metavar="name", help=what)
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs that each median is taken over")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows to measure with, for a quick look")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long soak takes")
    parser.add_argument(
        "--page", action="store_true", help="measure nothing: write docs/benchmarks.md of what is saved"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
