"""The proxy changes Kafka's address, and not one byte else, however the answers are cut."""

from __future__ import annotations

import socket
import struct

import pytest

from tests.brokers import HOST
from tests.faults.link import Frames, Link

THEIRS, OURS = b"127.0.0.1" + struct.pack(">i", 9092), b"127.0.0.1" + struct.pack(">i", 20001)


def frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_whole_answers_are_passed_on_with_our_address(n: int) -> None:
    sent = frame(b"metadata " + THEIRS + b" and " + THEIRS) + frame(b"") + frame(b"127.0.0.1 alone, and an end like 1")
    frames = Frames(THEIRS, OURS)
    got = b"".join(frames.translated(sent[i : i + n]) for i in range(0, len(sent), n))

    assert got == sent.replace(THEIRS, OURS)


def test_an_answer_is_passed_on_as_soon_as_it_is_whole() -> None:
    frames = Frames(THEIRS, OURS)
    offset = frame(struct.pack(">q", 0x31))

    assert frames.translated(offset[:-1]) == b""
    assert frames.translated(offset[-1:]) == offset


def test_an_answer_that_is_sliced_when_the_link_heals_arrives_as_it_was_sent() -> None:
    sent = bytes(range(256)) * 200
    with socket.create_server((HOST, 0)) as broker:
        link = Link(f"{HOST}:{broker.getsockname()[1]}", is_kafka=False)
        with socket.create_connection((HOST, link.port)) as client:
            server, _ = broker.accept()
            for one, other in ((server, client), (client, server)):  # then the link waits for as much as there is
                one.sendall(b"a greeting")
                assert other.recv(99) == b"a greeting"
            link.slice_bytes, link.bytes_per_s = 7, 70.0
            server.sendall(sent)
            got = client.recv(7)
            link.heal()
            server.sendall(b"the next answer")
            while len(got) < len(sent + b"the next answer"):
                got += client.recv(len(sent))
            server.close()
        link.close()

    assert got == sent + b"the next answer"
