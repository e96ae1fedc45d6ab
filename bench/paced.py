"""A publisher at a steady rate: `python -m bench.paced URL IDS_A_SECOND SECONDS`. Each id is the time of its publishing.

One pika connection; y_true and y_pred of an id go out together, as persistent messages to durable queues that exist.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import pika

TICK_S = 0.001
MOST_AT_ONCE = 50
"""What is handed to pika before it may write: an id must not wait long between its time and the socket."""


class Paced:
    """Publishes what is due, every tick."""

    def __init__(self, url: str, rate: float, seconds: float) -> None:
        self._rate, self._seconds = rate, seconds
        self._n_sent, self._last, self._began = 0, 0.0, 0.0
        self._properties = pika.BasicProperties(delivery_mode=2)
        self._channel: Any = None
        self._connection = pika.SelectConnection(pika.URLParameters(url), on_open_callback=self._on_open)

    def run(self) -> None:
        """Publish for as long as was asked, and print how many ids that was."""
        self._connection.ioloop.start()
        print(self._n_sent)

    def _on_open(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel, self._began = channel, time.time()
        self._tick()

    def _tick(self) -> None:
        since = time.time() - self._began
        n_due = int(since * self._rate) - self._n_sent
        for _ in range(min(n_due, MOST_AT_ONCE)):
            self._publish()
        if since < self._seconds:
            self._connection.ioloop.call_later(TICK_S if n_due <= MOST_AT_ONCE else 0.0, self._tick)
        else:
            self._connection.add_on_close_callback(lambda *_: self._connection.ioloop.stop())
            self._connection.close()

    def _publish(self) -> None:
        self._last = max(time.time(), self._last + 1e-6)  # ids must differ
        for kind in ("y_true", "y_pred"):
            body = f'{{"id":"{self._last:.6f}","ts":{self._last:.6f},"{kind}":{150 + self._n_sent % 50}.5}}'
            self._channel.basic_publish("", kind, body.encode(), self._properties)
        self._n_sent += 1


if __name__ == "__main__":
    Paced(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])).run()
