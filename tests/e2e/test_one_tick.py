"""Two models and tags, a worker that is killed again and again: the Parquet files, the API and the pages say the same."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from typing import Any

import duckdb
import pytest

from streams.scores.numbers import number
from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

N_KILLS, A_PART = 6, 200
EFFECT_S = 120.0
COUNTRIES = ("DE", "FR", "")
Sums = dict[tuple[str, str], tuple[int, float]]
"""Labels and their absolute errors, by model and country."""
BY_SEGMENT = """
SELECT model, coalesce(tags->>'country', '') AS country, count(*), sum(abs(error))
FROM read_parquet(?) WHERE verdict = 'matched' GROUP BY ALL
"""
PAIRED = """
SELECT coalesce(a.tags->>'country', '') AS country, count(*), sum(abs(a.error)), sum(abs(b.error))
FROM read_parquet($1) a JOIN read_parquet($1) b USING (id)
WHERE a.model = 'champion' AND b.model = 'challenger' AND a.verdict = 'matched' AND b.verdict = 'matched'
    AND a.ts_pred < $2
GROUP BY ALL
"""


def part(rng: random.Random, n: int, start: float, expected: dict[tuple[str, str], list[float]]) -> list[Any]:
    """Return what is published of one part, and add what is to be found of it."""
    made = []
    for i in range(n * A_PART, (n + 1) * A_PART):
        ts, truth, country = start + i / 10, rng.gauss(100, 10), rng.choice(COUNTRIES)
        tags = {"country": country} if country else {}
        made.append(("y_true", {"id": f"t-{i}", "ts": ts + 1, "y_true": truth}))
        for model, spread in (("champion", 4), ("challenger", 3)):
            if model == "champion" or i % 10:
                y = truth + rng.gauss(0, spread)
                made.append(("y_pred", {"id": f"t-{i}", "ts": ts, "y_pred": y, "model": model, "tags": tags}))
                expected[model, country].append(abs(y - truth))
    rng.shuffle(made)
    return made


def of_parquet(pipeline: Pipeline) -> Sums:
    if not list(pipeline.logs.glob("verdicts/*.parquet")):
        return {}
    found = duckdb.execute(BY_SEGMENT, [f"{pipeline.logs}/verdicts/*.parquet"]).fetchall()
    return {(model, country): (n, loss) for model, country, n, loss in found}


def of_api(pipeline: Pipeline) -> Sums:
    found = {}
    for model in ("champion", "challenger"):
        answer = json.loads(pipeline.page(f"/api/segments?last=all&key=country&model={model}") or "{}")
        for one in answer.get("segments", ()):
            found[model, one["value"]] = (one["n_labelled"], one["n_labelled"] * (one["mae"] or 0.0))
    return found


@pytest.mark.timeout(900)
def test_files_api_and_pages_agree_after_kills_at_any_moment(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(
        agents="metric,plot",
        models="champion,challenger",
        segments="country",
        clock="event",
        join_window_s=20,
        slice_s=1,
        parquet_every_s="0.5",
    )
    pipeline.start()
    rng, start = random.Random(1), time.time() - N_KILLS * A_PART / 10 - 60
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    for n in range(N_KILLS):
        rows, before = part(rng, n, start, errors), len(pipeline.metric_rows())
        for queue in ("y_true", "y_pred"):
            pipeline.publish(queue, [[row for name, row in rows if name == queue]])
        some = before + rng.randrange(A_PART // 2)
        wait_until(lambda: len(pipeline.metric_rows()) >= some, EFFECT_S, "rows are written before the kill")  # noqa: B023
        pipeline.worker.kill()
        pipeline.start_worker()

    expected = {key: (len(some), sum(some)) for key, some in errors.items()}
    n_labels = sum(n for n, _ in expected.values())
    for told in (of_parquet, of_api):
        wait_until(lambda: sum(n for n, _ in told(pipeline).values()) >= n_labels, EFFECT_S, f"{told} has all")  # noqa: B023
        found = told(pipeline)
        assert {key: n for key, (n, _) in found.items()} == {key: n for key, (n, _) in expected.items()}
        for key, (_, loss) in expected.items():
            assert found[key][1] == pytest.approx(loss, rel=1e-9), (told, key)

    for model in ("champion", "challenger"):
        of_model = [value for (name, _), value in expected.items() if name == model]
        n, mae = sum(n for n, _ in of_model), sum(loss for _, loss in of_model) / sum(n for n, _ in of_model)
        scores = json.loads(pipeline.page(f"/api/scores?last=all&model={model}"))
        assert (scores["n_labelled"], scores["complete"]) == (n, True)
        page = pipeline.html(f"/segments?last=all&key=country&model={model}").partition("<tfoot>")[2]
        assert number(mae) in page
        assert f"{n:,}" in page

    compared = json.loads(pipeline.page("/api/compare"))
    by = compared["by_segment"]
    width_s = 10
    mature_to = compared["mature_to"] // width_s * width_s
    of_pairs = duckdb.execute(PAIRED, [f"{pipeline.logs}/verdicts/*.parquet", mature_to]).fetchall()
    assert {one["value"]: one["n_pairs"] for one in by["segments"]} == {country: n for country, n, *_ in of_pairs}
    for country, n, first, second in of_pairs:
        (one,) = (one for one in by["segments"] if one["value"] == country)
        assert (one["first"], one["second"]) == pytest.approx((first / n, second / n))
    shown = pipeline.html("/compare")
    assert f"{by['total']['n_pairs']:,}" in shown.partition("<tfoot>")[2]
