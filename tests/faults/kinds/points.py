"""Our processes die exactly between two steps, or stand still there while another takes over."""

from __future__ import annotations

import signal
from typing import Any

from tests.faults.fault import fault
from tests.faults.limits import RESTARTS_S
from tests.faults.points import POINTS
from tests.faults.scene import Scene

TAKEOVER: dict[str, Any] = {
    "resumes_s": 30.0,
    "because": "the second worker's start (up to 15 s) is in it, and Kafka notices the sleeper beside it or after it",
}
WORKER_POINTS = [name for name, point in POINTS.items() if not point.module.startswith("bridge")]


@fault(
    "the worker dies at each of nine named points, between any two of its steps",
    chosen=True,
    resumes_s=RESTARTS_S,
    because="a worker that is started again after `kill -9` works within that",
)
def die_at_points(scene: Scene) -> None:
    assert scene.worker.stop() == 0
    for point in WORKER_POINTS:
        nth = scene.chance.randrange(5, 40)
        scene.note(f"a worker that dies {point} (passing {nth})")
        dying = scene.world.at_point("worker", point, nth, "SIGKILL")
        dying.launch()
        assert scene.ended(dying) == -signal.SIGKILL, dying.said
    scene.note("a worker that does not die")
    scene.pipeline.start_worker()
    scene.resume()


@fault("the bridge dies after Kafka's ack and before RabbitMQ's", chosen=True)
def die_between_acks(scene: Scene) -> None:
    assert scene.bridge.stop() == 0
    for _ in range(2):
        dying = scene.world.at_point(
            "bridge", "between Kafka's ack and RabbitMQ's", scene.chance.randrange(3, 60), "SIGKILL"
        )
        scene.note("a bridge that dies between the acks")
        dying.launch()
        assert scene.ended(dying) == -signal.SIGKILL, dying.said
    scene.note("a bridge that does not die")
    scene.pipeline.start_bridge()
    scene.resume()


def overtake(scene: Scene, point: str) -> None:
    """A worker stands still at a point; another takes its partitions over; then the first wakes up there."""
    assert scene.worker.stop() == 0
    nth = scene.chance.randrange(5, 60)
    sleeper = scene.world.at_point("worker", point, nth, "SIGSTOP")
    scene.note(f"a worker that stops {point} (passing {nth})")
    sleeper.launch()
    scene.stopped(sleeper)
    with scene.second_worker() as second:
        second.launch()
        scene.note("a second worker starts")
        scene.resume()
        scene.note("the first wakes up")
        sleeper.send(signal.SIGCONT)
        scene.flow(300)
        scene.note("is it fenced, and well again?")
        scene.until(
            lambda: sleeper.process.poll() is not None or scene.world.ask("worker").get("ready"),
            f"the sleeper is fenced; /readyz names {scene.world.wrong('worker')}",
        )
        sleeper.end()
        assert second.stop() == 0, second.said
    scene.note("the first worker is started again")
    scene.pipeline.start_worker()
    scene.resume()


@fault("a worker asleep with a decision in its hand is overtaken, then sends it", chosen=True, **TAKEOVER)
def overtaken_before_the_log(scene: Scene) -> None:
    overtake(scene, "before the decision is sent")


@fault("a worker asleep with verdicts in its hand is overtaken, then sends them", **TAKEOVER)
def overtaken_before_the_verdicts(scene: Scene) -> None:
    overtake(scene, "before the verdicts are sent")


@fault("a worker asleep with rows of the metric log in its hand is overtaken, then writes them", **TAKEOVER)
def overtaken_before_the_rows(scene: Scene) -> None:
    overtake(scene, "before the rows are written")
