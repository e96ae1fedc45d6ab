"""What is known of the bridge and its queues, and what must be said of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from streams.amqp.blocking import Queue
from streams.wire.checked import Natural


class QueueState(msgspec.Struct):
    """A queue of RabbitMQ: messages that wait in it, and how many consumers read it. None where that is unknown."""

    name: str
    messages: Natural | None
    consumers: Natural | None


class BridgeState(msgspec.Struct):
    """The bridge as this worker sees it; `address` is where its pages are, or empty for one inside the worker.

    Where none answers, `queues` is what RabbitMQ says of them. `rows_per_s` went to Kafka or to quarantine lately.
    `problem` is a sentence, empty where rows move; of a bridge inside the worker, /readyz says it. `notes` are worth
    knowing, such as that another program reads a queue.
    """

    address: str
    answers: bool
    rows_per_s: float | None
    queues: list[QueueState]
    problem: str
    notes: list[str]


def queues_of(state: Any) -> list[QueueState]:
    """Return the queues of a bridge's /readyz; none if it does not name them, such as an older one."""
    try:
        return msgspec.convert(state["queues"], list[QueueState])
    except (KeyError, TypeError, msgspec.ValidationError):
        return []


def notes_of(state: Any) -> list[str]:
    """Return what a bridge's /readyz notes."""
    found = state.get("notes")
    return [str(note) for note in found] if isinstance(found, list) else []


def problem_of(state: Any, address: str) -> str:
    """Return which links a bridge's /readyz says are down; an empty string if none is."""
    try:
        down = [
            f"{name}: {link['last_problem'] or 'connecting'}" for name, link in state["links"].items() if not link["up"]
        ]
    except (KeyError, TypeError, AttributeError):
        return ""
    return f"The bridge at {address} does not work: {'; '.join(down)}" if down else ""


def unread(queues: Sequence[Queue]) -> str:
    """Return which queues nobody reads, and what to do; an empty string if all have a consumer."""
    found = [_waiting(queue) for queue in queues if not queue.consumers]
    if not found:
        return ""
    return (
        f"No bridge is running: nobody reads {', '.join(found)}. Rows that are published reach neither Kafka nor the join "
        "until `faust -A streams bridge` is started, or the worker with HINDSIGHT_BRIDGE_IN_WORKER=true."
    )


def _waiting(queue: Queue) -> str:
    if queue.ready is None:
        return f"{queue.name!r} (does not exist yet)"
    return f"{queue.name!r} ({queue.ready:,} message{'' if queue.ready == 1 else 's'} waiting)"
