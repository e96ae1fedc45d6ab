"""A rule is held against the right figure; where it cannot be known, it says why instead."""

from __future__ import annotations

from typing import Any

import pytest

from streams.alerts import words
from streams.alerts.readings import Compared, Health, Reading, of_health, of_labels
from streams.alerts.rules import KINDS, Rule
from streams.scores.equal_delays import Ratio
from streams.scores.estimate import Estimate
from streams.scores.figures import EXPECTED_NAMES, Coverage, Figures, LabelDelay, LabelOutage, Slice

WINDOW_S = 3600.0
CURVE = [(600.0, 0.3), (1800.0, 0.5), (3600.0, 0.6)]
NOTHING = Compared()


def figures(**changes: Any) -> Figures:
    """Return figures of two hours of which all is known, but for what is changed."""
    known: dict[str, Any] = {
        "axis": "predicted",
        "from_": 0.0,
        "to": 7200.0,
        "now": 7200.0,
        "clock": "arrival",
        "model": "",
        "segment": "",
        "models": [],
        "segments": [],
        "window_s": WINDOW_S,
        "n_predictions": 1000,
        "n_labelled": 500,
        "maturity": 0.8,
        "horizon_s": WINDOW_S,
        "label_delay": LabelDelay(900.0, 2520.0, 3500.0),
        "so_far": {
            "n": 500,
            "mae": 44.3,
            "rmse": 60.0,
            "bias": -1.0,
            "r2": 0.5,
            "wape": 30.0,
            "slope": 0.9,
            "p50": 30.0,
            "p90": 90.0,
            "p99": 150.0,
        },
        "expected": dict.fromkeys(EXPECTED_NAMES, 1.0) | {"mae": 46.7, "mae_low": 45.5, "mae_high": 47.9},
        "why": "",
        "coverage": Coverage(0.5, 0.6, 0.59, 0.61, CURVE),
        "quantiles_exact": True,
        "slices": [a_slice(7170.0)],
        "triangle": None,
        "histogram": None,
        "signed": None,
        "worst": [],
        "dominated": [],
        "outages": [],
        "change": None,
        "gaps": [],
        "marks": [],
        "complete": True,
    }
    for name in ("left_out", "unmatched_pred", "unmatched_true", "late", "refused"):
        known[f"n_{name}"] = 0
    return Figures(**known | changes)


def a_slice(start: float) -> Slice:
    return Slice(start, 30.0, 9, 5, 44.0, None, None, None, 0.0, None, None, is_mature=False, complete=True, why="")


def rule(metric: Any, **fields: Any) -> Rule:
    limit = {} if KINDS[metric].limit is not None else {"above": 1.0}
    return Rule(**{"name": "a", "metric": metric, "over": "2h", **limit, **fields})


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (rule("mae"), Reading(46.7, 45.5, 47.9)),
        (rule("mae", basis="so_far"), Reading(44.3)),
        (rule("p90"), Reading(90.0)),
        (rule("bias", basis="so_far"), Reading(-1.0)),
        (rule("coverage"), Reading(0.6, 0.59, 0.61)),
        (rule("delay_p90"), Reading(2520.0)),
        (rule("ratio"), Reading(1.4, 1.3, 1.5)),
        (rule("drift"), Reading(0.2)),
    ],
    ids=lambda part: f"{part.metric} {part.basis or ''}" if isinstance(part, Rule) else "",
)
def test_a_rule_is_held_against_its_figure(asked, wanted):
    reading = of_labels(asked, figures(), Compared(Ratio(Estimate(1.4, 1.3, 1.5), 400), 0.2))
    assert reading[:3] == pytest.approx(wanted[:3])
    assert (reading.why, reading.n_pairs) == ("", 500)


OUTAGE = LabelOutage(6000.0, 7170.0, 100, 50.0)


@pytest.mark.parametrize(
    ("asked", "found", "why"),
    [
        (rule("mae", min_pairs=501), figures(), "500 labels, 501 are needed"),
        (rule("mae", min_coverage=0.55), figures(), "50% of predictions have a label, 55% are needed"),
        (
            rule("mae"),
            figures(outages=[OUTAGE]),
            "no label came for 20 min while predictions did: nothing is concluded",
        ),
        (
            rule("mae", basis="so_far"),
            figures(outages=[OUTAGE]),
            "no label came for 20 min while predictions did: nothing",
        ),
        (rule("mae"), figures(expected=None, why="fewer than 50 predictions"), "fewer than 50 predictions"),
        (
            rule("mae"),
            figures(horizon_s=600.0),
            "nothing is known of labels that take longer than 10 min; 30 min are needed",
        ),
        (rule("mae", over="10m"), figures(horizon_s=60.0), "longer than 60 s; 5 min are needed"),
        (rule("coverage"), figures(horizon_s=3000.0), "longer than 50 min; 60 min are needed"),
        (rule("delay_p90"), figures(horizon_s=None), "longer than 0 s; 60 min are needed"),
        (rule("ratio"), figures(), "there is no reference of labels yet"),
        (rule("drift"), figures(), "there is no reference of labels yet"),
    ],
)
def test_where_nothing_can_be_told_it_says_why(asked, found, why):
    reading = of_labels(asked, found, NOTHING)
    assert reading.value is None
    assert why in reading.why


def test_a_figure_of_which_nobody_knows_how_sure_it_is_is_not_told():
    unsure = figures(
        expected=dict.fromkeys(EXPECTED_NAMES) | {"mae": 46.7}, coverage=Coverage(0.5, 0.6, None, None, CURVE)
    )
    for metric in ("mae", "coverage", "ratio"):
        reading = of_labels(rule(metric), unsure, Compared(Ratio(Estimate(1.4), 400)))
        assert (reading.value, reading.why) == (None, "too few labels or slices to say how sure it is")


def test_a_ratio_is_of_labels_that_can_be_compared():
    reading = of_labels(rule("ratio"), figures(), Compared(Ratio(Estimate(1.4, 1.3, 1.5), 29)))
    assert reading.why == "29 labels of delays that can be compared, 30 are needed"


def test_an_outage_that_is_over_holds_nothing_up():
    assert of_labels(rule("mae"), figures(outages=[LabelOutage(3000.0, 6900.0, 100, 50.0)]), NOTHING).value == 46.7


def test_no_metric_of_labels_is_told_while_nothing_is_there():
    nothing = dict.fromkeys(figures().so_far) | {"n": 0}
    empty = figures(
        n_predictions=0,
        n_labelled=0,
        maturity=None,
        horizon_s=None,
        so_far=nothing,
        expected=None,
        why="there are no predictions",
        coverage=Coverage(None, None, None, None, []),
        slices=[],
    )
    for metric, kind in KINDS.items():
        if kind.is_of_labels:
            reading = of_labels(rule(metric), empty, NOTHING)
            assert (reading.value, reading.why) == (None, "0 labels, 30 are needed")


@pytest.mark.parametrize("metric", ["quarantined", "ledger", "bridge"])
def test_rules_about_rows_and_brokers_are_held_against_counts(metric):
    assert of_health(rule(metric), Health(**{metric: -3})) == Reading(3.0)
    assert of_health(rule(metric), Health()) == Reading(None, why="the worker's state is not known yet")


@pytest.mark.parametrize(
    ("evidence", "said"), [(0.0123, "0.012"), (1.26, "1.3"), (131.08, "131"), (4.85e8, "485,000,000")]
)
def test_evidence_is_said_in_plain_numbers(evidence: float, said: str):
    assert words.amount(Rule(name="a", metric="drift"), evidence) == said
