"""Two models of our worker's and one of somebody's own service, through real brokers: a verdict for each, one row an id."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from tests.brokers import Brokers
from tests.e2e.odd_models import HANGS, Odd
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

EFFECT_S = 60.0
N = 40
LISTED = "champion,challenger,service"


def model_at(path: Path, slope: float) -> Path:
    skops.io.dump(LinearRegression().fit([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.0, slope, 0.0]), path)
    return path


@pytest.fixture
def pipeline(brokers: Brokers, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    """A worker with a champion of slope 1 and a challenger that answers the first feature, and hangs if it is asked to.

    Its parameter is the max out-of-orderness in seconds: of rows further apart than that, all models answer together.
    """
    raw = pickle.dumps(Odd())
    (tmp_path / "odd.pkl").write_bytes(raw)
    champion = model_at(tmp_path / "champion.skops", 1.0)
    made = Pipeline(
        brokers,
        model=f"champion={champion},challenger={tmp_path / 'odd.pkl'}",
        model_pickle_sha256=hashlib.sha256(raw).hexdigest(),
        models=LISTED,
        join_window_s=20,
        max_out_of_orderness_s=getattr(request, "param", 1),
    )
    yield made
    made.end()


def row_of(pipeline: Pipeline, row_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pipeline.page(f"/table/pairs/{row_id}.json"))
    return found


def figures(pipeline: Pipeline, model: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pipeline.page(f"/api/scores?last=1h&model={model}"))
    return found


def test_each_model_has_its_verdict_and_the_csv_is_the_reference_s(pipeline: Pipeline) -> None:
    pipeline.start()
    pipeline.publish("features", [[{"id": f"i{n}", "features": [float(n), 0.0]} for n in range(N)]])
    service = [{"id": f"i{n}", "y_pred": n + 2.0, "model": "service"} for n in range(N // 2)]
    pipeline.publish("y_pred", [[*service, {"id": "i0", "y_pred": 1.0, "model": "nobody"}]])
    pipeline.publish("y_true", [[{"id": f"i{n}", "y_true": n + 1.0} for n in range(N)]])

    wait_until(lambda: len(pipeline.metric_rows()) == N, EFFECT_S, "all ids are written")
    assert {row["id"]: float(row["y_pred"]) for row in pipeline.metric_rows()} == pytest.approx(
        {f"i{n}": n for n in range(N)}
    )
    wait_until(
        lambda: figures(pipeline, "service")["n_labelled"] == N // 2, EFFECT_S, "the service's labels are counted"
    )
    assert figures(pipeline, "")["model"] == "champion"
    assert (figures(pipeline, "")["n_labelled"], figures(pipeline, "challenger")["n_labelled"]) == (N, N)

    row = row_of(pipeline, "i0")
    assert (row["row"]["model"], row["row"]["state"]) == ("champion", "matched")
    assert {(one["model"], one["state"], one["y_pred"]) for one in row["challengers"]} == {
        ("challenger", "matched", 0.0),
        ("service", "matched", 2.0),
    }
    assert "Each model" in pipeline.html("/table/pairs/i0")
    last = f"i{N - 1}"
    wait_until(
        lambda: (
            ("service", "unmatched_true")
            in {(one["model"], one["state"]) for one in row_of(pipeline, last)["challengers"]}
        ),
        EFFECT_S,
        "what the service never answered is named",
    )
    listed = [json.loads(line) for line in pipeline.run_command("quarantine", "list", "--json").stdout.splitlines()]
    assert [one["reason"] for one in listed] == ["unlisted_model"]
    assert "'nobody' is not in HINDSIGHT_MODELS (champion, challenger, service)" in listed[0]["detail"]

    listed = json.loads(pipeline.page("/api/pairs?state=unmatched_true&model=service"))
    assert {one["id"] for one in listed["rows"]} == {f"i{n}" for n in range(N // 2, N)}

    wait_until(lambda: pipeline.run_command("reconcile").returncode == 0, EFFECT_S, "everything adds up")
    sums = {one["name"]: one for one in json.loads(pipeline.run_command("reconcile", "--json").stdout)["sums"]}
    for model in LISTED.split(","):
        rows = sums[f"rows in of {model} = 2 × matched + unmatched + duplicates + conflicts + late + waiting"]
        assert rows["left"] == rows["right"] == N + (N // 2 if model == "service" else N)


@pytest.mark.parametrize("pipeline", [600], indirect=True, ids=["rows are close together"])
def test_a_model_that_hangs_does_not_stop_the_other(pipeline: Pipeline) -> None:
    pipeline.start()
    pipeline.publish("features", [{"id": "hangs", "features": [HANGS, 0.0]}])
    pipeline.publish("y_true", [{"id": "hangs", "y_true": 1.0}])
    wait_until(
        lambda: len(pipeline.metric_rows()) == 1, EFFECT_S, "the champion has answered what the challenger hangs on"
    )
    pipeline.publish("features", [[{"id": f"i{n}", "features": [float(n), 0.0]} for n in range(N)]])
    pipeline.publish("y_true", [[{"id": f"i{n}", "y_true": n + 1.0} for n in range(N)]])
    wait_until(lambda: len(pipeline.metric_rows()) == N + 1, EFFECT_S, "and goes on")


def test_rows_that_a_model_refuses_are_named_where_models_are_compared(pipeline: Pipeline) -> None:
    pipeline.start()
    pipeline.publish("features", [[{"id": f"i{n}", "features": [float(n)]} for n in range(3)]])
    for model in ("champion", "challenger"):
        shown = f"refused by <bdi>{model}</bdi>, in quarantine"
        wait_until(lambda: shown in pipeline.html("/compare"), EFFECT_S, f"what {model} refused is named")  # noqa: B023
    groups = json.loads(pipeline.page("/api/quarantine"))["groups"]
    assert {(one["model"], one["n_rows"]) for one in groups} == {("champion", 3), ("challenger", 3)}
