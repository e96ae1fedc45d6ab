"""Values that no score can be computed of: those that cannot be subtracted are refused, the others joined and counted apart."""

from __future__ import annotations

import json

from tests.e2e.conftest import MakePipeline
from tests.waiting import wait_until

EFFECT_S = 30.0


def test_values_that_are_too_large_are_refused_or_named_everywhere(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot")
    pipeline.start()
    pairs = {"small": (1.0, 3.0), "large": (-1e300, 1e300), "beyond": (-1.7e308, 1.7e308)}
    for name, (y_true, y_pred) in pairs.items():
        pipeline.publish("y_true", [{"id": name, "y_true": y_true}])
        pipeline.publish("y_pred", [{"id": name, "y_pred": y_pred}])

    wait_until(lambda: len(pipeline.metric_rows()) == 2, EFFECT_S, "both pairs are written")
    assert {row["id"]: float(row["absolute_error"]) for row in pipeline.metric_rows()} == {"small": 2.0, "large": 2e300}
    wait_until(
        lambda: json.loads(pipeline.page("/quarantine") or "{}").get("n_matching") == 2, EFFECT_S, "2 are refused"
    )
    wait_until(lambda: pipeline.status()["n_left_out"] == 1, EFFECT_S, "both pairs are counted")
    status = pipeline.status()
    assert (status["matched"], status["mae"]) == (2, 2.0)
    assert "hindsight_pairs_left_out 1.0" in pipeline.page("/metrics")
    assert json.loads(pipeline.page("/api/pairs/large"))["row"]["error"] == 2e300
    exported = json.loads(pipeline.page("/table/pairs.json"))["rows"]
    assert sorted(row["error"] for row in exported) == [2.0, 2e300]
    assert "inf" not in pipeline.page("/table/pairs.csv")
    assert "Too large to score: 1 of 2 labels." in pipeline.run_command("status").stdout
    wait_until(
        lambda: json.loads(pipeline.page("/api/scores") or "{}").get("n_left_out") == 1, EFFECT_S, "it is left out"
    )
    figures = json.loads(pipeline.page("/api/scores"))
    assert "Infinity" not in str(figures)
    assert figures["so_far"]["n"] == 1
    assert "1 with values too large to score are in no figure" in pipeline.html("/")
    for path in ("/table/pairs/", "/table/pairs/large", "/?error=signed&last=all", "/?y=log"):
        assert pipeline.html(path), f"{path} fails:\n{pipeline.worker.said}"
    assert "Traceback" not in pipeline.worker.said + pipeline.bridge.said
