"""Is RabbitMQ there, and is each queue as the bridge and simple services expect it?"""

from __future__ import annotations

from collections.abc import Sequence

from commands.doctor.finding import Finding, note, ok, wrong
from commands.probes import Unavailable
from streams.amqp.blocking import Queue, Rabbit, Refusal, connected
from streams.amqp.channel import NOT_FOUND, RESOURCE_LOCKED
from streams.amqp.client import amqp_shown
from streams.amqp.declarations import EXCLUSIVE, shared, ways_to_declare
from streams.settings import NO_QUEUES, Settings, SettingsError

WHAT = "RabbitMQ"
RECREATE = "faust -A streams topology --recreate"


def check(settings: Settings) -> list[Finding]:
    """Check the connection, then each queue."""
    if not settings.queues:
        return [note(WHAT, NO_QUEUES)]
    try:
        with connected(settings) as rabbit:
            found = [ok(WHAT, f"reached at {amqp_shown(settings)}")]
            for name in settings.queue_names:
                found += _queue(rabbit, name, settings)
            return found + _for_simple_services(rabbit, settings.queue_names)
    except (Unavailable, SettingsError) as exc:
        return [wrong(WHAT, str(exc))]


def _queue(rabbit: Rabbit, name: str, settings: Settings) -> list[Finding]:
    what = f"queue {name}"
    seen = rabbit.declare(name, passive=True)
    if isinstance(seen, Refusal):
        return [_not_there(what, seen, settings)]
    declared = rabbit.learned(name)
    if declared is not None and (problem := declared.problem()):
        return [wrong(what, f"is not read: {problem}.")]
    known = [] if declared is None else [f"{one}." for one in declared.notes(rabbit.version)]
    if seen.consumers is not None and seen.consumers > 1:
        known.append(shared(name, seen.consumers - 1))
    return [_as_it_is(rabbit, what, seen, settings), *(note(what, sentence) for sentence in known)]


def _as_it_is(rabbit: Rabbit, what: str, seen: Queue, settings: Settings) -> Finding:
    kind = settings.queue_kind
    refusal: Refusal | None = None
    for how in ways_to_declare(kind, rabbit.version):
        answer = rabbit.declare(seen.name, **how)
        if isinstance(answer, Queue):
            break
        refusal = answer
    else:
        if refusal is not None:
            return note(
                what,
                f"is there, but not as HINDSIGHT_QUEUE_KIND={kind} declares it ({refusal.text}): the bridge reads it as "
                f"it is. Set HINDSIGHT_QUEUE_KIND to the kind it is, or to existing; or, once it is empty and "
                "whoever reads it is stopped, have it recreated:",
                RECREATE,
            )
    return ok(what, f"{seen.ready:,} messages ready, {seen.consumers} consumer{'s' if seen.consumers != 1 else ''}")


def _not_there(what: str, seen: Refusal, settings: Settings) -> Finding:
    if seen.code == RESOURCE_LOCKED:
        return wrong(what, f"is not read: {EXCLUSIVE}.")
    if seen.code != NOT_FOUND:
        return wrong(what, f"RabbitMQ does not let us see it: {seen.text}. Give our user permission to read it.")
    if settings.queue_kind != "existing":
        return ok(what, f"missing; the bridge will declare it ({settings.queue_kind})")
    return wrong(
        what,
        "is not there, and HINDSIGHT_QUEUE_KIND=existing declares none: start the service that declares it, or set "
        "HINDSIGHT_QUEUE_KIND=durable.",
    )


def _for_simple_services(rabbit: Rabbit, names: Sequence[str]) -> list[Finding]:
    """Try what a simple service does, on the queues that are there: to declare them by pika's defaults."""
    there = [name for name in names if isinstance(rabbit.declare(name, passive=True), Queue)]
    refusals = {name: answer for name in there if isinstance(answer := rabbit.declare(name), Refusal)}
    if not refusals:
        return []
    name, refusal = next(iter(refusals.items()))
    return [
        note(
            "services of yours",
            f'one that says queue_declare(queue="{name}") with nothing else is refused ({refusal.text}); so for '
            f"{', '.join(refusals)}. Let it declare the queue as it is, or with passive=True; or, once the queues are empty "
            "and the bridge is stopped, have them recreated as it declares them:",
            f"HINDSIGHT_QUEUE_KIND=transient {RECREATE}",
        )
    ]
