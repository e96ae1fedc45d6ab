"""Connecting to RabbitMQ can be broken off at any moment."""

from __future__ import annotations

import asyncio
from typing import Any

from streams.amqp import connection as amqp
from streams.settings import load
from tests.brokers import Brokers

N_STEPS = 60
"""Milliseconds after which the attempt is broken off, one more at each attempt: past the end of a handshake."""


def test_an_attempt_that_is_broken_off_at_any_step_raises_nothing_later(brokers: Brokers) -> None:
    settings = load(brokers.environ())
    raised: list[dict[str, Any]] = []
    n_opened = 0

    async def break_off() -> None:
        nonlocal n_opened
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
        for n_steps in range(N_STEPS):
            connecting = asyncio.create_task(amqp.connect(settings))
            for _ in range(n_steps):
                await _one_turn()
            connecting.cancel()
            try:
                connection, lost = await connecting
            except asyncio.CancelledError:
                continue
            n_opened += 1
            await amqp.close(connection, lost, within_s=5)
        connection, lost = await amqp.connect(settings)  # by then, what was begun before is over
        await amqp.close(connection, lost, within_s=5)

    asyncio.run(break_off())

    assert raised == []
    assert n_opened < N_STEPS


async def _one_turn() -> None:
    """Let the event loop do what a millisecond brings."""
    waiting = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.001, waiting.set_result, None)
    await waiting
