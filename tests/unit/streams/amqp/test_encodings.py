"""Compressed bodies: read whatever wrote them, and never larger than they may be."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.amqp.encodings import COMPRESSED, named, plain
from streams.wire.rows import Unreadable

MOST = 1 << 20


def raw_deflate(body: bytes) -> bytes:
    compressing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressing.compress(body) + compressing.flush()


def members(body: bytes) -> bytes:
    return gzip.compress(body[: len(body) // 2]) + gzip.compress(body[len(body) // 2 :])


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("gzip", members),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("zlib", zlib.compress),
    ],
    ids=["gzip", "x-gzip", "gzip-in-members", "deflate", "deflate-without-a-header", "zlib"],
)
@given(body=st.binary(max_size=5000))
def test_a_body_comes_back_as_it_was(encoding: str, compress: Callable[[bytes], bytes], body: bytes) -> None:
    assert plain(compress(body), encoding, MOST) == body


@given(st.sampled_from(COMPRESSED), st.binary(min_size=1, max_size=300))
def test_foreign_bytes_are_refused_or_within_the_bound(encoding: str, body: bytes) -> None:
    found = plain(body, encoding, 1000)

    assert len(found) <= 1000 if isinstance(found, bytes) else found.raw == body


@pytest.mark.parametrize("compress", [gzip.compress, members, zlib.compress], ids=["gzip", "members", "deflate"])
@pytest.mark.slow
def test_a_bomb_costs_no_more_than_the_bound(compress: Callable[[bytes], bytes]) -> None:
    bomb = compress(bytes(300 << 20))
    tracemalloc.start()
    try:
        found = plain(bomb, "deflate", MOST)
        assert isinstance(found, Unreadable)
        assert (found.raw, found.reason) == (bomb, "oversize")
        assert tracemalloc.get_traced_memory()[1] < 4 * MOST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (gzip.compress(b"") * 50_000, "it has more than 100 members"),
        (gzip.compress(b'{"id":"a","y_true":1}')[:-1], "it ends too early"),
        (gzip.compress(b'{"id":"a","y_true":1}')[:12], "it ends too early"),
        (b'{"id":"a","y_true":1}', "incorrect header check"),
    ],
    ids=["many-members", "cut", "cut-short", "plain-text"],
)
def test_what_is_not_compressed_as_it_says_is_refused_as_it_came(body: bytes, why: str) -> None:
    found = plain(body, "gzip", MOST)

    assert isinstance(found, Unreadable)
    assert (found.raw, found.reason) == (body, "not_json")
    assert found.detail.startswith("content_encoding says gzip, which it is not: ")
    assert why in found.detail


def test_an_encoding_that_nobody_reads_is_named_where_the_body_cannot_be_read() -> None:
    refused = Unreadable(b"x", "not_json", "binary data: send JSON")

    assert "content_encoding 'br' is not one that is read" in named(refused, "br").detail
    assert [named(refused, encoding) for encoding in ("", "utf-8", "gzip")] == [refused] * 3
