"""A model directory of MLflow is read without MLflow. Its files are laid out as MLflow 3.17 lays them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from models.artefact import load, sha256
from tests.unit.models.model_files import X, Y, refusal

NAMES = ["bmi", "bp", "age"]
FRAME = pd.DataFrame(X, columns=NAMES)
MLMODEL = """\
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.sklearn
    model_path: {file}
    predict_fn: predict
    python_version: 3.11.7
  {flavour}:
    code: null
    {key}: {file}
    serialization_format: skops
    {version}
    skops_trusted_types: null
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: null
model_size_bytes: 6511
signature:
  inputs: '[{{"type": "double", "name": "bmi", "required": true}}, {{"type": "double",
    "name": "bp", "required": true}}, {{"type": "double", "name": "age", "required": true}}]'
  outputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "float64", "shape": [-1]}}}}]'
  params: null
utc_time_created: '2026-11-28 17:16:47.526152'
"""


def saved(
    path: Path, file: str, raw: bytes, *, flavour: str = "sklearn", version: str = "sklearn_version: 1.9.1"
) -> Path:
    """Write a directory as MLflow does."""
    path.mkdir()
    (path / file).write_bytes(raw)
    key = "pickled_model" if flavour == "sklearn" else "data"
    (path / "MLmodel").write_text(MLMODEL.format(file=file, flavour=flavour, key=key, version=version))
    return path


@pytest.fixture
def ridge() -> Any:
    return Ridge().fit(FRAME, Y)


@pytest.mark.parametrize("flavour", ["sklearn", "lightgbm"])
def test_a_directory_with_a_skops_file_is_loaded(tmp_path: Path, ridge: Any, flavour: str):
    model = load(saved(tmp_path / "m", "model.skops", skops.io.dumps(ridge), flavour=flavour))

    assert (model.name, model.names) == ("ridge", tuple(NAMES))
    assert model.predict(FRAME[:5].to_dict("records")) == pytest.approx(ridge.predict(FRAME[:5]))
    assert model.remarks == ()


def test_a_directory_with_a_pickle_is_loaded_once_its_sha256_is_set(tmp_path: Path, ridge: Any):
    raw = pickle.dumps(ridge)
    path = saved(tmp_path / "m", "model.pkl", raw)

    assert f"HINDSIGHT_MODEL_PICKLE_SHA256={sha256(raw)}" in refusal(path)
    assert load(path, pickle_sha256=sha256(raw)).names == tuple(NAMES)


def test_name_and_version_come_from_the_registry(tmp_path: Path, ridge: Any):
    path = saved(tmp_path / "m", "model.skops", skops.io.dumps(ridge))
    (path / "registered_model_meta").write_text("model_name: house-prices\nmodel_version: '12'\n")

    assert load(path).label == "house-prices 12"


def test_another_version_of_the_library_is_a_remark(tmp_path: Path, ridge: Any):
    path = saved(tmp_path / "m", "model.skops", skops.io.dumps(ridge), version="sklearn_version: 1.5.2")

    [remark] = load(path).remarks

    assert remark.startswith("made with scikit-learn 1.5.2 (here ")


@pytest.mark.parametrize(
    "example",
    [{"columns": NAMES, "data": [[3.0, 4.0, 5.0], [1.0, 1.0, 1.0]]}, [[3.0, 4.0, 5.0]], {"data": [[3.0, 4.0, 5.0]]}],
    ids=["a frame", "an array", "a frame without names"],
)
def test_a_model_is_tried_on_the_input_example(tmp_path: Path, example: Any):
    estimator = make_pipeline(FunctionTransformer(_log_twice, feature_names_out="one-to-one"), Ridge())
    raw = pickle.dumps(estimator.fit(FRAME.abs() + 2, Y))
    path = saved(tmp_path / "m", "model.pkl", raw)

    assert "--example" in refusal(path, pickle_sha256=sha256(raw))
    (path / "input_example.json").write_text(json.dumps(example))
    assert load(path, pickle_sha256=sha256(raw)).names == tuple(NAMES)


def _log_twice(frame: Any) -> Any:
    if (frame < 1.5).any(axis=None):
        raise ValueError("too small")
    return frame


@pytest.mark.parametrize(
    "text",
    ["", "flavors:\n  pytorch:\n    data: model.pt\n", "flavors:\n  sklearn:\n    code: null\nother: 1\n"],
    ids=["empty", "another flavour", "no file"],
)
def test_a_directory_without_an_estimator_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "m"
    path.mkdir()
    (path / "MLmodel").write_text(text)

    assert "has none of the flavours sklearn" in refusal(path)


def test_a_file_outside_of_the_directory_is_not_read(tmp_path: Path, ridge: Any):
    skops.io.dump(ridge, tmp_path / "other.skops")
    path = saved(tmp_path / "m", "model.skops", skops.io.dumps(ridge))
    (path / "MLmodel").write_text("flavors:\n  sklearn:\n    pickled_model: ../other.skops\n")

    assert f"There is no file {path / 'other.skops'}" in refusal(path)
