"""Two models' predictions of the same ids, through real brokers and a kill: which is better, says the API and the command."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

N_IDS, SPAN_S = 1200, 300.0
A_MESSAGE = 60
COUNTED_S = 90.0
TAGS = [{"country": "DE"}, {"country": "FR"}, {}]


def bodies(rng: random.Random) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return what is published: of an id, the truth and both predictions come in any order, often far apart.

    The challenger errs less; it does not answer for every hundredth id.
    """
    start, rows = time.time() - SPAN_S - 5, []
    for i in range(N_IDS):
        ts, truth = start + SPAN_S * i / N_IDS, rng.gauss(100, 10)
        made = [("y_true", {"id": f"c-{i}", "ts": ts + 1, "y_true": truth})]
        for model, error in (("champion", 4), ("challenger", 3)):
            if i % 100 or model == "champion":
                y = truth + error + rng.gauss(0, 1)
                row = {"id": f"c-{i}", "ts": ts, "y_pred": y, "model": model}
                made.append(("y_pred", row | {"tags": TAGS[i % len(TAGS)]}))
        rows += [(i + rng.choice([0, 0, 2 * A_MESSAGE]), *row) for row in made]
    rows.sort(key=lambda row: row[0])
    parts = [rows[at : at + A_MESSAGE] for at in range(0, len(rows), A_MESSAGE)]
    return [
        (queue, [row for _, name, row in part if name == queue]) for part in parts for queue in ("y_true", "y_pred")
    ]


def compared(pipeline: Pipeline) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(pipeline.page("/api/compare") or "{}")
    return answer


def test_the_challenger_is_better_whatever_came_first_and_whoever_died(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(
        agents="metric,plot",
        models="champion,challenger",
        segments="country",
        clock="event",
        join_window_s=20,
        slice_s=2,
    )
    pipeline.start()
    sent = bodies(random.Random(1))
    half = len(sent) // 2
    for part, wait_for in ((sent[:half], N_IDS // 3), (sent[half:], 0)):
        for queue, rows in part:
            pipeline.publish(queue, [rows])
        if wait_for:
            wait_until(lambda: len(pipeline.metric_rows()) > wait_for, COUNTED_S, "the first half is joined")  # noqa: B023
            pipeline.worker.kill()
            pipeline.start_worker()
    n_pairs = N_IDS - N_IDS // 100

    def all_counted() -> bool:
        found = compared(pipeline)
        return bool(found) and found["n_pairs"] + found["n_immature"] == n_pairs

    wait_until(all_counted, COUNTED_S, f"{n_pairs} pairs are counted, not {compared(pipeline)}")
    found = compared(pipeline)
    assert found["verdict"] == "better"
    assert found["models"] == ["challenger", "champion"]
    assert found["losses"][0]["low"] < 1 < found["losses"][0]["high"] + 0.2
    assert found["n_only_first"] == found["n_predictions_first"] - found["n_pairs"] > 0

    by = found["by_segment"]
    counted = {one["value"]: one["n_pairs"] for one in by["segments"]}
    assert counted.keys() == {"DE", "FR", ""}
    assert by["total"]["n_pairs"] == sum(counted.values()) <= found["n_pairs"]
    with closing(sqlite3.connect(pipeline.logs / "insight.db")) as file:
        pairs = dict(file.execute("SELECT segment, sum(n) FROM pairs GROUP BY segment"))
        sums = "total(absolute_of_model) FILTER (WHERE segment {} '') FROM pairs"
        whole, of_segments = (file.execute(f"SELECT {sums.format(sign)}").fetchone()[0] for sign in ("=", "<>"))
    each = [sum(1 for i in range(N_IDS) if i % 3 == at and i % 100) for at in range(3)]
    assert pairs == {"country:DE": each[0], "country:FR": each[1], "country:": each[2], "": n_pairs}
    assert of_segments == pytest.approx(whole)

    better = pipeline.run_command("compare", "champion", "challenger", "--by", "country")
    assert (better.returncode, better.stdout.partition(":")[0]) == (0, "Better"), better.stderr
    assert f"ids that one of them lacks: {found['n_only_first']}." in better.stdout
    assert by["sentence"] in better.stdout
    assert pipeline.run_command("compare", "challenger", "champion").returncode == 1
    assert pipeline.run_command("compare", "champion", "nobody").returncode == 2
