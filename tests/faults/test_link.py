"""The proxy changes Kafka's address, and not one byte else, however the answers are cut."""

from __future__ import annotations

import struct

import pytest

from tests.faults.link import Frames

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
