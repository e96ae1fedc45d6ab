"""What a queue holds: bounded, and never acknowledged beyond what was kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from bridge import queues
from bridge.gate import Gate
from bridge.queues import Queue
from streams.settings import load

BODY = b'{"id":"a","y_true":1}'
PROPERTIES = b"\0\0"
LONG_S = 30.0


class Channel:
    """A channel that only remembers what it was told."""

    is_open = True

    def __init__(self) -> None:
        self.acked: list[int] = []
        self.given_up = ""

    def ack(self, tag: int) -> None:
        self.acked.append(tag)

    def give_up(self, reason: str) -> None:
        self.given_up = reason


def queue_of(**settings: int) -> tuple[Queue, Channel]:
    environ = {f"HINDSIGHT_{name.upper()}": str(value) for name, value in settings.items()}
    queue = Queue("y_true", load(environ), Gate())
    channel = Channel()
    queue.channel = channel  # type: ignore[assignment]
    return queue, channel


def arrive(queue: Queue, n: int, body: bytes = BODY) -> None:
    for tag in range(1, n + 1):
        queue._arrive(tag, False, PROPERTIES, body)


def run(work: Callable[[], Awaitable[None]]) -> float:
    """Run a coroutine; return how long it took, in seconds."""

    async def timed() -> float:
        started = time.perf_counter()
        await work()
        return time.perf_counter() - started

    return asyncio.run(timed())


@pytest.mark.parametrize(
    ("settings", "n"),
    [
        ({"packet_rows": 50, "partitions": 2}, 100),
        ({"packet_rows": 50, "partitions": 2}, 180),
        ({"prefetch": 1}, 1),
        ({"prefetch": 40, "packet_rows": 50}, 20),
    ],
    ids=["full-packets", "more", "prefetch-of-one", "half-the-prefetch"],
)
def test_nothing_waits_for_company_that_cannot_come_or_is_not_needed(settings: dict[str, int], n: int) -> None:
    async def work() -> None:
        queue, _ = queue_of(**settings)
        waiting = asyncio.create_task(queue.gather(LONG_S))
        await asyncio.sleep(0)
        arrive(queue, n)
        await waiting

    assert run(work) < LONG_S / 10


def test_few_messages_that_hold_many_rows_wait_for_nothing() -> None:
    async def work() -> None:
        queue, _ = queue_of()
        arrive(queue, 2, body=bytes(queues.FULL_BYTES // 2))
        await queue.gather(LONG_S)

    assert run(work) < LONG_S / 10


def test_a_packet_that_is_not_full_waits_no_longer_than_it_may() -> None:
    async def work() -> None:
        queue, _ = queue_of(packet_rows=50, partitions=1)
        arrive(queue, 49)
        await queue.gather(0.05)
        assert len(queue.waiting) == 49

    assert 0.04 < run(work) < LONG_S / 10


def test_what_does_not_fit_is_dropped_with_all_that_follows_and_never_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An acknowledgement means every delivery up to it: nothing may be kept behind a gap."""
    monkeypatch.setattr(queues, "WAITING_BYTES", 10 * (len(BODY) + len(PROPERTIES)))

    async def work() -> None:
        queue, channel = queue_of(prefetch=1000)
        arrive(queue, 20)
        assert [delivery[0] for delivery in queue.waiting] == list(range(1, 12))
        assert channel.given_up

        tags = [queue.take()[0] for _ in range(11)]
        queue._arrive(21, False, PROPERTIES, BODY)
        queue.ack(tags[-1], len(tags), queue.channel)

        assert not queue.waiting
        assert channel.acked == [11]
        assert queue.n_unacked() == 0

    run(work)


def test_an_acknowledgement_for_a_channel_that_is_gone_does_nothing() -> None:
    async def work() -> None:
        queue, old = queue_of()
        arrive(queue, 3)
        before = queue.channel
        new = Channel()
        queue.channel = new  # type: ignore[assignment]

        queue.ack(3, 3, before)

        assert (old.acked, new.acked) == ([], [])

    run(work)
