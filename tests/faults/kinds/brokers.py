"""The brokers die, are ended in order, or stand still."""

from __future__ import annotations

from tests.brokers import Server
from tests.faults.fault import PATIENT, fault
from tests.faults.scene import Scene

SHORT_S, LONG_S = 4.0, 16.0


@fault("Kafka is killed (`kill -9`) and started again", chosen=True)
def kill_kafka(scene: Scene) -> None:
    down(scene, scene.brokers.kafka_server, 0.0, kill=True)


@fault("RabbitMQ is killed (`kill -9`) and started again", chosen=True)
def kill_rabbitmq(scene: Scene) -> None:
    down(scene, scene.brokers.rabbitmq_server, 0.0, kill=True)


@fault("Kafka is ended in order (SIGTERM), and away for 5 s")
def stop_kafka(scene: Scene) -> None:
    down(scene, scene.brokers.kafka_server, 5.0)


@fault("RabbitMQ is ended in order (SIGTERM), and away for 5 s")
def stop_rabbitmq(scene: Scene) -> None:
    down(scene, scene.brokers.rabbitmq_server, 5.0)


@fault("Kafka is away for 60 s; the bridge's memory stays flat", outlasts_window=True)
def kafka_away_60(scene: Scene) -> None:
    flat(scene, 60.0 * scene.scale)


@fault("Kafka is away for 300 s; the bridge's memory stays flat", outlasts_window=True)
def kafka_away_300(scene: Scene) -> None:
    flat(scene, 300.0 * scene.scale)


@fault("Kafka stands still (SIGSTOP) for less than the session")
def pause_kafka(scene: Scene) -> None:
    pause(scene, scene.brokers.kafka_server, SHORT_S)


@fault("Kafka stands still (SIGSTOP) for longer than the session", chosen=True)
def pause_kafka_long(scene: Scene) -> None:
    pause(scene, scene.brokers.kafka_server, LONG_S)


@fault("RabbitMQ stands still (SIGSTOP) for 4 s")
def pause_rabbitmq(scene: Scene) -> None:
    pause(scene, scene.brokers.rabbitmq_server, SHORT_S)


@fault("RabbitMQ stands still (SIGSTOP) for longer than a heartbeat", settings=PATIENT)
def pause_rabbitmq_long(scene: Scene) -> None:
    pause(scene, scene.brokers.rabbitmq_server, 45.0)


def seen(scene: Scene, server: Server) -> None:
    """Wait until those who speak to a broker show that it is away."""
    for program in ("bridge", "worker") if server.name == "kafka" else ("bridge",):
        scene.visible(program, server.name)


def down(scene: Scene, server: Server, away_s: float, *, kill: bool = False) -> None:
    scene.published(scene.chance.randrange(20, 200))
    scene.note(f"{'kill -9' if kill else 'SIGTERM'} {server.name}")
    if kill:
        server.kill()
    else:
        server.stop()
        scene.note(f"{server.name} has ended")
    try:
        seen(scene, server)
        scene.hold(away_s)
    finally:
        server.start()
    scene.note(f"{server.name} is ready again")
    scene.resume()
    scene.healthy()


def pause(scene: Scene, server: Server, duration_s: float) -> None:
    scene.published(scene.chance.randrange(20, 200))
    scene.note(f"SIGSTOP {server.name} for {duration_s:g} s")
    server.pause()
    try:
        if duration_s > SHORT_S:
            seen(scene, server)
        scene.hold(duration_s)
    finally:
        server.resume()
    scene.note(f"SIGCONT {server.name}")
    scene.resume()
    scene.healthy()


def flat(scene: Scene, away_s: float) -> None:
    """Kafka is away; what the bridge holds in memory does not grow with what waits in RabbitMQ."""
    scene.note(f"SIGTERM kafka for {away_s:g} s")
    scene.brokers.kafka_server.stop()
    scene.note("kafka has ended")
    try:
        seen(scene, scene.brokers.kafka_server)
        scene.hold(min(10.0, away_s / 2))
        before = scene.rss_mb(scene.bridge)
        scene.hold(away_s)
        after = scene.rss_mb(scene.bridge)
    finally:
        scene.brokers.kafka_server.start()
    scene.note(f"kafka is ready again; the bridge held {before:.0f} MB, then {after:.0f} MB")
    assert after < before + 15, f"the bridge grew from {before:.0f} to {after:.0f} MB while Kafka was away"
    scene.resume()
    scene.healthy()
