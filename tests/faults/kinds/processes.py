"""Our own processes die, are stopped, or stand still."""

from __future__ import annotations

import signal

from tests.faults.fault import PATIENT, fault
from tests.faults.limits import RESTARTS_S
from tests.faults.scene import Scene

SHORT_S, LONG_S = 4.0, 14.0
"""Shorter and longer than the group's session of 10 s."""


@fault(
    "the worker is killed (`kill -9`) and started again, three times",
    chosen=True,
    resumes_s=RESTARTS_S,
    because="a worker that is started again after `kill -9` works within that",
)
def kill_worker(scene: Scene) -> None:
    for _ in range(3):
        scene.published(scene.chance.randrange(20, 200))
        scene.note("kill -9 worker")
        scene.worker.kill()
        scene.pipeline.start_worker()
        scene.resume()


@fault("the bridge is killed (`kill -9`) and started again, three times", chosen=True)
def kill_bridge(scene: Scene) -> None:
    for _ in range(3):
        scene.published(scene.chance.randrange(20, 200))
        scene.note("kill -9 bridge")
        scene.bridge.kill()
        scene.pipeline.start_bridge()
        scene.resume()


@fault("bridge and worker are ended in order (SIGTERM) and started again", chosen=True)
def term_both(scene: Scene) -> None:
    for process, start in ((scene.worker, scene.pipeline.start_worker), (scene.bridge, scene.pipeline.start_bridge)):
        scene.published(scene.chance.randrange(20, 200))
        scene.note(f"SIGTERM {process.name}")
        code = process.stop()
        assert code == 0, f"the {process.name} ended with {code}"
        start()
        scene.resume()


@fault("the worker stands still (SIGSTOP) for less than its session", chosen=True)
def pause_worker(scene: Scene) -> None:
    pause(scene, "worker", SHORT_S)


@fault("the bridge stands still (SIGSTOP) for 4 s")
def pause_bridge(scene: Scene) -> None:
    pause(scene, "bridge", SHORT_S)


@fault("the only worker stands still for longer than its session")
def pause_worker_long(scene: Scene) -> None:
    pause(scene, "worker", LONG_S)


@fault("the bridge stands still for longer than RabbitMQ's heartbeat", settings=PATIENT)
def pause_bridge_long(scene: Scene) -> None:
    pause(scene, "bridge", 50.0)


def pause(scene: Scene, name: str, duration_s: float) -> None:
    process = scene.worker if name == "worker" else scene.bridge
    scene.published(scene.chance.randrange(20, 200))
    scene.note(f"SIGSTOP {name} for {duration_s:g} s")
    process.send(signal.SIGSTOP)
    scene.hold(duration_s)
    process.send(signal.SIGCONT)
    scene.note(f"SIGCONT {name}")
    scene.resume()
