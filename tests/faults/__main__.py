"""`python -m tests.faults [names...]`: run faults on real brokers, each with the oracle on; see `--help`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.brokers import CHECKOUT, Brokers
from tests.faults.fault import Fault, all_faults
from tests.faults.runner import Runner
from tests.faults.table import write

LAST_LINES = 12
RESULTS = CHECKOUT / ".run" / "faults.json"


def main() -> int:
    """Run what the command line names; return the exit code."""
    faults = all_faults()
    options = _parser(faults).parse_args()
    if options.list:
        for one in faults.values():
            print(f"{'*' if one.chosen else ' '} {one.name:36} {one.what}")
            if one.because:
                print(f"{'':39}({one.resumes_s:g} s to flow again: {one.because})")
        return 0
    wanted = [faults[name] for name in options.names] or [
        one for one in faults.values() if one.chosen >= options.chosen
    ]
    with tempfile.TemporaryDirectory(prefix="hindsight-faults-", ignore_cleanup_errors=True) as directory:
        results = _run(wanted, options, Path(directory))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(f"Reports: {RESULTS.relative_to(CHECKOUT)}")
    if options.table:
        write(options.table, results, faults)
    return 0 if all(result["ok"] and not result.get("late") for result in results) else 1


def _run(wanted: list[Fault], options: argparse.Namespace, directory: Path) -> list[dict[str, Any]]:
    n_made = 0

    def own_brokers() -> Brokers:
        nonlocal n_made
        n_made += 1
        made = Brokers(directory / f"brokers-{n_made}")
        made.start()
        return made

    brokers = own_brokers()
    runner = Runner(brokers, own_brokers)
    results: list[dict[str, Any]] = []
    try:
        for one in wanted:
            print(f"{one.name}: {one.what} ...", flush=True)
            results.append(runner.run(one, options.seed, options.scale))
            _show(results[-1], options.json)
        last = runner.finish()
        if last is not None:
            results.append(last)
            _show(last, options.json)
    finally:
        runner.end()
        brokers.stop()
    return results


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result), flush=True)
        return
    took = f" in {result['took_s']} s" if "took_s" in result else ""
    print(f"  {'FAILED' if not result['ok'] else 'TOO LATE' if result.get('late') else 'ok'}{took}")
    for name in ("rows", "unreadable", "verdicts"):
        shown = ", ".join(f"{n} {what}" for what, n in result[name].items() if what != "examples")
        print(f"    {name}: {shown}")
    if "n_foreign" in result:
        print(f"    {result['n_foreign']} rows straight to Kafka, from other producers")
    for at, what in result.get("schedule", []):
        print(f"    {at:8.2f} s  {what}")
    for sentence in result.get("late", []):
        print(f"    LATE: {sentence}")
    for problem in result["problems"]:
        print(f"    PROBLEM: {problem}")
    for name, lines in result.get("last_words", {}).items():
        print(f"    the last words of {name}:", *lines[-LAST_LINES:], sep="\n      ")
    if not result["ok"] and "seed" in result:
        print(f"    again: python -m tests.faults {result['fault']} --seed {result['seed']} --scale {result['scale']}")
    sys.stdout.flush()


def _parser(faults: dict[str, Fault]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Run faults on real brokers, each with the oracle on."
    )
    parser.add_argument("names", nargs="*", choices=[*faults, []], metavar="FAULT", help="which (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="draws the load and the moments of a fault")
    parser.add_argument("--scale", type=float, default=1.0, help="share of each fault's full length")
    parser.add_argument("--chosen", action="store_true", help="only those that `make test` runs")
    parser.add_argument("--list", action="store_true", help="list the faults; those of `make test` have a star")
    parser.add_argument("--json", action="store_true", help="print each report as one JSON object")
    parser.add_argument("--table", type=Path, help="write the table of results into this Markdown file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
