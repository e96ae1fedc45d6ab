"""Partitions are Kafka's own: the vectors are those of Kafka's UtilsTest, and aiokafka's partitioner is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from aiokafka.partitioner import DefaultPartitioner, murmur2
from hypothesis import given
from hypothesis import strategies as st

from streams.wire.partition import _murmur2, partition_of, partitions_of

KAFKAS_VECTORS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
ids = st.text(min_size=1, max_size=128)


def signed(value: int) -> int:
    return value - 2**32 if value & 0x80000000 else value


@pytest.mark.parametrize(("key", "expected"), KAFKAS_VECTORS.items(), ids=lambda value: str(value)[:24])
def test_the_hash_is_kafkas(key: bytes, expected: int) -> None:
    padded = np.frombuffer(key.ljust(-(-len(key) // 4) * 4, b"\0"), np.uint8).reshape(1, -1)

    assert signed(int(_murmur2(padded, np.array([len(key)], np.uint32))[0])) == expected
    assert signed(murmur2(key) & 0xFFFFFFFF) == expected


@given(ids, st.integers(1, 1000))
def test_one_id_goes_where_kafkas_default_partitioner_puts_it(row_id: str, n_partitions: int) -> None:
    everywhere = list(range(n_partitions))

    assert partition_of(row_id, n_partitions) == DefaultPartitioner()(row_id.encode(), everywhere, everywhere)


@given(st.lists(ids, max_size=60), st.integers(1, 1000))
def test_many_ids_go_where_each_goes_alone(some: list[str], n_partitions: int) -> None:
    assert partitions_of(some, n_partitions) == [partition_of(row_id, n_partitions) for row_id in some]


def test_ids_of_every_length_go_where_each_goes_alone() -> None:
    some = ["x" * length for length in range(1, 129)] + ["é" * length for length in range(1, 129)]

    assert partitions_of(some, 7) == [partition_of(row_id, 7) for row_id in some]


def test_an_id_with_null_characters_is_not_taken_for_its_padding() -> None:
    some = ["a", "a\0", "a\0\0", "a\0\0\0", "a\0\0\0\0"] * 4

    assert partitions_of(some, 997) == [partition_of(row_id, 997) for row_id in some]
    assert len(set(partitions_of(some, 997))) > 1
