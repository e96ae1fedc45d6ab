"""What is freed between small pieces that stay goes back to the system; in processes of their own, as it is for good."""

from __future__ import annotations

import subprocess
import sys

import pytest

RESIDENT = """
import os
from bench.usage import memory_mb
from streams.process import memory

def resident_mb():
    return memory_mb(os.getpid(), peak=False)
"""
PIECES = """
before, blocks, pieces = resident_mb(), [], []
large, small = 100_000, 1000  # both from malloc, as all beyond 512 bytes
for _ in range(1000):
    blocks.append(b"x" * large)
    pieces.append(b"x" * small)
full = resident_mb()
blocks.clear()
memory.give_back() if {gives_back} else None
print(before, full, resident_mb())
"""
HEAPS = """
import ctypes, threading
from pathlib import Path
memory.share_one_heap() if {shares} else None
malloc = ctypes.CDLL(None).malloc
malloc.restype = ctypes.c_void_p
places = []
thread = threading.Thread(target=lambda: places.append(malloc(2000)))
thread.start()
thread.join()
heap = next(line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("[heap]"))
start, end = (int(address, 16) for address in heap.split()[0].split("-"))
print(int(start <= places[0] < end))
"""


def printed(program: str) -> list[float]:
    ran = subprocess.run([sys.executable, "-c", RESIDENT + program], capture_output=True, text=True, check=True)
    return [float(word) for word in ran.stdout.split()]


def kept_mb(*, gives_back: bool) -> float:
    """Return how much of 95 MB of freed blocks a process still holds."""
    before, full, after = printed(PIECES.format(gives_back=gives_back))
    assert full - before > 90
    return after - before


@pytest.mark.slow
def test_what_is_free_goes_back_to_the_system() -> None:
    assert kept_mb(gives_back=False) > 80, "glibc does so by itself: the call is not needed any more"
    assert kept_mb(gives_back=True) < 20


def test_threads_share_the_heap() -> None:
    assert printed(HEAPS.format(shares=False)) == [0], "they do so by themselves: the call is not needed any more"
    assert printed(HEAPS.format(shares=True)) == [1]
