"""What a RabbitMQ that runs does to its clients."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
from contextlib import suppress
from pathlib import Path
from typing import Any

import pika

from tests.faults.fault import fault
from tests.faults.scene import Scene
from tests.waiting import wait_until


@fault("RabbitMQ raises its memory alarm for 5 s", chosen=True)
def memory_alarm(scene: Scene) -> None:
    alarm(scene, "set_vm_memory_high_watermark", "0.00001", "0.4")


@fault("RabbitMQ raises its disk alarm for 5 s")
def disk_alarm(scene: Scene) -> None:
    alarm(scene, "set_disk_free_limit", "900000GB", "50MB")


def alarm(scene: Scene, setting: str, bad: str, good: str) -> None:
    scene.published(scene.chance.randrange(20, 100))
    control(scene, setting, bad)
    scene.note(f"{setting} {bad}")
    try:
        scene.hold(5.0)
    finally:
        control(scene, setting, good)
    scene.note(f"{setting} {good}")
    scene.resume()
    scene.healthy()


def control(scene: Scene, *arguments: str) -> None:
    """Call rabbitmqctl for the broker of the tests, by the environment that it runs in."""
    server = scene.brokers.rabbitmq_server
    raw = Path(f"/proc/{server.pid}/environ").read_bytes()
    environ = dict(pair.split("=", 1) for pair in raw.decode().split("\0") if "=" in pair)
    done = subprocess.run(
        ["/usr/lib/rabbitmq/bin/rabbitmqctl", *arguments], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


@fault("every connection is closed by RabbitMQ's operator, three times", chosen=True)
def connections_closed(scene: Scene) -> None:
    for _ in range(3):
        scene.published(scene.chance.randrange(200, 400))
        names = wait_until(lambda: connections(scene), 30, "RabbitMQ lists our connections")
        scene.note(f"{len(names)} connections are closed")
        for name in names:
            with suppress(urllib.error.HTTPError):  # 404: it is gone by itself
                scene.brokers.management("DELETE", f"connections/{urllib.parse.quote(name['name'])}")
    scene.resume()
    scene.healthy()


@fault("both queues are deleted when they are empty, and are there again", chosen=True)
def queues_deleted(scene: Scene) -> None:
    """Deleting a queue loses its messages by RabbitMQ's own rules, so only an empty, acknowledged one is deleted."""
    scene.load.pause()
    with pika.BlockingConnection(pika.URLParameters(scene.world.amqp_url)) as connection:
        channel = connection.channel()
        for queue in ("y_true", "y_pred"):
            scene.until(lambda queue=queue: n_in(scene, channel, queue) == 0, f"{queue} is empty")  # type: ignore[misc]
            channel.queue_delete(queue)
            scene.note(f"the queue {queue} is deleted")
            channel.queue_declare(queue, durable=True)
    scene.load.go_on()
    scene.note("both are declared again")
    scene.resume()
    scene.healthy()


def n_in(scene: Scene, channel: Any, queue: str) -> float:
    """Return how many messages of a queue are with nobody, or with the bridge."""
    n_ready: int = channel.queue_declare(queue, passive=True).method.message_count
    return n_ready + scene.world.metric("bridge", "hindsight_bridge_unacked_messages")


def connections(scene: Scene) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(scene.brokers.management("GET", f"vhosts/{scene.world.vhost}/connections"))
    return found
