"""Too much of something."""

from __future__ import annotations

import json

from tests.faults.fault import fault
from tests.faults.scene import Scene
from tests.faults.traffic import Mix


@fault("one row in a hundred cannot be read, at 1,000 rows/s", alone=True, ids_per_s=500.0, mix=Mix(unreadable=0.01))
def unreadable(scene: Scene) -> None:
    scene.note("1% of 1,000 rows/s is nonsense")
    scene.published(int(10_000 * scene.scale))
    scene.note("they are published")
    scene.resume()


@fault("ids whose other side never comes: a million of them", alone=True)
def lone_ids(scene: Scene) -> None:
    """They are in no ledger, so they are counted: every one ends as unmatched_true."""
    n = int(1_000_000 * scene.scale)
    scene.known_extra("flood-")
    scene.note(f"{n} truths without predictions")
    for start in range(0, n, 50_000):
        rows = range(start, min(n, start + 50_000))
        scene.pipeline.publish("y_true", (flood(rows[i : i + 500]) for i in range(0, len(rows), 500)))
    scene.note("they are published")
    scene.resume()
    scene.note(f"the worker holds {scene.rss_mb(scene.worker):.0f} MB")
    assert scene.rss_mb(scene.worker) < 1200


@fault(
    "more ids wait than may: the oldest end early, the rest is joined as ever",
    chosen=True,
    settings={"max_waiting_ids": 8000, "join_window_s": 15, "max_out_of_orderness_s": 2},
)
def too_many_waiting(scene: Scene) -> None:
    n, most = 40_000, 8000
    scene.settle_inputs()
    scene.known_extra("flood-")
    scene.pipeline.publish("y_true", (flood(range(i, i + 500)) for i in range(0, n, 500)))
    scene.note(f"{n} truths without predictions, where {most} may wait")
    scene.until(
        lambda: scene.world.metric("worker", "hindsight_evicted_ids_total") >= n - most - 2000, "the oldest end"
    )
    assert scene.world.metric("worker", "hindsight_waiting_ids") <= most
    assert "HINDSIGHT_MAX_WAITING_IDS" in scene.worker.said
    scene.load.go_on()
    scene.note("the load goes on")
    scene.resume()


def flood(rows: range) -> bytes:
    return json.dumps([{"id": f"flood-{i}", "y_true": 1.0} for i in rows]).encode()
