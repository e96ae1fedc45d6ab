"""What a running process has used: CPU seconds over any span of time, and its largest memory, from /proc; disk."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
EVERY_S = 0.02


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of all threads of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def memory_mb(pid: int, *, peak: bool = True) -> float:
    """Return the resident memory of a process in MB: the largest so far, or what it is now."""
    name = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/status has no {name}")


def disk_bytes(directory: Path) -> int:
    """Return how much disk the files of a directory take."""
    return sum(path.stat().st_blocks * 512 for path in directory.rglob("*") if path.is_file())


class Meter:
    """Samples the CPU of processes while they work; `used` answers for any span inside that time (epoch seconds)."""

    def __init__(self, **pids: int) -> None:
        self._pids = pids
        self._times: list[float] = []
        self._samples: dict[str, list[float]] = {name: [] for name in pids}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Meter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def names(self) -> list[str]:
        """The names of the processes."""
        return list(self._pids)

    def used(self, name: str, start: float, end: float) -> float:
        """Return the CPU seconds that one process used between two times."""
        return self._at(name, end) - self._at(name, start)

    def is_quiet(self, name: str, for_s: float = 0.8) -> bool:
        """Return whether a process has used less than a twentieth of one CPU for so long."""
        now = time.time()
        return bool(self._times) and now - self._times[0] > for_s and self.used(name, now - for_s, now) < for_s / 20

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                now, sample = time.time(), [cpu_s(pid) for pid in self._pids.values()]
            except (FileNotFoundError, ProcessLookupError):
                return  # one has ended: what it used so far stays
            for values, value in zip(self._samples.values(), sample, strict=True):
                values.append(value)
            self._times.append(now)
            self._stop.wait(EVERY_S)

    def _at(self, name: str, when: float) -> float:
        values = self._samples[name]
        n = len(values)
        i = min(max(bisect_left(self._times, when, 0, n), 1), n - 1)
        before, after = self._times[i - 1], self._times[i]
        share = min(max((when - before) / (after - before), 0.0), 1.0)
        return values[i - 1] + share * (values[i] - values[i - 1])
