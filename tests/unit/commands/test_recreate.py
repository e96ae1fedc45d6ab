"""Queues that `topology --recreate` leaves alone where RabbitMQ cannot be made to answer so for real."""

from __future__ import annotations

from typing import Any

from commands.recreate import otherwise
from streams.amqp.blocking import Queue, Refusal
from streams.settings import load


class Rabbit:
    """RabbitMQ with one empty queue that nobody reads, declared in a way that its refusals do not tell."""

    version = "4.1.2"

    def declare(self, queue: str, *, passive: bool = False, **how: Any) -> Queue | Refusal:
        return Queue(queue, 0, 0) if passive else Refusal(406, "PRECONDITION_FAILED - of another kind")

    def learned(self, queue: str) -> None:
        return None


def test_a_queue_of_which_nobody_knows_how_it_is_declared_is_never_deleted():
    found = otherwise(Rabbit(), "y_true", load({}))
    assert found is not None
    assert found.why_left == "RabbitMQ does not tell how it is declared. Delete it yourself"
