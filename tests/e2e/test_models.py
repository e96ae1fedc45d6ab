"""Whatever a model does, the join goes on, its rows are named, and the worker ends when it is asked to."""

from __future__ import annotations

import csv
import hashlib
import json
import pickle
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline as pipeline_of
from sklearn.preprocessing import OneHotEncoder

from tests.e2e.conftest import MakePipeline
from tests.e2e.odd_models import EXITS, HANGS, INTERRUPTS, SAYS_A_MEGABYTE, NeverLoads, Odd
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

EFFECT_S = 30.0
ENDS_S = 10.0
"""A worker that is asked to end does so within this, hanging model or not."""


def pickled(path: Path, model: Any) -> dict[str, Any]:
    """Save a model; return the settings that name it."""
    raw = pickle.dumps(model)
    path.write_bytes(raw)
    return {"model": path, "model_pickle_sha256": hashlib.sha256(raw).hexdigest()}


def readiness(pipeline: Pipeline) -> str:
    """Return what /readyz says, ready or not; nothing while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{pipeline.environ['HINDSIGHT_WEB_PORT']}/readyz") as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as exc:
        return exc.read().decode()
    except OSError:
        return ""


def one(pipeline: Pipeline, row_id: str) -> dict[str, Any]:
    """Return what the API says of an id."""
    found: dict[str, Any] = json.loads(pipeline.page(f"/api/pairs/{row_id}") or '{"row": null, "rank": null}')
    return found


def pairs(name: str, n: int) -> tuple[list[Any], list[Any]]:
    now = time.time()
    return [{"id": f"{name}{i}", "ts": now, "y_true": 1.0} for i in range(n)], [
        {"id": f"{name}{i}", "ts": now, "y_pred": 3.0} for i in range(n)
    ]


def ends_in_time(pipeline: Pipeline) -> None:
    pipeline.worker.send(signal.SIGTERM)
    wait_until(lambda: pipeline.worker.process.poll() is not None, ENDS_S, "the worker ends")
    assert pipeline.worker.process.returncode == 0, pipeline.worker.said


def test_rows_by_name_are_predicted_joined_and_carry_the_model_s_name_and_version(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "city": ["Riga", "Oslo", "Riga", "Oslo"]})
    estimator = pipeline_of(make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"), Ridge())
    skops.io.dump(estimator.fit(frame, [1.0, 5.0, 3.0, 7.0]), tmp_path / "price.skops")
    version = hashlib.sha256((tmp_path / "price.skops").read_bytes()).hexdigest()[:8]
    pipeline = make_pipeline(model=tmp_path / "price.skops")
    pipeline.start()

    rows = [{"city": "Riga", "age": 1.5}, {"age": 2.5, "city": "Oslo", "colour": "red"}, [3.5, "Riga"]]
    pipeline.publish("features", [{"id": f"n{i}", "features": row} for i, row in enumerate(rows)])
    pipeline.publish("features", [{"id": "bad", "features": {"age": None, "town": "Riga"}}])
    pipeline.publish("y_true", [{"id": f"n{i}", "y_true": 1.0} for i in range(3)])

    wait_until(lambda: len(pipeline.metric_rows()) == 3, EFFECT_S, "three rows are joined")
    expected = estimator.predict(pd.DataFrame({"age": [1.5, 2.5, 3.5], "city": ["Riga", "Oslo", "Riga"]}))
    found = {row["id"]: float(row["y_pred"]) for row in pipeline.metric_rows()}
    assert [found[f"n{i}"] for i in range(3)] == pytest.approx(expected)
    assert f"ridge {version} predicts." in readiness(pipeline)
    listed = pipeline.run_command("quarantine", "list", "--json")
    [refused] = [json.loads(line) for line in listed.stdout.splitlines()]
    assert refused["reason"] == "bad_features"
    assert refused["detail"] == f"no feature `city`; it has `town`, which ridge {version} does not know"
    assert dict(one(pipeline, "n1")["features"]["values"]) == rows[1]
    by_name = [*rows[:2], {"age": 3.5, "city": "Riga"}]
    table = csv.DictReader(pipeline.page("/table/pairs.csv?sort=-error&state=matched&features=1").splitlines())
    assert {row["id"]: json.loads(row["features"]) for row in table} == {f"n{i}": by_name[i] for i in range(3)}
    wait_until(lambda: (one(pipeline, "n0")["rank"] or {}).get("n") == 3, EFFECT_S, "all three are in insight.db")
    errors = sorted((abs(found[row_id] - 1.0), row_id) for row_id in found)
    assert [one(pipeline, row_id)["rank"]["place"] for _, row_id in errors] == [3, 2, 1]
    pipeline.publish("y_pred", [{"id": "elsewhere", "y_pred": 1.0}])
    wait_until(lambda: one(pipeline, "elsewhere")["row"] is not None, EFFECT_S, "a prediction of others has come")
    assert "around its prediction" in one(pipeline, "elsewhere")["features"]["problem"]


def test_a_model_that_exits_costs_its_rows_and_not_the_worker(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline(**pickled(tmp_path / "odd.pkl", Odd()))
    pipeline.start()

    firsts = [1.0, EXITS, 2.0, INTERRUPTS, SAYS_A_MEGABYTE, 3.0]
    pipeline.publish("features", [[{"id": f"o{i}", "features": [first, 0.0]} for i, first in enumerate(firsts)]])
    pipeline.publish("y_true", [{"id": f"o{i}", "y_true": 1.0} for i in range(len(firsts))])

    wait_until(lambda: len(pipeline.metric_rows()) == 3, EFFECT_S, "the good rows are joined")
    assert {row["id"] for row in pipeline.metric_rows()} == {"o0", "o2", "o5"}
    listed = pipeline.run_command("quarantine", "list", "--json")
    details = "; ".join(json.loads(line)["detail"] for line in listed.stdout.splitlines())
    said = sorted(part.split("failed: ")[1][:20] for part in details.split("; "))
    assert said == ["KeyboardInterrupt", "SystemExit: 3", "ValueError: xxxxxxxx"]
    assert len(details) < 1000
    ends_in_time(pipeline)


def test_a_model_that_hangs_is_named_and_neither_the_join_nor_the_end_waits_for_it(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    pipeline = make_pipeline(**pickled(tmp_path / "odd.pkl", Odd()))
    pipeline.start()

    pipeline.publish("features", [{"id": "h", "features": [HANGS, 0.0]}])
    wait_until(lambda: "has been at work on one batch" in readiness(pipeline), EFFECT_S, "/readyz names the model")
    many = [{"id": f"w{i}", "features": [1.0] * 2, "note": "x" * 20_000} for i in range(1000)]
    pipeline.publish("features", many)
    truths, predictions = pairs("j", 500)
    pipeline.publish("y_true", [truths])
    pipeline.publish("y_pred", [predictions])

    wait_until(lambda: len(pipeline.metric_rows()) == 500, EFFECT_S, "pairs of others are joined")
    assert pipeline.page("/livez")
    wait_until(
        lambda: "restart the worker, or set HINDSIGHT_MODEL" in pipeline.worker.said, EFFECT_S, "the log says it"
    )
    ends_in_time(pipeline)


def test_a_model_that_hangs_as_it_is_loaded_takes_no_partition_and_does_not_hold_up_the_end(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    pipeline = make_pipeline(**pickled(tmp_path / "odd.pkl", NeverLoads()))
    pipeline.worker.launch()

    wait_until(lambda: "has been loading for" in readiness(pipeline), EFFECT_S, "/readyz says what it waits for")
    assert pipeline.page("/livez")
    assert "partitions" not in pipeline.worker.said
    ends_in_time(pipeline)


def test_a_worker_whose_model_cannot_be_used_leaves_the_others_their_partitions(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    pipeline = make_pipeline()
    pipeline.start()
    said_before = pipeline.worker.said
    raw = pickle.dumps({"coef": 1.0})
    (tmp_path / "bad.pkl").write_bytes(raw)
    environ = {
        "HINDSIGHT_MODEL": str(tmp_path / "bad.pkl"),
        "HINDSIGHT_MODEL_PICKLE_SHA256": hashlib.sha256(raw).hexdigest(),
    }
    other = pipeline.new_worker("other", **environ)
    other.launch()

    wait_until(lambda: other.process.poll() is not None, EFFECT_S, "the other worker ends")
    assert other.process.returncode == 1
    assert "holds a dict, which is not a fitted scikit-learn regressor" in other.said
    truths, predictions = pairs("j", 100)
    pipeline.publish("y_true", [truths])
    pipeline.publish("y_pred", [predictions])
    wait_until(lambda: len(pipeline.metric_rows()) == 100, EFFECT_S, "the first worker goes on")
    assert "rebalancing" not in pipeline.worker.said[len(said_before) :]
