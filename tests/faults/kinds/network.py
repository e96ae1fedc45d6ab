"""What networks do to the links between our processes and the brokers."""

from __future__ import annotations

from tests.faults.fault import fault
from tests.faults.link import Link
from tests.faults.scene import Scene

HOLE_S = 12.0
SLOW_BYTES_PER_S = 60_000.0


def links(scene: Scene) -> dict[str, Link]:
    return {"Kafka": scene.world.kafka_link, "RabbitMQ": scene.world.rabbitmq_link}


@fault("every TCP connection to both brokers is reset, five times", chosen=True)
def reset(scene: Scene) -> None:
    for _ in range(5):
        for broker, link in links(scene).items():
            scene.published(scene.chance.randrange(5, 60))
            scene.note(f"RST on all connections to {broker}")
            link.reset()
    scene.resume()
    scene.healthy()


@fault("the link to Kafka is a black hole for 12 s", chosen=True)
def black_hole_kafka(scene: Scene) -> None:
    black_hole(scene, "Kafka")


@fault("the link to RabbitMQ is a black hole for 12 s")
def black_hole_rabbitmq(scene: Scene) -> None:
    black_hole(scene, "RabbitMQ")


@fault("what we say to Kafka arrives, its answers do not, for 12 s")
def deaf_to_kafka(scene: Scene) -> None:
    black_hole(scene, "Kafka", "down")


@fault("what Kafka says arrives, what we say does not, for 12 s")
def mute_to_kafka(scene: Scene) -> None:
    black_hole(scene, "Kafka", "up")


@fault("what we say to RabbitMQ arrives, its answers do not, for 12 s")
def deaf_to_rabbitmq(scene: Scene) -> None:
    black_hole(scene, "RabbitMQ", "down")


@fault("what RabbitMQ says arrives, what we say does not, for 12 s")
def mute_to_rabbitmq(scene: Scene) -> None:
    black_hole(scene, "RabbitMQ", "up")


def black_hole(scene: Scene, broker: str, *directions: str) -> None:
    scene.published(scene.chance.randrange(20, 200))
    links(scene)[broker].block(*directions)
    scene.note(f"black hole to {broker} {' '.join(directions)}")
    scene.visible("bridge", broker.lower())
    if broker == "Kafka":
        scene.visible("worker", "kafka")
    scene.hold(HOLE_S)
    links(scene)[broker].heal()
    scene.note("it heals")
    scene.resume()
    scene.healthy()


@fault("a black hole to both brokers for 75 s", outlasts_window=True)
def black_hole_long(scene: Scene) -> None:
    scene.published(100)
    for broker, link in links(scene).items():  # Kafka first: without rows in hand the bridge would not miss it
        link.block()
        scene.note(f"black hole to {broker}")
        scene.visible("bridge", broker.lower())
    scene.visible("worker", "kafka")
    scene.hold(75 * scene.scale)
    for link in links(scene).values():
        link.heal()
    scene.note("it heals")
    scene.resume()
    scene.healthy()


@fault("both links carry 60 kB/s", chosen=True)
def slow(scene: Scene) -> None:
    for link in links(scene).values():
        link.bytes_per_s = SLOW_BYTES_PER_S
    scene.note("60 kB/s each way")
    scene.published(800)
    for link in links(scene).values():
        link.heal()
    scene.note("full speed")
    scene.resume()


@fault("both links deliver seven bytes at a time", chosen=True)
def sliced(scene: Scene) -> None:
    for link in links(scene).values():
        link.slice_bytes = 7
    scene.note("seven bytes at a time")
    scene.flow(300)
    for link in links(scene).values():
        link.heal()
    scene.note("whole again")
    scene.resume()
