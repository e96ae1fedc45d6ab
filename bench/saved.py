"""Measurements that were made: each with every run and where it was made, as JSON in `bench/results/`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bench.program import ROOT, BenchError
from bench.results import Section

RESULTS = ROOT / "bench" / "results"


class Measured(msgspec.Struct):
    """A section, and how it came about. `commit`: of the code, with a `+` if it was changed since."""

    section: Section
    day: str
    commit: str
    machine: str
    n_runs: int
    scale: float
    took_s: float


def save(section: Section, n_runs: int, scale: float, took_s: float) -> Path:
    """Keep a section in the place of an earlier one; return the path, from the root of the repository."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    measured = Measured(section, day, _commit(), _machine(), n_runs, scale, took_s)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{section.name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(measured)))
    return path.relative_to(ROOT)


def load(names: Iterable[str]) -> list[Measured]:
    """Return what is saved of these.

    Raises:
        BenchError: nothing is.
    """
    paths = [path for name in names if (path := RESULTS / f"{name}.json").exists()]
    if not paths:
        raise BenchError("Nothing is measured yet: run `python -m bench` first.")
    return [msgspec.json.decode(path.read_bytes(), type=Measured) for path in paths]


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    return f"{commit}+" if commit and _git("status", "--porcelain", "--untracked-files=no") else commit


def _git(*argv: str) -> str:
    done = subprocess.run(["git", *argv], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else "unknown"
    return f"{len(os.sched_getaffinity(0))} cores, {model}"
