"""What is freed between small pieces that stay goes back to the system; in processes of their own, as it is for good."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from pathlib import Path
from streams.memory import give_back_large_blocks

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

{call}
del_me = bytearray(30 << 20)
del del_me  # raises glibc's own threshold
before = resident_mb()
blocks, pieces = [], []
for _ in range(100):
    blocks.append(b"x" * (1 << 20))
    pieces.append(b"x" * 100_000)  # from malloc, as all beyond 512 bytes, and small
full = resident_mb()
blocks.clear()
print(before, full, resident_mb())
"""


def kept_mb(call: str) -> float:
    """Return how much of 100 MB of freed blocks a process still holds."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM.format(call=call)], capture_output=True, text=True, check=True)
    before, full, after = map(float, ran.stdout.split())
    assert full - before > 100
    return after - before - 10


def test_large_blocks_go_back_to_the_system() -> None:
    assert kept_mb("") > 50, "glibc does so by itself: the call is not needed any more"
    assert kept_mb("give_back_large_blocks()") < 20
