"""Freed memory goes back to the system: a setting of the C library's allocator."""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3
"""Its number in glibc's malloc.h."""
LARGE_BYTES = 768 << 10
"""Less than the blocks of 1 MiB that RocksDB's write buffers are made of."""


def give_back_large_blocks() -> None:
    """Have freed blocks of LARGE_BYTES and more go back to the system at once; does nothing where there is no glibc.

    glibc raises that size by itself, up to 32 MiB, when such a block is freed. RocksDB's write buffers are then cut
    from heaps that small pieces of others keep from shrinking (mallopt(3); 5 million waiting ids: 274 MB, then 228).
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
