"""How RabbitMQ's queues stand: how much waits in each, and how many read it. Blocking: call it in a thread."""

from __future__ import annotations

from collections.abc import Sequence

from streams.amqp.blocking import Queue, Rabbit, connected
from streams.amqp.channel import NOT_FOUND
from streams.process.unavailable import Unavailable
from streams.settings import Settings


def queues(settings: Settings, names: Sequence[str]) -> list[Queue]:
    """Return how the queues stand; RabbitMQ is not asked where there is none.

    Raises:
        Unavailable: RabbitMQ cannot be reached, or refuses a queue that is there.
        SettingsError: the URL or a certificate cannot be used.
    """
    if not names:
        return []
    with connected(settings) as rabbit:
        return [_look(rabbit, name) for name in names]


def _look(rabbit: Rabbit, name: str) -> Queue:
    seen = rabbit.declare(name, passive=True)
    if isinstance(seen, Queue):
        return seen
    if seen.code != NOT_FOUND:
        raise Unavailable(f"RabbitMQ does not let us see the queue {name!r}: {seen.text}.")
    return Queue(name, None, None)
