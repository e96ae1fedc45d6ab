"""Is RabbitMQ there, and is each queue as the bridge and simple services expect it?"""

from __future__ import annotations

from collections.abc import Sequence

import pika

from commands.doctor.finding import Finding, note, ok, wrong
from commands.probes import Unavailable
from commands.probes.rabbitmq_queues import NOT_FOUND, Queue, Refusal, connected, declare
from streams.amqp.client import amqp_shown, queue_declarations
from streams.settings import Settings, SettingsError

WHAT = "RabbitMQ"


def check(settings: Settings) -> list[Finding]:
    """Check the connection, then each queue."""
    try:
        with connected(settings) as connection:
            found = [ok(WHAT, f"reached at {amqp_shown(settings)}")]
            found += [_queue(connection, name, settings) for name in settings.queue_names]
            return found + _for_simple_services(connection, settings.queue_names)
    except (Unavailable, SettingsError) as exc:
        return [wrong(WHAT, str(exc))]


def _queue(connection: pika.BlockingConnection, name: str, settings: Settings) -> Finding:
    what, kind = f"queue {name}", settings.queue_kind
    seen = declare(connection, name, passive=True)
    if isinstance(seen, Refusal):
        return _not_there(what, seen, settings)
    as_asked = declare(connection, name, **queue_declarations[kind])
    if isinstance(as_asked, Refusal):
        return note(
            what,
            f"is there, but not as HINDSIGHT_QUEUE_KIND={kind} declares it ({as_asked.text}): the bridge reads it as "
            "it is. Set HINDSIGHT_QUEUE_KIND to the kind it is, or to existing.",
        )
    return ok(what, f"{seen.ready:,} messages ready, {seen.consumers} consumer{'s' if seen.consumers != 1 else ''}")


def _not_there(what: str, seen: Refusal, settings: Settings) -> Finding:
    if seen.code != NOT_FOUND:
        return wrong(what, f"RabbitMQ does not show it to us: {seen.text}. Give our user the right to read it.")
    if settings.queue_kind != "existing":
        return ok(what, f"not there yet, the bridge will declare it ({settings.queue_kind})")
    return wrong(
        what,
        "is not there, and HINDSIGHT_QUEUE_KIND=existing declares none: start the service that declares it, or set "
        "HINDSIGHT_QUEUE_KIND=durable.",
    )


def _for_simple_services(connection: pika.BlockingConnection, names: Sequence[str]) -> list[Finding]:
    """Try what a simple service does, on the queues that are there: to declare them by pika's defaults."""
    there = [name for name in names if isinstance(declare(connection, name, passive=True), Queue)]
    refusals = {name: answer for name in there if isinstance(answer := declare(connection, name), Refusal)}
    if not refusals:
        return []
    name, refusal = next(iter(refusals.items()))
    return [
        note(
            "services of yours",
            f'one that says queue_declare(queue="{name}") with nothing else is refused ({refusal.text}); so for '
            f"{', '.join(refusals)}. Let it declare the queue as it is, or with passive=True",
        )
    ]
