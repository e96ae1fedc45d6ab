"""A publisher at a steady rate: `python -m bench.paced URL RATE SECONDS`. Each id is the time at which it was published.

One pika connection; y_true and y_pred of an id go out together, as persistent messages to durable queues that exist.
"""

from __future__ import annotations

import sys
import time

import pika

TICK_S = 0.002


def main(url: str, rate: float, seconds: float) -> None:
    """Publish `rate` ids a second."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    persistent = pika.BasicProperties(delivery_mode=2)
    began, n_sent, last = time.time(), 0, 0.0
    while (now := time.time()) < began + seconds:
        while n_sent < (now - began) * rate:
            last = max(time.time(), last + 1e-6)  # ids must differ
            for kind in ("y_true", "y_pred"):
                body = f'{{"id":"{last:.6f}","ts":{last:.6f},"{kind}":{150 + n_sent % 50}.5}}'
                channel.basic_publish("", kind, body.encode(), persistent)
            n_sent += 1
        time.sleep(TICK_S)
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
