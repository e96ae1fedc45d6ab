"""Publishes with confirms, whatever happens to RabbitMQ; the ledger knows of each message before RabbitMQ does."""

from __future__ import annotations

import random
import threading
import time

import pika

from streams.amqp.client import UNAVAILABLE
from tests.faults.ledger import Ledger, Message
from tests.faults.traffic import QUEUES, Traffic

TICK_S = 0.05
PAUSE_S = 30.0
PERSISTENT = pika.BasicProperties(delivery_mode=2)
GIVEN_UP = 0.3
"""Share of the messages without an answer that are not sent again: nobody knows whether they arrived."""


class Load(threading.Thread):
    """Publishes `ids_per_s` ids a second until it is told to end. `complete` are the ids with both sides confirmed."""

    def __init__(self, amqp_url: str, ledger: Ledger, traffic: Traffic, chance: random.Random, ids_per_s: float):
        super().__init__(daemon=True)
        self.complete: list[str] = []
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
                    self._publish_all(self._traffic.rest())
                    self._held.set()
                    continue
                now = time.monotonic()
                owed, begun = min(owed + (now - begun) * self._ids_per_s, self._ids_per_s), now
                self._publish_all(self._traffic.messages(int(owed)))
                owed -= int(owed)
            self._publish_all(self._traffic.rest())
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

    def _publish_all(self, messages: list[Message]) -> None:
        for n, message in zip(self.ledger.intend(messages), messages, strict=True):
            while not self._published(message):
                if self._chance.random() < GIVEN_UP:
                    break
            else:
                self.ledger.confirm(n)
                self._note(message)

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
