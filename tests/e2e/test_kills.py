"""Processes die under load: every id ends once, and the sums hold exactly."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

N_IDS = 12_000
RATE = 1500.0
ALL_WRITTEN_S = 60.0


class Load(threading.Thread):
    """Publishes N_IDS truths and predictions, each id's two sides in random order, a tenth of the ids twice."""

    def __init__(self, pipeline: Pipeline, seed: int):
        super().__init__(daemon=True)
        self.pipeline = pipeline
        self.expected = {f"{seed}-{i}": (float(i), i + 0.5) for i in range(N_IDS)}
        self._chance = random.Random(seed)

    def run(self) -> None:
        sides = [("y_true", 0), ("y_pred", 1)]
        rows = [(queue, i, y[side]) for i, y in self.expected.items() for queue, side in sides]
        rows += self._chance.sample(rows, N_IDS // 10)
        self.n_rows = len(rows)
        rows.sort(key=lambda row: int(row[1].split("-")[1]) + self._chance.uniform(0, 500))
        batches = [rows[start : start + 50] for start in range(0, len(rows), 50)]
        begun = time.monotonic()
        for n, batch in enumerate(batches):
            for queue in ("y_true", "y_pred"):
                self.pipeline.publish(queue, [{"id": i, "body": y} for name, i, y in batch if name == queue])
            time.sleep(max(0.0, begun + n * 50 / RATE - time.monotonic()))


def check_all_written_once(pipeline: Pipeline, load: Load) -> None:
    load.join()
    wait_until(
        lambda: len(pipeline.metric_rows()) >= N_IDS,
        ALL_WRITTEN_S,
        f"{N_IDS} rows in the log; there are {len(pipeline.metric_rows())}. Worker:\n{pipeline.worker.said[-3000:]}",
    )
    rows = pipeline.metric_rows()
    assert len(rows) == N_IDS, "an id stands twice in the log"
    assert {row["id"]: (float(row["y_true"]), float(row["y_pred"])) for row in rows} == load.expected
    assert pipeline.unmatched_rows() == []


def check_sums(pipeline: Pipeline, load: Load) -> None:
    """A redelivered message may be counted as one duplicate more, and nothing else may differ."""
    wait_until(lambda: pipeline.status().get("rows_in", 0) >= load.n_rows, 20, "all rows are counted")
    status = pipeline.status()
    ended = 2 * status["matched"] + status["unmatched"] + status["duplicates"] + status["conflicts"] + status["late"]
    assert status["rows_in"] == ended + status["waiting"]
    assert (status["matched"], status["unmatched"], status["conflicts"], status["late"], status["waiting"]) == (
        N_IDS, 0, 0, 0, 0,
    )  # fmt: skip
    assert status["quarantined"] == 0


def kill_worker(pipeline: Pipeline) -> None:
    pipeline.worker.kill()
    pipeline.start_worker()


def kill_bridge(pipeline: Pipeline) -> None:
    pipeline.bridge.kill()
    pipeline.start_bridge()


@pytest.mark.parametrize(
    ("seed", "hit", "n_hits"),
    [
        pytest.param(1, kill_worker, 3, id="the worker, three times"),
        pytest.param(2, kill_bridge, 3, id="the bridge, three times"),
    ],
)
def test_kill_9_under_load_loses_nothing_and_repeats_nothing(
    make_pipeline: MakePipeline, seed: int, hit: Callable[[Pipeline], None], n_hits: int
) -> None:
    pipeline = make_pipeline(agents="metric,plot")
    pipeline.start()
    load = Load(pipeline, seed)
    load.start()
    for n in range(1, n_hits + 1):
        wait_until(lambda n=n: len(pipeline.metric_rows()) > n * N_IDS // 5, 60, "rows flow between the kills")  # type: ignore[misc]
        hit(pipeline)

    check_all_written_once(pipeline, load)
    check_sums(pipeline, load)


def test_a_second_worker_comes_and_is_killed_and_every_id_ends_once(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot")
    pipeline.start()
    load = Load(pipeline, 3)
    load.start()
    wait_until(lambda: len(pipeline.metric_rows()) > N_IDS // 6, 60, "rows flow before the second worker comes")
    second = pipeline.new_worker("second", HINDSIGHT_WEB_PORT=str(int(pipeline.environ["HINDSIGHT_WEB_PORT"]) + 1))
    second.start("The table `pairs` is ready")
    wait_until(lambda: len(pipeline.metric_rows()) > N_IDS // 2, 60, "rows flow with two workers")
    second.kill()

    check_all_written_once(pipeline, load)
    assert pipeline.worker.stop() == 0
