"""Memory that was freed goes back to the system: what glibc's allocator needs to be told for that."""

from __future__ import annotations

import ctypes

M_ARENA_MAX = -8
"""Its number in glibc's malloc.h."""
GIVE_BACK_EVERY_S = 60.0


def share_one_heap() -> None:
    """Have all threads allocate from one heap (mallopt(3)); does nothing where there is no glibc.

    By default RocksDB's threads get heaps of their own, and what one frees the others do not use: five million waiting
    ids took 283 MB, and take 247 in one heap. Having only large blocks go back at once (M_MMAP_THRESHOLD) took less
    memory still, but the join a seventh more CPU.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """Return free pages to the system, wherever in the heap they are (malloc_trim(3)); some milliseconds, for a thread.

    Without it RocksDB's write buffers stay with the process after each flush, between small pieces of others.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
