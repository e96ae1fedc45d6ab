"""The worker's clock is wrong, or jumps. The rest of the world's is right."""

from __future__ import annotations

from pathlib import Path

from streams.process import atomic_file
from tests.e2e.pipeline import Process
from tests.faults.fault import fault
from tests.faults.scene import Scene
from tests.faults.traffic import Mix

WRONG_CLOCK = Path(__file__).parents[1] / "wrong_clock"

PAIRS = Mix(lone=0.0)
"""An id with one side waits by the clock that it came by: with a wrong one, an hour too long."""
LONG = {"dedupe_horizon_s": 7200}
"""The horizon counts from the time of a verdict, by the clock that it was given by: an hour of it goes with the hour."""


def with_clock(scene: Scene, name: str, offset: str) -> tuple[Process, Path]:
    """Return a worker, not started, whose wall clock is off; and the file that says by how much."""
    offset_file = scene.world.home / f"{name}.offset"
    set_offset(offset_file, offset)
    process = scene.pipeline.new_worker(name, PYTHONPATH=str(WRONG_CLOCK), TEST_CLOCK_OFFSET_FILE=str(offset_file))
    return process, offset_file


def set_offset(offset_file: Path, offset: str) -> None:
    """Set the clock; whoever looks meanwhile sees the former offset or this one."""
    atomic_file.replace(offset_file, offset.encode())


@fault("the worker's clock is an hour ahead, then right again", alone=True, settings=LONG, mix=PAIRS)
def clock_ahead(scene: Scene) -> None:
    wrong_clock(scene, "+3600")


@fault("the worker's clock is an hour behind, then right again", alone=True, settings=LONG, mix=PAIRS)
def clock_behind(scene: Scene) -> None:
    wrong_clock(scene, "-3600")


def wrong_clock(scene: Scene, offset: str) -> None:
    assert scene.worker.stop() == 0
    process, _ = with_clock(scene, f"worker{offset}", offset)
    scene.note(f"a worker whose clock is {offset} s")
    process.start("The table `pairs` is ready")
    scene.resume()
    scene.flow(400)
    assert process.stop() == 0
    scene.note("a worker whose clock is right")
    scene.pipeline.start_worker()
    scene.resume()


@fault("the worker's clock jumps an hour ahead, and back", alone=True, settings=LONG, mix=PAIRS)
def clock_jumps(scene: Scene) -> None:
    assert scene.worker.stop() == 0
    process, offset_file = with_clock(scene, "worker-jumping", "+0")
    process.start("The table `pairs` is ready")
    scene.flow()
    for offset in ("+3600", "+0", "-3600", "+0"):
        set_offset(offset_file, offset)
        scene.note(f"the clock is {offset} s")
        scene.flow(300)
    assert process.stop() == 0
    scene.pipeline.start_worker()
    scene.resume()
