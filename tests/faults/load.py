"""Publishes with confirms, whatever happens to the brokers; the ledger knows of each message before they do.

A share goes straight to Kafka, through producers of somebody else (`tests.faults.foreign`).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pika

from streams.amqp.client import UNAVAILABLE
from tests.faults.foreign import Foreign
from tests.faults.ledger import Ledger, Message
from tests.faults.traffic import QUEUES, Traffic

TICK_S = 0.05
PAUSE_S = 30.0
PERSISTENT = pika.BasicProperties(delivery_mode=2)
GIVEN_UP = 0.3
"""Share of the messages without an answer that are not sent again: nobody knows whether they arrived."""


FOREIGN = 1 / 3
"""Share of the messages that others write to Kafka."""
HELD_UP_S = 15.0
"""Once pairs take this long, rows of now would overtake, by the window and more, those that a queue still holds: all go there."""
FORGOTTEN_S = 120.0
"""A pair that takes this long was lost with Kafka or with the files, as the fault says itself."""


class Load(threading.Thread):
    """Publishes `ids_per_s` ids a second until it is told to end. `complete` are the ids with both sides confirmed.

    Args:
        foreign: who writes a `share` of the messages to Kafka.
        is_joined: tells whether an id's pair has come out.
    """

    def __init__(
        self,
        amqp_url: str,
        ledger: Ledger,
        traffic: Traffic,
        chance: random.Random,
        ids_per_s: float,
        foreign: Foreign,
        is_joined: Callable[[str], bool],
        share: float = FOREIGN,
    ):
        super().__init__(daemon=True)
        self.complete: list[str] = []
        self.n_foreign = 0
        self._foreign, self._is_joined, self._share = foreign, is_joined, share
        self._completed_at: list[float] = []
        self._n_joined = 0
        self.failure = ""
        self._parameters = pika.URLParameters(amqp_url)
        self._parameters.heartbeat = 4
        self._parameters.socket_timeout = self._parameters.blocked_connection_timeout = 2.0
        self.ledger, self._traffic, self._chance, self._ids_per_s = ledger, traffic, chance, ids_per_s
        self._one_side: dict[str, str] = {}
        self._channel: pika.adapters.blocking_connection.BlockingChannel | None = None
        self._connection: pika.BlockingConnection | None = None
        self._over, self._hold, self._held = threading.Event(), threading.Event(), threading.Event()

    def run(self) -> None:
        """Publish."""
        try:
            begun, owed = time.monotonic(), 0.0
            while not self._over.wait(TICK_S):
                if self._hold.is_set():
                    self._publish_rest()
                    self._held.set()
                    continue
                now = time.monotonic()
                owed, begun = min(owed + (now - begun) * self._ids_per_s, self._ids_per_s), now
                self._publish_all(self._traffic.messages(int(owed)))
                owed -= int(owed)
            self._publish_rest()
            if self._connection is not None:
                self._connection.close()
        except Exception as exc:
            self.failure = repr(exc)
            raise

    def pause(self) -> None:
        """Publish nothing more until `go_on`; return when no id is left half published."""
        self._held.clear()
        self._hold.set()
        assert self._held.wait(PAUSE_S), "the load does not pause: RabbitMQ takes nothing"

    def go_on(self) -> None:
        """Publish again."""
        self._hold.clear()

    def end(self, within_s: float) -> None:
        """Publish what is begun, and stop."""
        self._over.set()
        self.join(within_s)
        assert not self.is_alive(), f"the load cannot publish its last rows within {within_s:g} s"
        assert not self.failure, f"the load failed: {self.failure}"
        self.ledger.close()

    def give_up(self) -> None:
        """Stop at once, whatever is begun."""
        self._over.set()
        self.join(PAUSE_S)
        if not self.is_alive():
            self.ledger.close()

    def _publish_rest(self) -> None:
        self._publish_all(self._traffic.rest())
        while self._foreign.n_open:
            self._foreign.poll(0.01)

    def _publish_all(self, messages: list[Message]) -> None:
        is_held_up = self._is_held_up()
        for n, message in zip(self.ledger.intend(messages), messages, strict=True):
            if self._chance.random() < self._share and not is_held_up:
                self._send(n, message)
            else:
                self._publish(n, message)
        self._foreign.poll()

    def _send(self, n: int, message: Message) -> None:
        def told(is_there: bool) -> None:
            if is_there:
                self.n_foreign += len(message.rows)
                self._confirmed(n, message)
            elif self._chance.random() >= GIVEN_UP:
                self._publish(n, message)  # again, another way

        self._foreign.send(message, told)

    def _publish(self, n: int, message: Message) -> None:
        while not self._published(message):
            if self._chance.random() < GIVEN_UP:
                return
        self._confirmed(n, message)

    def _confirmed(self, n: int, message: Message) -> None:
        self.ledger.confirm(n)
        self._note(message)

    def _is_held_up(self) -> bool:
        """Tell whether a pair takes long."""
        now = time.monotonic()
        while self._n_joined < len(self._completed_at):
            took_s = now - self._completed_at[self._n_joined]
            if not self._is_joined(self.complete[self._n_joined]) and took_s < FORGOTTEN_S:
                return took_s > HELD_UP_S
            self._n_joined += 1
        return False

    def _published(self, message: Message) -> bool:
        """Return whether RabbitMQ has confirmed the message; if not, it may have it all the same."""
        channel = self._opened()
        if channel is None:
            return self._over.wait(0.2) and False
        try:
            channel.basic_publish("", message.queue, message.body, PERSISTENT, mandatory=True)
        except UNAVAILABLE:
            self._channel = None
            return False
        return True

    def _opened(self) -> pika.adapters.blocking_connection.BlockingChannel | None:
        if self._channel is None:
            try:
                self._connection = pika.BlockingConnection(self._parameters)
                self._channel = self._connection.channel()
                self._channel.confirm_delivery()
                for queue in QUEUES:
                    self._channel.queue_declare(queue, durable=True)
            except UNAVAILABLE:
                self._channel = None
        return self._channel

    def _note(self, message: Message) -> None:
        for row_id, _, _ in message.rows:
            if self._one_side.setdefault(row_id, message.queue) != message.queue:
                self.complete.append(row_id)
                self._completed_at.append(time.monotonic())
