"""/metrics of the figures, read back by Prometheus's own parser, against the rows."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agents.insight.query import Asked, Query
from agents.insight.series import Series
from agents.insight.store import Store
from streams.scores.histogram import Histogram
from tests.unit.agents.insight.worlds import FRAME, cells_of, labels, opened
from web.state.score_metrics import GAUGES_OVER, MAX_MODELS, Grown, ScoreCollector, buckets, gauged


def samples(store: Store, grown: Grown) -> dict[tuple[str, ...], float]:
    """Return the value of each series, by its name and the values of its labels."""
    query = Query.open(store.reader._path)
    totals = query.totals(time.time(), MAX_MODELS)
    models = gauged([total.model for total in totals])
    figures = {model: query.figures(Asked(GAUGES_OVER, model=model), time.time()) for model in models}
    text = generate_latest(ScoreCollector(totals, figures, grown)).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_sums_and_histograms_are_those_of_the_rows_by_model(tmp_path: Path):
    store, rng = opened(tmp_path), np.random.default_rng(1)
    rows = {"ridge": labels(rng, 400, time.time() - 7200, 3000), "gbm": labels(rng, 90, time.time() - 7200, 3000)}
    for model, some in rows.items():
        store.add([cells_of(some, store.number(Series(model)))])
    found = samples(store, Grown())
    for model, some in rows.items():
        error = some.y_pred - some.y_true
        n = len(error)
        assert found["hindsight_predictions_total", model] == n + n // 2
        assert found["hindsight_labels_total", model] == n
        assert found["hindsight_absolute_error_total", model] == pytest.approx(np.abs(error).sum())
        assert found["hindsight_squared_error_total", model] == pytest.approx(np.square(error).sum())
        over, under = (found[f"hindsight_{side}_error_total", model] for side in ("over", "under"))
        assert over - under == pytest.approx(error.sum())
        assert found["hindsight_error_size_count", model] == n
        assert found["hindsight_error_size_sum", model] == pytest.approx(np.abs(error).sum())
        for (name, *values), n_upto in found.items():
            if name == "hindsight_label_delay_seconds_bucket" and values[0] == model:
                limit = np.inf if values[1] == "+Inf" else float(values[1]) * (1 + 1e-5)
                assert n_upto == (some.delay <= limit).sum()
        assert found["hindsight_coverage", model, "so_far"] == pytest.approx(2 / 3, abs=0.01)
        assert 0 < found["hindsight_expected_error", model, "mae"] < 3
        assert found["hindsight_maturity", model] == pytest.approx(1, abs=0.05)
    errors = np.concatenate([some.y_pred - some.y_true for some in rows.values()])
    of_all = [np.abs(errors).mean(), np.sqrt(np.square(errors).mean()), errors.mean()]
    assert [found["hindsight_error", name] for name in ("mae", "rmse", "bias")] == pytest.approx(of_all)


@pytest.mark.parametrize("others", [(), ("ridge",)])
def test_predictions_that_name_no_model_have_no_gauge_that_would_be_of_all(tmp_path: Path, others):
    store, rng = Store.open(tmp_path, FRAME), np.random.default_rng(1)
    for model in ("", *others):
        store.add([cells_of(labels(rng, 400, time.time() - 7200, 3000), store.number(Series(model)))])
    found = samples(store, Grown())
    assert found["hindsight_labels_total", ""] == 400
    assert (("hindsight_coverage", "", "so_far") in found) == (not others)


def test_the_page_about_metrics_names_all_of_them_and_no_others(tmp_path: Path):
    store = opened(tmp_path)
    store.add([cells_of(labels(np.random.default_rng(1), 400, time.time() - 7200, 3000))])
    shown = {re.sub("_(total|bucket|count|sum)$", "", key[0]) for key in samples(store, Grown())}
    page = (Path(__file__).parents[4] / "docs" / "metrics.md").read_text("utf-8")
    named = {re.sub("_(total|bucket|count|sum)$", "", name) for name in re.findall("hindsight_[a-z_]+", page)}
    assert shown == named


@given(st.lists(st.floats(1e-30, 1e30) | st.integers(0, 4).map(float), max_size=60))
def test_each_bucket_counts_exactly_what_does_not_exceed_its_limit(sizes):
    found = buckets(Histogram.of(np.array(sizes, np.float64)))
    assert found[-1] == ("+Inf", len(sizes))
    for limit, n in found[:-1]:
        assert n == sum(size < float(limit) for size in sizes)
    if len(found) > 1:
        assert found[-2][1] == len(sizes)


def test_a_sum_never_goes_back_by_rounding():
    grown = Grown()
    assert [grown("ridge", "absolute", value) for value in (1.0, 0.9999999999999999, 1.5)] == [1.0, 1.0, 1.5]
    assert grown("gbm", "absolute", 0.5) == 0.5


def test_the_sums_of_a_file_that_began_anew_begin_anew_as_its_counts_do(tmp_path: Path):
    grown, rng = Grown(), np.random.default_rng(1)
    for directory, n in (("before", 400), ("anew", 10)):
        (tmp_path / directory).mkdir()
        store, some = opened(tmp_path / directory), labels(rng, n, time.time() - 7200, 3000)
        store.add([cells_of(some)])
        found = samples(store, grown)
        assert found["hindsight_labels_total", "ridge"] == n
        for name in ("hindsight_absolute_error_total", "hindsight_error_size_sum"):
            assert found[name, "ridge"] == pytest.approx(np.abs(some.y_pred - some.y_true).sum())


def test_very_many_models_do_not_make_very_many_series(tmp_path: Path):
    store = opened(tmp_path)
    for i in range(MAX_MODELS + 5):
        some = labels(np.random.default_rng(i), 5, time.time() - 600, 60)
        store.add([cells_of(some, store.number(Series(f"model-{i}")))])
    found = samples(store, Grown())
    named = [model for name, model in (key[:2] for key in found if len(key) > 1) if name == "hindsight_labels_total"]
    assert len(named) == MAX_MODELS
