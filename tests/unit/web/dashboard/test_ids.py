"""A place in a chart leads to just the ids that it counts."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import msgspec
import numpy as np
import pytest

from streams.scores.answer import figures as figures_of
from streams.scores.figures import Figures
from streams.scores.labels import Labels, cells_of_labels
from tests.unit.streams.scores.label_worlds import BINS, SLICE_S
from tests.unit.streams.scores.test_answer import kept
from web.dashboard.drawing import drawn
from web.dashboard.ids import PAGE, Ids
from web.dashboard.view import groups
from web.pairs.pair_view import PairView, Side
from web.pairs.query import Query, matches, read


def asked(address: str) -> Query:
    assert address.startswith(PAGE)
    return read(dict(parse_qsl(urlsplit(address).query)))


def pair(i: int, ts: float, delay: float, y_true: float, y_pred: float) -> PairView:
    known = ts + delay
    true, pred = Side(y_true, known, known, i, False), Side(y_pred, ts, ts, i, False)
    return PairView(f"id-{i}", "matched", true, pred, known, False, False, False, 0, 0)


@pytest.fixture(scope="module")
def world() -> tuple[Figures, list[PairView]]:
    rng = np.random.default_rng(7)
    n = 3000
    ts, delay = np.round(rng.uniform(0, 3000, n), 3), np.round(rng.exponential(300, n) - 20, 3)
    y_true = np.round(rng.normal(100, 30, n))
    y_pred = np.round(y_true + rng.normal(0, 8, n), 1)
    y_pred[:50] = y_true[:50]
    labels = Labels([f"id-{i}" for i in range(n)], ts, (ts + delay) - ts, y_true, y_pred)
    found = figures_of(kept(cells_of_labels(labels, np.zeros(n, np.int64), width_s=SLICE_S, bins=BINS), 9000.0))
    rows = zip(ts.tolist(), delay.tolist(), y_true.tolist(), y_pred.tolist(), strict=True)
    return found, [pair(i, *row) for i, row in enumerate(rows)]


def counted(pairs: list[PairView], address: str) -> int:
    query = asked(address)
    assert query.state == "matched"
    return sum(matches(query, each, 0.0) for each in pairs)


@pytest.mark.parametrize("error", ["absolute", "signed"])
def test_each_bar_of_the_histogram_leads_to_as_many_ids_as_it_counts(world, error):
    figures, pairs = world
    bars = figures.signed if error == "signed" else figures.histogram
    leads = drawn(figures, error=error, log=False).to.bars
    assert [counted(pairs, to) for to in leads] == bars.counts


def test_each_slice_of_time_and_each_cell_lead_to_as_many_ids_as_they_count(world):
    figures, pairs = world
    charts = drawn(figures, error="absolute", log=False)
    n_labels = {part.start: part.n_labelled for part in figures.slices if part.n_labelled}
    assert {start: counted(pairs, to) for start, to in charts.to.slices.items()} == n_labels
    assert [counted(pairs, to) for to in charts.to.cells] == [cell.n for cell in charts.cells]


def test_the_groups_are_the_twentieths_at_both_ends_and_all_between(world):
    figures, pairs = world
    found = groups(figures)
    assert [group.name for group in found] == ["lowest 5%", "majority", "highest 5%"]
    low, majority, high = (counted(pairs, group.to) for group in found)
    assert low + majority + high == len(pairs)
    assert (low, high) == pytest.approx((150, 150), abs=15), "within the width of a bin"
    errors = np.array([each.error for each in pairs])
    assert (figures.tails.low, figures.tails.high) == pytest.approx(np.quantile(errors, [0.05, 0.95]), rel=1 / 32)


def test_the_drawings_lead_where_the_tables_do(world):
    figures, _ = world
    charts = drawn(figures, error="absolute", log=False)
    leads = [to for to, n in zip(charts.to.bars, figures.histogram.counts, strict=True) if n]
    assert [to.replace("&", "&amp;") in charts.histogram for to in leads] == [True] * len(leads)
    assert charts.triangle.count("data-to=") == 2 * len(charts.cells), "on wide and on narrow screens"


def test_of_what_came_too_late_to_be_told_apart_and_of_decisions_by_the_clock_event_no_ids_are_known(world):
    figures, _ = world
    assert asked(Ids.of(msgspec.structs.replace(figures, segment="country:DE")).at(0.0, 60.0)).segment == "country:DE"
    assert Ids.of(msgspec.structs.replace(figures, segment="country:other")) is None
    by_decision = msgspec.structs.replace(figures, axis="decided")
    assert Ids.of(by_decision) is None
    assert asked(Ids.of(msgspec.structs.replace(by_decision, clock="arrival")).at(60.0, 120.0)).by == "changed"
