"""Runs embedded brokers: claims their directories, waits until they answer, watches them, stops them in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

from dev import DevError, embedded_kafka, embedded_rabbitmq, home, processes
from dev.broker import Broker
from dev.stopping import Stop
from streams.settings import Settings

BrokerName = Literal["rabbitmq", "kafka"]
BOTH: tuple[BrokerName, ...] = ("rabbitmq", "kafka")
PROCESSES = {"rabbitmq": (embedded_rabbitmq.NAME, embedded_rabbitmq.EPMD), "kafka": (embedded_kafka.NAME,)}
TITLES = {"rabbitmq": "RabbitMQ", "kafka": "Kafka"}
START = {"rabbitmq": embedded_rabbitmq.start, "kafka": embedded_kafka.start}
READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 3.5
"""For all brokers; one that takes longer is ended by force, which loses nothing but time at its next start."""

Say = Callable[[str], None]


def run(names: Sequence[BrokerName], settings: Settings, stop: Stop, say: Say) -> None:
    """Run these brokers until somebody asks to stop.

    Raises:
        DevError: one of them cannot start, or has died.
    """
    with started(names, settings, stop, say) as brokers:
        while not stop.requested:
            require_alive(brokers)
            stop.wait(0.2)


@contextmanager
def started(names: Sequence[BrokerName], settings: Settings, stop: Stop, say: Say) -> Iterator[list[Broker]]:
    """Hold these brokers started: ready inside the block (unless a stop was asked for), stopped after it.

    Raises:
        DevError: one of them cannot start.
    """
    dev_dir = settings.dev_dir.absolute()
    began = time.monotonic()
    brokers: list[Broker] = []
    with ExitStack() as exits:
        for name in names:
            exits.enter_context(home.claimed(dev_dir / name))
        for name in names:
            for process in PROCESSES[name]:
                processes.end_stale(process, home=dev_dir, timeout_s=STOP_TIMEOUT_S, say=say)
        try:
            for name in names:
                brokers.append(START[name](settings))  # noqa: PERF401  each is in the list as soon as it runs
            _wait_until_ready(brokers, began, stop, say)
            yield brokers
        finally:
            _stop(brokers, say)


def require_alive(brokers: Sequence[Broker]) -> None:
    """Check that no broker has died.

    Raises:
        DevError: one has; the message shows the end of its log.
    """
    for broker in brokers:
        child = broker.dead()
        if child is not None:
            shortage = home.shortage_of_room(child.log.parent)
            raise DevError("\n".join(filter(None, [child.death(), shortage])))


def _stop(brokers: Sequence[Broker], say: Say) -> None:
    """Stop all of them at once: neither needs the other, and each takes 2 s."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for broker in brokers:
        say(f"Stopping {broker.name}.")
        broker.processes[0].ask_to_end()
    for broker in brokers:
        broker.stop(deadline)


def _wait_until_ready(brokers: Sequence[Broker], began: float, stop: Stop, say: Say) -> None:
    waiting = list(brokers)
    while waiting and not stop.requested:
        require_alive(brokers)
        for broker in [broker for broker in waiting if broker.answers()]:
            say(f"{broker.name} is ready after {time.monotonic() - began:.1f} s: {broker.address}")
            waiting.remove(broker)
        if waiting and time.monotonic() - began > READY_TIMEOUT_S:
            late = waiting[0].processes[0]
            raise DevError(
                f"{waiting[0].name} is not ready after {READY_TIMEOUT_S:.0f} s. "
                f"The last lines of {late.log}:\n{processes.tail(late.log)}"
            )
        stop.wait(0.1)
