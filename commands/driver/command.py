"""The data driver: random rows of load_diabetes to the RabbitMQ queues `features` and `y_true`.

Measured on 2 cores that RabbitMQ 3.10 shared: up to 11,000 rows/s, two messages each, persistent and confirmed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

from commands.driver.delay import LabelDelay
from commands.driver.publisher import WINDOW, Publisher
from commands.driver.traffic import Message, Plan, Traffic, parse_tags
from streams.amqp.client import amqp_shown
from streams.amqp.connection import ConnectionLost
from streams.kinds import Kind
from streams.process.link import Link
from streams.settings import Settings, SettingsError

log = logging.getLogger("hindsight.driver")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
QUEUES: tuple[Kind, ...] = ("features", "y_true")
LAST_CONFIRMS_S, CLOSE_S = 0.7, 0.3
"""What stopping may take, in seconds: waiting for RabbitMQ to confirm what was sent, and for it to say goodbye."""


def run(
    settings: Settings, *, seed: int | None = None, label_delay: str = "0", tags: Sequence[str] = (), **numbers: Any
) -> int:
    """Send rows until `count` of them and their truths are sent, or SIGINT or SIGTERM comes; return the exit code.

    Ids are epoch seconds: microseconds that strictly increase, and six random digits of this process, so that two
    drivers that start at once do not meet. RabbitMQ away is waited for; what it did not confirm is sent again with
    the same id. Truths whose time has not come when a signal does are not sent, only counted.

    Args:
        label_delay: as `LabelDelay.parse` reads it; `tags`: as `parse_tags` does.
        numbers: of a `Plan`, by name.
    """
    if not settings.queues:
        print("HINDSIGHT_QUEUES is off, and the data driver sends rows by RabbitMQ only.", file=sys.stderr)
        return 1
    try:
        plan = Plan(label_delay=LabelDelay.parse(label_delay), tags=parse_tags(tags), **numbers)
        where = f"RabbitMQ at {amqp_shown(settings)}"
    except (ValueError, SettingsError) as exc:
        print(exc, file=sys.stderr)
        return 1
    _drive(settings, plan, seed, where)
    return 0


def _drive(settings: Settings, plan: Plan, seed: int | None, where: str) -> None:
    for number in SIGNALS:
        signal.signal(number, lambda *_: sys.exit(0))  # until there is something to end in order
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs a page for each failed attempt; we say one line
    n_rows = "rows" if plan.count is None else f"{plan.count} rows"
    log.info(
        f"Sending {n_rows} of load_diabetes, {plan.rate:g} per second, to the queues "
        f"{' and '.join(settings.queue_of(kind) for kind in QUEUES)} of {where}; Ctrl-C stops it."
    )
    traffic = Traffic(plan, _rows(), random.Random(seed), time.time, f"{secrets.randbelow(1_000_000):06d}")
    driver = _Driver(settings, traffic, where)
    asyncio.run(driver.run())
    log.info(driver.summary())


class _Driver:
    """Sends the traffic over one connection after another."""

    def __init__(self, settings: Settings, traffic: Traffic, where: str) -> None:
        self._settings = settings
        self._where = where
        self._traffic = traffic
        self._coming: Iterator[Message] = iter(traffic)
        self._unsent: deque[Message] = deque()
        self._n_confirmed: Counter[Kind] = Counter()
        self._link = Link("rabbitmq", log, is_up=True)

    async def run(self) -> None:
        """Send until there is nothing more to send, or a signal ends it."""
        sending = asyncio.create_task(self._send_whatever_happens())
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, sending.cancel)
        await asyncio.wait({sending})
        if not sending.cancelled():
            sending.result()

    def summary(self) -> str:
        """Return what was sent, and what was not, as a sentence or two."""
        now = time.time()
        n_unconfirmed = sum(message.due <= now for message in self._unsent)
        n_held = len(self._traffic.held) + sum(
            message.due > now for message in self._unsent if message.queue == "y_true"
        )
        sentence = (
            f"Sent {self._n_confirmed['features']} messages to features and {self._n_confirmed['y_true']} to y_true."
        )
        if n_unconfirmed:
            sentence += f" Due, but not confirmed by RabbitMQ: {n_unconfirmed}."
        if n_held:
            sentence += f" Truths that were not due yet, and are not sent: {n_held}."
        return sentence

    async def _send_whatever_happens(self) -> None:
        while True:
            publisher = Publisher(self._settings, self._confirmed, log.warning)
            try:
                await publisher.connect(QUEUES)
                self._link.up(f"{self._where} is back.")
                await self._send(publisher)
                return
            except ConnectionLost as exc:
                self._link.down(f"{self._where} cannot be used: {exc}. Trying again until it can.")
            finally:
                await self._leave(publisher)
            await self._link.pause()

    async def _send(self, publisher: Publisher) -> None:
        while self._unsent or self._pull():
            await publisher.until_unconfirmed(WINDOW - 1)
            ahead_s = self._unsent[0].due - time.time()
            if ahead_s > 0:
                await publisher.pause(ahead_s)
            publisher.send(self._unsent.popleft())
        await publisher.until_unconfirmed(0)

    def _pull(self) -> bool:
        """Take the next message of the traffic, if there is one. It is kept in `_unsent` until it is sent."""
        message = next(self._coming, None)
        if message is not None:
            self._unsent.append(message)
        return message is not None

    async def _leave(self, publisher: Publisher) -> None:
        """Wait shortly for the last confirms, close, and take back what stays unconfirmed."""
        try:
            async with asyncio.timeout(LAST_CONFIRMS_S):
                await publisher.until_unconfirmed(0)
        except (TimeoutError, ConnectionLost):
            pass
        self._unsent.extendleft(reversed(publisher.unconfirmed.values()))
        await publisher.close(CLOSE_S)

    def _confirmed(self, message: Message) -> None:
        self._n_confirmed[message.queue] += 1


def _rows() -> list[tuple[list[float], float]]:
    """Return the data set; importing scikit-learn takes some seconds, and only the driver needs it."""
    from models.data import diabetes

    data = diabetes()
    return list(zip(data.x.tolist(), data.y.tolist(), strict=True))
