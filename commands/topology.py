"""The command `topology`: declare what is missing in both brokers. Who starts first does so anyway; a job may, too."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from commands import recreate as recreating
from commands.probes import Unavailable
from streams.amqp.blocking import Queue, Refusal, connected
from streams.amqp.channel import NOT_FOUND
from streams.amqp.declarations import ways_to_declare
from streams.kafka import probe, topics
from streams.process.backoff import Backoff
from streams.settings import NO_QUEUES, Settings, SettingsError


def run(settings: Settings, *, wait_s: float = 60.0, recreate: bool = False, yes: bool = False) -> int:
    """Declare topics and queues, waiting up to `wait_s` seconds for each broker; return the exit code.

    Args:
        recreate: delete empty queues that are declared otherwise, and declare them anew; `yes`: without a question.
    """
    for name in ("aiokafka", "pika"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what is raised says it
    try:
        made = asyncio.run(_topics(settings, Patience(wait_s)))
        print(f"Kafka at {settings.kafka_address}: {_listed('topics', made)}.")
        print(f"RabbitMQ: {_queues(settings, Patience(wait_s)) if settings.queues else NO_QUEUES}.")
        if recreate:
            return recreating.recreate(settings, yes=yes)
    except (Unavailable, SettingsError, topics.TopicError) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


class Patience:
    """The time that a broker has until it must answer, in seconds."""

    def __init__(self, wait_s: float):
        self._until = time.monotonic() + wait_s
        self._said = ""
        self.backoff = Backoff()

    def bear(self, problem: Exception) -> None:
        """Say once what is waited for.

        Raises:
            Unavailable: the time is over.
        """
        sentence = str(problem)
        if not time.monotonic() <= self._until:  # also if it is no number
            raise Unavailable(sentence) from None
        if sentence != self._said:
            print(f"{sentence} Waiting for it.", flush=True)
        self._said = sentence


async def _topics(settings: Settings, patience: Patience) -> list[str]:
    while True:
        try:
            await probe.probe(settings)  # says why it cannot be reached
            return await topics.declare(settings)
        except Unavailable as exc:
            patience.bear(exc)
        await asyncio.sleep(patience.backoff.next_s())


def _queues(settings: Settings, patience: Patience) -> str:
    while True:
        try:
            return _declare(settings)
        except Unavailable as exc:
            patience.bear(exc)
        time.sleep(patience.backoff.next_s())


def _declare(settings: Settings) -> str:
    """Declare the queues; one that is there otherwise is left as it is.

    Raises:
        Unavailable: RabbitMQ cannot be reached, or refuses a queue.
    """
    missing: list[str] = []
    with connected(settings) as rabbit:
        for name in settings.queue_names:
            seen = rabbit.declare(name, passive=True)
            if isinstance(seen, Refusal) and seen.code != NOT_FOUND:
                raise Unavailable(f"RabbitMQ does not let us see the queue {name!r}: {seen.text}.")
            ways = ways_to_declare(settings.queue_kind, rabbit.version)
            if isinstance(seen, Queue) or not ways:
                continue
            made = rabbit.declare(name, **ways[0])
            if isinstance(made, Refusal):
                raise Unavailable(f"RabbitMQ does not let us declare the queue {name!r}: {made.text}.")
            missing.append(name)
    return _listed("queues", missing)


def _listed(what: str, made: list[str]) -> str:
    return f"{what} created: {', '.join(made)}" if made else f"all {what} were there"
