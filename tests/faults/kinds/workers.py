"""Workers come and go, and Kafka moves partitions between them."""

from __future__ import annotations

import signal

from tests.faults.fault import fault
from tests.faults.kinds.points import TAKEOVER
from tests.faults.scene import Scene


@fault("a second worker joins, and leaves in order", chosen=True)
def second_joins_and_leaves(scene: Scene) -> None:
    with scene.second_worker() as second:
        scene.note("a second worker starts")
        second.start("The table `pairs` is ready")
        scene.resume()
        scene.note("the second worker ends (SIGTERM)")
        assert second.stop() == 0, second.said
        scene.resume()


@fault("a second worker joins, and is killed")
def second_joins_and_dies(scene: Scene) -> None:
    with scene.second_worker() as second:
        scene.note("a second worker starts")
        second.start("The table `pairs` is ready")
        scene.flow()
        scene.note("kill -9 second worker")
        second.kill()
        scene.resume()


@fault("a worker stands still until another has its partitions, then wakes up", **TAKEOVER)
def overtaken(scene: Scene) -> None:
    with scene.second_worker() as second:
        scene.published(scene.chance.randrange(20, 200))
        with scene.log_at_rest():
            scene.worker.send(signal.SIGSTOP)
            scene.stopped(scene.worker)
        scene.note("SIGSTOP worker; a second worker starts")
        second.launch()
        scene.resume()
        scene.worker.send(signal.SIGCONT)
        scene.note("SIGCONT worker")
        scene.resume()
        scene.flow(200)
        scene.note("the second worker ends (SIGTERM)")
        assert second.stop() == 0, second.said
        scene.resume()
