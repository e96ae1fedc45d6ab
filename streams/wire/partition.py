"""Which partition an id belongs to: murmur2 of its UTF-8 bytes, as Kafka's default partitioner does it.

Source: `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner.partitionForKey`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_M_INT, _WORD = 0x5BD1E995, 0xFFFFFFFF
_M = np.uint32(_M_INT)
_SEED = 0x9747B28C
_VECTOR_FROM = 16
"""Fewer ids than this are hashed one by one: numpy's fixed costs would not pay."""


def partition_of(row_id: str, n_partitions: int) -> int:
    """Return the partition of one id."""
    return (_murmur2_of(row_id.encode()) & 0x7FFFFFFF) % n_partitions


def partitions_of(ids: Sequence[str], n_partitions: int) -> list[int]:
    """Return the partition of each id; the same function as `partition_of`, many at a time."""
    if len(ids) < _VECTOR_FROM:
        return [partition_of(row_id, n_partitions) for row_id in ids]
    keys = [row_id.encode() for row_id in ids]
    lengths = np.fromiter(map(len, keys), np.uint32, len(keys))
    width = -(-int(lengths.max()) // 4) * 4
    data = np.frombuffer(b"".join(key.ljust(width, b"\0") for key in keys), np.uint8).reshape(len(keys), width)
    hashes = _murmur2(data, lengths) & np.uint32(0x7FFFFFFF)
    return (hashes % np.uint32(n_partitions)).tolist()  # type: ignore[no-any-return]


def _murmur2_of(key: bytes) -> int:
    """Hash one key."""
    n = len(key)
    h = _SEED ^ n
    for at in range(0, n & ~3, 4):
        k = int.from_bytes(key[at : at + 4], "little") * _M_INT & _WORD
        k = (k ^ (k >> 24)) * _M_INT & _WORD
        h = (h * _M_INT & _WORD) ^ k
    if n % 4:
        h = (h ^ int.from_bytes(key[n & ~3 :], "little")) * _M_INT & _WORD
    h = (h ^ (h >> 13)) * _M_INT & _WORD
    return h ^ (h >> 15)


def _murmur2(data: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Hash each row of `data` (n × width bytes, zero-padded, width a multiple of 4) over its first `lengths` bytes."""
    words = data.view("<u4")
    n_words, tails = lengths // 4, lengths % 4
    h = np.uint32(_SEED) ^ lengths
    with np.errstate(over="ignore"):
        for i in range(words.shape[1]):
            k = words[:, i] * _M
            k ^= k >> np.uint32(24)
            h = np.where(i < n_words, (h * _M) ^ (k * _M), h)
        rows = np.flatnonzero(tails)
        if rows.size:  # zero padding makes the last word hold exactly the tail bytes
            h[rows] = (h[rows] ^ words[rows, n_words[rows]]) * _M
        h ^= h >> np.uint32(13)
        h *= _M
        h ^= h >> np.uint32(15)
    return h
