"""`topology --recreate`: queues that are declared otherwise than the settings say are deleted and declared anew.

Only those that hold nothing and that nobody reads: RabbitMQ itself checks that as it deletes them.
"""

from __future__ import annotations

from typing import NamedTuple

from commands.confirm import confirmed
from commands.probes import Unavailable
from streams.amqp.blocking import Queue, Rabbit, Refusal, connected
from streams.amqp.declarations import ways_to_declare
from streams.settings import Settings


class Otherwise(NamedTuple):
    """A queue that is not as the settings say, and why it must stay so; empty if it can be recreated."""

    name: str
    why_left: str


def recreate(settings: Settings, *, yes: bool) -> int:
    """Ask, then recreate what can be; return 1 if any queue is still otherwise.

    Raises:
        Unavailable: RabbitMQ cannot be reached, or does not let us declare a queue.
    """
    if not settings.queues:
        print("There are no queues to recreate.")
        return 0
    if settings.queue_kind == "existing":
        print(
            "HINDSIGHT_QUEUE_KIND=existing declares no queues, so none is recreated. To have them as pika's "
            "queue_declare(name) makes them: HINDSIGHT_QUEUE_KIND=transient faust -A streams topology --recreate"
        )
        return 1
    with connected(settings) as rabbit:
        found = [one for name in settings.queue_names if (one := otherwise(rabbit, name, settings)) is not None]
        if not found:
            print(f"Every queue is as HINDSIGHT_QUEUE_KIND={settings.queue_kind} says: nothing to recreate.")
            return 0
        for one in found:
            if one.why_left:
                print(f"The queue {one.name!r} stays as it is: {one.why_left}.")
        names = [one.name for one in found if not one.why_left]
        question = (
            f"Delete the empty queue{'s' if len(names) > 1 else ''} {', '.join(names)}, with any bindings to exchanges, and "
            f"declare {'them' if len(names) > 1 else 'it'} as HINDSIGHT_QUEUE_KIND={settings.queue_kind} says?"
        )
        if not names or not confirmed(question, yes=yes):
            return 1
        n_done = sum(_recreated(rabbit, name, settings) for name in names)
    return 0 if n_done == len(found) else 1


def otherwise(rabbit: Rabbit, name: str, settings: Settings) -> Otherwise | None:
    """Return a queue that is declared otherwise, None if it is as the settings say or cannot be seen."""
    seen = rabbit.declare(name, passive=True)
    if not isinstance(seen, Queue):
        return None
    if any(
        isinstance(rabbit.declare(name, **how), Queue) for how in ways_to_declare(settings.queue_kind, rabbit.version)
    ):
        return None
    declared = rabbit.learned(name)
    if declared is None:  # a stream, for one, is deleted whatever it holds
        return Otherwise(name, "RabbitMQ does not tell how it is declared. Delete it yourself")
    kind = declared.arguments.get("x-queue-type", "classic")
    if kind != "classic":
        return Otherwise(
            name, f"it is a {kind} queue, which RabbitMQ cannot delete only if it is empty. Delete it yourself"
        )
    if seen.consumers:
        readers = "1 consumer reads" if seen.consumers == 1 else f"{seen.consumers} consumers read"
        return Otherwise(name, f"{readers} it. Stop the bridge, and whatever else reads it, first")
    if seen.ready:
        held = "1 message" if seen.ready == 1 else f"{seen.ready:,} messages"
        return Otherwise(name, f"it holds {held}. Have the bridge move them into Kafka, then stop it and try again")
    return Otherwise(name, "")


def _recreated(rabbit: Rabbit, name: str, settings: Settings) -> bool:
    refusal = rabbit.delete_unused(name)
    if refusal is not None:
        print(f"The queue {name!r} stays as it is: RabbitMQ does not delete it ({refusal.text}).")
        return False
    made = rabbit.declare(name, **ways_to_declare(settings.queue_kind, rabbit.version)[0])
    if isinstance(made, Refusal):
        raise Unavailable(f"The queue {name!r} is deleted, and RabbitMQ does not let us declare it: {made.text}.")
    print(f"The queue {name!r} is recreated ({settings.queue_kind}).")
    return True
