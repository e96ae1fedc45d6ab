"""Deliveries come through whole, however the bytes are cut, and with headers that pika itself cannot read."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import spec
from pika.exceptions import InvalidFrameError
from pika.frame import Body, Heartbeat, Method, decode_frame

from streams.amqp.frames import Connection

Delivered = tuple[int, bool, bytes, bytes]
FRAME_MAX = 4096


class Receiver(Connection):
    """A connection without a socket: what pika would have processed is kept."""

    def __init__(self) -> None:
        self._assemblies = {}
        self._frame_buffer = b""
        self.bytes_received = 0
        self._transport = type("Transport", (), {})()
        self.to_pika: list[Any] = []

    def _process_frame(self, frame_value: Any) -> None:
        self.to_pika.append(frame_value)


def delivery(channel: int, tag: int, redelivered: bool, properties: bytes, body: bytes) -> bytes:
    method = spec.Basic.Deliver("ctag1.abc", tag, redelivered, "an-exchange", "y_true")
    header = struct.pack(">BHLHHQ", 2, channel, 12 + len(properties), 60, 0, len(body)) + properties + b"\xce"
    pieces = [body[i : i + FRAME_MAX] for i in range(0, len(body), FRAME_MAX)]
    return Method(channel, method).marshal() + header + b"".join(Body(channel, piece).marshal() for piece in pieces)


def received(stream: bytes, cuts: list[int]) -> tuple[list[Delivered], Receiver]:
    connection, got = Receiver(), []
    connection.deliver(3, lambda *one: got.append(one))
    edges = [0, *sorted({cut % (len(stream) + 1) for cut in cuts}), len(stream)]
    for start, end in itertools.pairwise(edges):
        if start != end:
            connection._on_data_available(stream[start:end])
    return got, connection


deliveries = st.tuples(
    st.integers(1, 2**64 - 1), st.booleans(), st.binary(min_size=2, max_size=40), st.binary(max_size=3 * FRAME_MAX)
)


@given(st.lists(deliveries, max_size=4), st.lists(st.integers(0, 60_000), max_size=12))
def test_deliveries_come_whole_and_in_order_however_the_bytes_are_cut(some: list[Delivered], cuts: list[int]) -> None:
    stream = b"".join(delivery(3, *one) for one in some)

    got, connection = received(stream, cuts)

    assert got == some
    assert connection.bytes_received == len(stream)
    assert connection.to_pika == []


def test_every_other_frame_is_pikas() -> None:
    between = Heartbeat().marshal() + Method(3, spec.Basic.QosOk()).marshal() + Method(4, spec.Basic.QosOk()).marshal()
    stream = delivery(3, 1, False, b"\0\0", b"first") + between + delivery(3, 2, True, b"\0\0", b"second")

    got, connection = received(stream, [])

    assert got == [(1, False, b"\0\0", b"first"), (2, True, b"\0\0", b"second")]
    assert [type(frame).__name__ for frame in connection.to_pika] == ["Heartbeat", "Method", "Method"]


def test_deliveries_of_two_channels_that_mix_are_kept_apart() -> None:
    one, two = delivery(3, 1, False, b"\0\0", b"x" * 9000), delivery(5, 1, True, b"\0\0", b"y" * 9000)
    frames_of_one, frames_of_two = split(one), split(two)
    connection, got_one, got_two = Receiver(), [], []
    connection.deliver(3, lambda *d: got_one.append(d))
    connection.deliver(5, lambda *d: got_two.append(d))

    for pair in zip(frames_of_one, frames_of_two, strict=True):
        connection._on_data_available(b"".join(pair))

    assert [d[3] for d in got_one] == [b"x" * 9000]
    assert [d[3] for d in got_two] == [b"y" * 9000]


def split(stream: bytes) -> list[bytes]:
    frames = []
    while stream:
        n_bytes, _ = decode_frame(stream)
        frames.append(stream[:n_bytes])
        stream = stream[n_bytes:]
    return frames


def test_a_frame_without_its_end_mark_ends_the_connection() -> None:
    stream = bytearray(delivery(3, 1, False, b"\0\0", b"body"))
    stream[-1] = 0

    with pytest.raises(InvalidFrameError):
        received(bytes(stream), [])


def test_headers_that_pika_cannot_read_do_not_stop_the_flow() -> None:
    table = b"\x01hT" + struct.pack(">Q", 1_700_000_000_000)
    properties = struct.pack(">HL", spec.BasicProperties.FLAG_HEADERS, len(table)) + table

    with pytest.raises(ValueError, match="year"):  # once pika reads these, streams/amqp/frames.py has a reason less
        spec.BasicProperties().decode(properties)
    got, _ = received(delivery(3, 1, False, properties, b"body"), [])

    assert got == [(1, False, properties, b"body")]
