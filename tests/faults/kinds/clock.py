"""The worker's clock is wrong, or jumps. The rest of the world's is right."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.pipeline import Process
from tests.faults.fault import fault
from tests.faults.scene import Scene
from tests.faults.traffic import Mix

LIBRARIES, FAKETIME = Path("/usr/lib"), "*/faketime/libfaketimeMT.so.1"

PAIRS = Mix(lone=0.0)
"""An id with one side waits by the clock that it came by: with a wrong one, an hour too long."""
LONG = {"dedupe_horizon_s": 7200}
"""The horizon counts from the time of a verdict, by the clock that it was given by: an hour of it goes with the hour."""


def with_clock(scene: Scene, name: str, offset: str) -> tuple[Process, Path]:
    """Return a worker, not started, whose wall clock is off; and the file that says by how much."""
    library = next(LIBRARIES.glob(FAKETIME), None)
    if library is None:
        raise FileNotFoundError(
            "libfaketime is not installed: `python -m dev.packages faults` does it, as `make faults` does"
        )
    rc = scene.world.home / f"{name}.faketime"
    rc.write_text(offset + "\n")
    process = scene.pipeline.new_worker(
        name,
        LD_PRELOAD=str(library),
        FAKETIME_TIMESTAMP_FILE=str(rc),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    return process, rc


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
    process, rc = with_clock(scene, "worker-jumping", "+0")
    process.start("The table `pairs` is ready")
    scene.flow()
    for offset in ("+3600", "+0", "-3600", "+0"):
        rc.write_text(offset + "\n")
        scene.note(f"the clock is {offset} s")
        scene.flow(300)
    assert process.stop() == 0
    scene.pipeline.start_worker()
    scene.resume()
