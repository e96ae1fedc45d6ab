"""The bridge as callbacks: aio-pika gives each message to a task, which awaits aiokafka's confirmation and acknowledges it.

`URL KAFKA N QUEUE TOPIC`. One row a message, its id as the key. As many tasks as the prefetch lets come.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aiokafka import AIOKafkaProducer

from bench.peers.drained import PREFETCH, Clock

LINGER_MS = 5


async def main(url: str, kafka: str, n_messages: int, queue: str, topic: str) -> None:
    """Drain, and print what it took."""
    clock, done, n_done = Clock(n_messages), asyncio.Event(), 0
    async with (
        AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, linger_ms=LINGER_MS) as producer,
        await aio_pika.connect(url) as connection,
    ):

        async def on_message(message: AbstractIncomingMessage) -> None:
            nonlocal n_done
            await producer.send_and_wait(topic, message.body, json.loads(message.body)["id"].encode())
            await message.ack()
            n_done += 1
            if clock.tick(n_done):
                done.set()

        channel = await connection.channel()
        await channel.set_qos(PREFETCH)
        await (await channel.get_queue(queue)).consume(on_message)
        await done.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:6]))
