"""Processes die under load: every id ends once, and the sums hold exactly."""

from __future__ import annotations

import json
from collections.abc import Callable

import duckdb
import pytest

from tests.e2e.conftest import MakePipeline
from tests.e2e.load import N_IDS, Load, check_all_written_once, check_sums
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until


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
    pipeline = make_pipeline(agents="metric,plot", parquet_every_s="0.5")
    pipeline.start()
    load = Load(pipeline, seed)
    load.start()
    for n in range(1, n_hits + 1):
        wait_until(lambda n=n: len(pipeline.metric_rows()) > n * N_IDS // 5, 60, "rows flow between the kills")  # type: ignore[misc]
        hit(pipeline)

    check_all_written_once(pipeline, load)
    check_sums(pipeline, load)
    check_parquet(pipeline, load)


def check_parquet(pipeline: Pipeline, load: Load) -> None:
    """The Parquet files have each verdict once, as DuckDB reads them."""
    query = "SELECT id, y_true, y_pred, error, verdict FROM read_parquet(?)"

    def found() -> list[tuple[str, float, float, float, str]]:
        return duckdb.execute(query, [f"{pipeline.logs}/verdicts/*.parquet"]).fetchall()

    wait_until(lambda: len(found()) >= len(load.expected), 30, "all verdicts are in Parquet files")
    assert sorted(found()) == sorted((i, *y, y[1] - y[0], "matched") for i, y in load.expected.items())
    listed = json.loads((pipeline.logs / "verdicts/_manifest.json").read_bytes())["files"]
    assert sum(file["n_rows"] for file in listed) == len(load.expected)


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
