"""Samples of a running program, taken by py-spy, counted by what it was doing."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.peer import PYTHON
from bench.place import Run
from bench.program import BenchError, Program

SAMPLES_A_SECOND = 200
OTHER = "other"
Stages = Mapping[str, Sequence[str]]
"""What the files of a stage have in their names."""
_FILE = re.compile(r"\((.+?)(?::\d+)?\)$")


@contextmanager
def sampled(run: Run, program: Program, counts: Counter[str], stages: Stages) -> Iterator[None]:
    """Sample a program meanwhile, whenever one of its threads holds the GIL; add to `counts` how often each stage did.

    (Without the GIL as the mark, py-spy takes threads that only wait for those that run.)

    Raises:
        BenchError: py-spy may not look into other processes here, or saw nothing.
    """
    raw = run.directory / f"{program.name}.samples"
    py_spy = str(Path(PYTHON).with_name("py-spy"))
    argv = ["record", "--pid", str(program.pid), "--rate", str(SAMPLES_A_SECOND), "--format", "raw", "-o", str(raw)]
    argv += ["--duration", "600", "--gil"]
    with Program(f"py-spy-{program.name}", argv, executable=py_spy, environ={}, directory=run.directory) as spy:
        spy.wait_until_said("Sampling process")
        yield
        spy.signal(signal.SIGINT)
        spy.wait()
    for line in raw.read_text().splitlines():
        stack, _, n = line.rpartition(" ")
        counts[stage(stack, stages)] += int(n)
    if not counts.total():
        raise BenchError(f"py-spy saw {program.name} do nothing")


def stage(stack: str, stages: Stages) -> str:
    """Return the stage of the innermost frame that belongs to one."""
    for frame in reversed(stack.split(";")):
        file = _FILE.search(frame)
        for name, files in stages.items():
            if file and any(part in file[1] for part in files):
                return name
    return OTHER
