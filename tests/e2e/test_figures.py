"""The figures of a world whose truth is known, through real brokers; and all places that show them say the same."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import MINUTE, WINDOW_S, true_coverage, true_scores
from tests.waiting import wait_until

RHO = 0.7
COUNTED_S = 120.0
A_MESSAGE = 500


class Row(NamedTuple):
    """A row of a queue, and when it happens."""

    ts: float
    queue: str
    body: dict[str, Any]


def rows_of(world: label_worlds.World, start: float, rng: np.random.Generator) -> list[Row]:
    """Return the predictions and labels of a world in the order in which they happen."""
    rows = []
    truths, signs = 10 + 3 * rng.standard_normal(len(world.made)), rng.choice((-1, 1), len(world.made))
    columns = (world.made.tolist(), world.delay.tolist(), truths.tolist(), (truths + signs * world.size).tolist())
    for i, (made, delay, y_true, y_pred) in enumerate(zip(*columns, strict=True)):
        ts = start + made
        rows.append(Row(ts, "y_pred", {"id": f"n-{i}", "ts": ts, "y_pred": y_pred, "model": "ridge"}))
        if np.isfinite(delay):
            rows.append(Row(ts + delay, "y_true", {"id": f"n-{i}", "ts": ts + delay, "y_true": y_true}))
    return sorted(rows, key=lambda row: row.ts)


def publish(pipeline: Pipeline, rows: list[Row]) -> None:
    """Publish rows in their order, a message for each queue and five hundred rows."""
    for i in range(0, len(rows), A_MESSAGE):
        part = sorted(rows[i : i + A_MESSAGE], key=lambda row: row.queue, reverse=True)
        for queue, group in groupby(part, key=lambda row: row.queue):
            pipeline.publish(queue, [[row.body for row in group]])


def scores(pipeline: Pipeline, query: str = "last=all") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pipeline.page(f"/api/scores?{query}") or "{}")
    return found


def wait_for(pipeline: Pipeline, rows: list[Row]) -> dict[str, Any]:
    """Wait until all rows are counted; return the figures."""
    wanted = (sum(row.queue == "y_pred" for row in rows), sum(row.queue == "y_true" for row in rows), True)

    def counted() -> tuple[Any, ...]:
        found = scores(pipeline)
        return found.get("n_predictions"), found.get("n_labelled"), found.get("complete")

    wait_until(lambda: counted() == wanted, COUNTED_S, f"{wanted} are counted, not {counted()}")
    return scores(pipeline)


def until(rows: list[Row], minute: float, start: float) -> list[Row]:
    return [row for row in rows if row.ts <= start + minute * MINUTE]


def test_a_world_is_told_right_at_minute_ten_and_after_two_windows_and_everybody_says_the_same(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(agents="metric,plot", clock="event", join_window_s=WINDOW_S, plot_every_s=1)
    pipeline.start()
    rng, start = np.random.default_rng(14), (time.time() - 4 * 3600) // 3600 * 3600
    dense, thin = label_worlds.steady(rng, 10, 20, RHO), label_worlds.steady(rng, 111, 6, RHO)
    world = label_worlds.World(
        np.concatenate((dense.made, 10 * MINUTE + thin.made)),
        *(np.concatenate(pair) for pair in zip(dense[1:], thin[1:], strict=True)),
    )
    rows = rows_of(world, start, rng)

    young = until(rows, 10.2, start)
    publish(pipeline, young)
    found = wait_for(pipeline, young)
    assert found["horizon_s"] == pytest.approx(9 * MINUTE, abs=10)
    assert found["expected"]["mae"] == pytest.approx(0.641, abs=0.03)
    assert found["coverage"]["final"] == pytest.approx(true_coverage(found["horizon_s"]), abs=0.02)
    assert found["coverage"]["so_far"] < found["coverage"]["final"]

    known = until(rows, 120.2, start)
    publish(pipeline, known[len(young) :])
    found = wait_for(pipeline, known)
    assert found["horizon_s"] == WINDOW_S
    truth = true_scores(WINDOW_S, RHO)["mae"]
    assert found["expected"]["mae"] == pytest.approx(truth, rel=0.02)
    assert found["so_far"]["mae"] < found["expected"]["mae_low"] < truth < found["expected"]["mae_high"]
    assert found["coverage"]["final"] == pytest.approx(true_coverage(WINDOW_S), abs=0.02)
    assert found["complete"]
    assert sum(part["n_predictions"] for part in found["slices"]) == found["n_predictions"]

    assert_everybody_says(pipeline, found["so_far"])


def assert_everybody_says(pipeline: Pipeline, so_far: dict[str, Any]) -> None:
    """Hold the CSV file, its count, /metrics, `status`, the picture, the page and another worker against the API."""
    n, mae = so_far["n"], pytest.approx(so_far["mae"], rel=1e-9)
    errors = [float(row["absolute_error"]) for row in pipeline.metric_rows()]
    assert (len(errors), np.mean(errors)) == (n, mae)
    status = json.loads(pipeline.run_command("status", "--json").stdout)
    assert status["log"]["n_matched"] == n
    assert (status["figures"]["so_far"]["n"], status["figures"]["so_far"]["mae"]) == (n, mae)
    samples = dict(re.findall(r"^(hindsight_\w+)\{model=\"ridge\"\} (\S+)$", pipeline.page("/metrics"), re.MULTILINE))
    labels = float(samples["hindsight_labels_total"])
    assert (labels, float(samples["hindsight_absolute_error_total"]) / labels) == (n, mae)
    said = f"MAE {so_far['mae']:.4g}"
    wait_until(lambda: f"{n:,}" in _described(pipeline), 30, f"{n} pairs are drawn: {_described(pipeline)}")
    assert said in _described(pipeline)
    assert f"{so_far['mae']:.4g}" in pipeline.html("/?last=all")
    assert said in pipeline.run_command("status").stdout
    assert _of_another_worker(pipeline)["so_far"] == so_far


def _described(pipeline: Pipeline) -> str:
    """Return the scores that the picture holds as text."""
    with Image.open(pipeline.logs / "error_distribution.png") as image:
        return str(image.info["Description"])


def _of_another_worker(pipeline: Pipeline) -> dict[str, Any]:
    """Return what a worker says that joins only: it asks the one that counts."""
    port = str(int(pipeline.environ["HINDSIGHT_WEB_PORT"]) + 1)
    other = pipeline.new_worker("joins only", HINDSIGHT_AGENTS="metric", HINDSIGHT_WEB_PORT=port)
    other.start("The table `pairs` is ready")
    url = f"http://127.0.0.1:{port}/api/scores?last=all"
    wait_until(lambda: "so_far" in _fetched(url), 30, f"another worker answers: {_fetched(url)}")
    return _fetched(url)


def _fetched(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
    except OSError:
        return {}
    return found
