"""A publisher as a process of its own: `python -m bench.publisher URL N_IDS ROWS_A_MESSAGE durable|transient AT`.

One pika connection and channel. Durable: persistent messages with confirms, WINDOW of them on their way. Transient: no
confirms, as fast as RabbitMQ takes them. Messages go to y_true and y_pred in turn; the queues must exist. Prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import pika

from bench import made_up_rows
from streams.wire.rows import encode_packet

WINDOW = 2000
BURST = 100
MAX_BUFFERED_BYTES = 1 << 20
QUEUES = ("y_true", "y_pred")


class Publisher:
    """Publishes some messages over pika's callbacks, and notes when."""

    def __init__(self, url: str, messages: list[tuple[str, bytes]], *, durable: bool) -> None:
        self.began = self.ended = 0.0
        self._messages, self._n_sent = messages, 0
        self._on_their_way: dict[int, None] = {}
        self._durable = durable
        self._properties = pika.BasicProperties(delivery_mode=2 if durable else 1)
        self._channel: Any = None
        self._connection = pika.SelectConnection(pika.URLParameters(url), on_open_callback=self._on_open)

    def run(self) -> None:
        """Publish everything; durable messages are confirmed when it returns."""
        self._connection.ioloop.start()

    def _on_open(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        self.began = time.time()
        if self._durable:
            channel.confirm_delivery(ack_nack_callback=self._on_confirm, callback=lambda _: self._publish(WINDOW))
        else:
            self._push()

    def _on_confirm(self, frame: Any) -> None:
        tag, on_their_way = frame.method.delivery_tag, self._on_their_way
        if frame.method.multiple:
            for confirmed in list(takewhile(lambda one: one <= tag, on_their_way)):
                del on_their_way[confirmed]
        else:
            del on_their_way[tag]
        if len(on_their_way) <= WINDOW - BURST:
            self._publish(WINDOW - len(on_their_way))
        if not on_their_way:
            self._finish()

    def _push(self) -> None:
        """Publish while pika's buffer has room."""
        if self._connection._get_write_buffer_size() < MAX_BUFFERED_BYTES:
            self._publish(BURST)
        if self._n_sent < len(self._messages):
            self._connection.ioloop.add_callback(self._push)
        else:
            self._finish()

    def _publish(self, n: int) -> None:
        publish, properties = self._channel.basic_publish, self._properties
        for queue, body in self._messages[self._n_sent : self._n_sent + n]:
            publish("", queue, body, properties)
        sent_before, self._n_sent = self._n_sent, min(self._n_sent + n, len(self._messages))
        if self._durable:
            self._on_their_way.update(dict.fromkeys(range(sent_before + 1, self._n_sent + 1)))

    def _finish(self) -> None:
        self._connection.add_on_close_callback(self._on_closed)
        self._connection.close()

    def _on_closed(self, *_: Any) -> None:
        """Note the end: RabbitMQ answers after it has read everything that was sent before."""
        self.ended = time.time()
        self._connection.ioloop.stop()


def messages(n_ids: int, rows_a_message: int, at: int) -> Iterator[tuple[str, bytes]]:
    """Yield queue and body of each message."""
    given = made_up_rows.pairs(n_ids, at)
    for start in range(0, n_ids, rows_a_message):
        for queue, side in zip(QUEUES, given, strict=True):
            some = side[start : start + rows_a_message]
            yield queue, encode_packet(some if rows_a_message > 1 else some[0])


def main(url: str, n_ids: str, rows_a_message: str, kind: str, at: str) -> None:
    """Publish, and print when it began and ended, in epoch seconds, and the CPU seconds it took."""
    publisher = Publisher(url, list(messages(int(n_ids), int(rows_a_message), int(at))), durable=kind == "durable")
    before = time.process_time()
    publisher.run()
    cpu_s = time.process_time() - before
    print(json.dumps({"began": publisher.began, "ended": publisher.ended, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main(*sys.argv[1:])
