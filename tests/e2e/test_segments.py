"""Tagged rows from RabbitMQ's queues to /api/segments: by both sides' tags, after a kill, and with insight.db made anew."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

COUNTED_S = 60.0
FEATURES = [0.038, 0.05, 0.061, 0.021, -0.044, -0.034, -0.043, -0.002, 0.019, -0.017]


def segments(pipeline: Pipeline, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pipeline.page(f"/api/segments?last=all&key={key}") or "{}")
    return found


def send(pipeline: Pipeline, first: int, n: int) -> None:
    """Send features of two countries, a few of none, with a tag that is none; and their truths, some with a tier."""
    tags: list[Any] = [{"country": "DE", "tier": 7}, {"country": "FR"}, None]
    now = time.time()
    rows = [{"id": f"s-{i}", "ts": now, "features": FEATURES, "tags": tags[i % 3]} for i in range(first, first + n)]
    trues = [
        {"id": f"s-{i}", "ts": now, "y_true": 100.0 + i % 7, "tags": {"country": "IT", "tier": "gold"}}
        for i in range(first, first + n)
    ]
    pipeline.publish("features", [rows])
    pipeline.publish("y_true", [trues])


def wait_for(pipeline: Pipeline, n: int) -> dict[str, Any]:
    """Wait until so many labels are counted; return the segments by country."""

    def is_counted() -> bool:
        total = segments(pipeline, "country").get("total", {})
        return (total.get("n_labelled"), total.get("n_predictions")) == (n, n)

    said = f"{n} labels are counted, not {segments(pipeline, 'country')}"
    wait_until(is_counted, COUNTED_S, said)
    return segments(pipeline, "country")


def counts(found: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {one["value"]: (one["n_predictions"], one["n_labelled"]) for one in found["segments"]}


def sums(found: dict[str, Any]) -> dict[str, tuple[int, int, float]]:
    of_all = [*found["segments"], found["total"]]
    return {
        one["value"] or one["name"]: (one["n_predictions"], one["n_labelled"], round(one["mae"] or 0.0, 9))
        for one in of_all
    }


def test_tagged_rows_are_counted_by_their_segments_and_stay_so(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="model,metric,plot", segments="country,tier", join_window_s=600)
    pipeline.start()
    send(pipeline, 0, 60)
    first = wait_for(pipeline, 60)
    assert first["keys"] == ["country", "tier", "y_pred", "y_true"]
    assert counts(first) == {"DE": (20, 20), "FR": (20, 20), "IT": (0, 20), "": (20, 0)}, "the prediction's tag wins"
    assert first["of_truths"] is True
    assert first["n_bad_tags"] == 20
    of_tier = segments(pipeline, "tier")
    assert counts(of_tier) == {"gold": (0, 60), "": (60, 0)}
    scores = json.loads(pipeline.page("/api/scores?last=all&segment=country:DE"))
    assert (scores["n_predictions"], scores["n_labelled"], scores["segment"]) == (20, 20, "country:DE")
    row = json.loads(pipeline.page("/api/pairs/s-0"))["row"]
    assert (row["tags"], row["true_tags"]) == ('{"country":"DE"}', '{"country":"IT","tier":"gold"}')

    pipeline.worker.kill()
    send(pipeline, 60, 60)
    pipeline.start_worker()
    whole = wait_for(pipeline, 120)
    assert counts(whole) == {"DE": (40, 40), "FR": (40, 40), "IT": (0, 40), "": (40, 0)}
    printed = pipeline.run_command("segments", "--by", "country", "--last", "all", "--json")
    assert sums(json.loads(printed.stdout)) == sums(whole)
    assert ">FR<" in pipeline.html("/segments?last=all").replace("<bdi>", "").replace("</bdi>", "")

    assert pipeline.worker.stop() == 0
    for path in pipeline.logs.glob("insight.db*"):
        path.unlink()
    pipeline.start_worker()
    assert sums(wait_for(pipeline, 120)) == sums(whole)
