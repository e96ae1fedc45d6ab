"""The error by feature, from RabbitMQ's queues to /api/features, against the metric log and what was sent."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.e2e.conftest import MakePipeline
from tests.waiting import wait_until

N = 300
EFFECT_S = 60.0


def test_the_figures_of_each_part_are_those_of_its_ids(make_pipeline: MakePipeline) -> None:
    rng = np.random.default_rng(1)
    pipeline = make_pipeline()
    pipeline.start()
    sent = rng.normal(0, 0.05, (N, 10))
    truths = 150 + 1000 * np.abs(sent[:, 2])
    for start in range(0, N, 50):
        ids = range(start, start + 50)
        pipeline.publish("features", [[{"id": f"n{i}", "features": sent[i].tolist()} for i in ids]])
        pipeline.publish("y_true", [[{"id": f"n{i}", "y_true": truths[i]} for i in ids]])
    wait_until(lambda: len(pipeline.metric_rows()) == N, EFFECT_S, "all are joined")

    found: dict[str, Any] = {}

    def asked() -> bool:
        found.update(json.loads(pipeline.page("/api/features") or "{}"))
        return found.get("n") == N

    wait_until(asked, EFFECT_S, "the features of all are found")
    log = pd.DataFrame(pipeline.metric_rows()).set_index("id").astype(float)
    log = log.loc[[f"n{i}" for i in range(N)]]
    error = (log.y_pred - log.y_true).to_numpy()
    assert found["mae"] == pytest.approx(log.absolute_error.mean())
    assert found["bias"] == pytest.approx(error.mean())
    assert found["features"][0]["name"] == "bmi", "the truth hangs on its size"
    for place, name in enumerate(["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]):
        one = next(each for each in found["features"] if each["name"] == name)
        assert sum(part["n"] for part in one["bins"]) == N
        for part in one["bins"]:
            low, high = part["low"], part["high"]
            is_in = (sent[:, place] >= (-np.inf if low is None else low)) & (
                sent[:, place] < (np.inf if high is None else high)
            )
            assert part["n"] == is_in.sum()
            assert part["mae"] == pytest.approx(np.abs(error[is_in]).mean())
        order = np.argsort(error, kind="stable")
        assert one["lowest"] == pytest.approx(sent[order[:15], place].mean())
        assert one["highest"] == pytest.approx(sent[order[-15:], place].mean())
