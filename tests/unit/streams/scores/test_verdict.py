"""The verdict is one sentence, and never says better or worse of what chance explains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streams.scores.equal_delays import Ratio
from streams.scores.estimate import Estimate
from streams.scores.figures import Changed, LabelOutage, Referred
from streams.scores.metrics import SCORES
from streams.scores.verdict import Verdict, verdict
from streams.scores.watch import Watch
from tests.unit.streams.alerts.test_readings import figures

NEEDED = 86_400.0


def watch(level: float) -> Watch:
    quarter = tuple(np.full(4, level).tolist())
    return Watch(reference=(0.0, 1.0), slice_s=30.0, evidence=quarter, gain=quarter, since=(5400.0,) * 4)


def of(low: float | None, value: float, high: float | None, level: float = 10.0, **changes: Any) -> Verdict:
    return verdict(figures(**changes), Ratio(Estimate(value, low, high), 400), watch(level), "")


@pytest.mark.parametrize(
    ("low", "value", "high", "word"),
    [
        (1.01, 1.2, 1.4, "worse"),
        (0.7, 0.8, 0.99, "better"),
        (0.8, 1.0, 1.2, "as usual"),
        (0.9, 1.2, 1.5, "cannot tell"),
        (-0.7, 0.7, 2.0, "cannot tell"),
        (1.0, 1.2, 1.4, "as usual"),
        (None, 1.9, None, "cannot tell"),
    ],
)
def test_a_difference_is_one_only_where_the_interval_leaves_the_reference_out(low, value, high, word):
    assert of(low, value, high).word == word


def test_as_good_as_the_reference_says_how_much_is_known():
    said = of(0.95, 1.02, 1.09)
    assert said.sentence == "As good as the reference: MAE is 1.020 (0.9500 to 1.090) ×, no real difference."
    assert said.evidence == "evidence 10 of 86,400; 400 labels compared; 80% of the labels to be expected are in"


def test_an_alarm_says_since_when():
    said = of(1.38, 1.43, 1.48, level=NEEDED, change=Changed(3600.0, 1.4, 1.3, 1.5))
    assert said.word == "alarm"
    assert (
        said.sentence == "Alarm: MAE is 1.430 (1.380 to 1.480) × the reference at equal label delays, since 01:00 UTC."
    )
    assert of(1.38, 1.43, 1.48, level=NEEDED).sentence.endswith("since 01:30 UTC."), "when its labels began to come"


def test_evidence_short_of_an_alarm_is_none():
    assert of(1.38, 1.43, 1.48, level=NEEDED * 0.99).word == "worse"


def test_evidence_that_is_as_good_as_any_is_still_said():
    assert "evidence more than 100,000,000 of 86,400" in of(1.1, 1.2, 1.3, level=1e199).evidence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"n_labelled": 0}, "no label has come"),
        ({"outages": [LabelOutage(6000.0, 7170.0, 100, 50.0)]}, "No label comes, while predictions do"),
    ],
)
def test_without_labels_nothing_is_said_of_the_error_whatever_was_seen_before(changes, sentence):
    said = of(1.38, 1.43, 1.48, level=2 * NEEDED, **changes)
    assert said.word == "cannot tell"
    assert sentence in said.sentence


def test_without_a_reference_it_says_so():
    said = verdict(figures(), None, None, "there is no reference of labels yet")
    assert said.sentence == "Whether the error is as usual cannot be told: there is no reference of labels yet."


def test_the_card_is_a_reference_that_is_shown_and_cannot_be_compared_with_at_equal_delays():
    card = Referred("card", None, None, 89, dict.fromkeys((score.name for score in SCORES), 40.0))
    said = verdict(figures(reference=card), None, None, "there is no reference of labels yet")
    assert said.word == "cannot tell"
    assert said.sentence.endswith(". The reference shown is the model's card, which knows no label delays.")
    of_labels = Referred("first", 0.0, 1.0, 2000, dict.fromkeys((score.name for score in SCORES), 40.0))
    assert "card" not in verdict(figures(reference=of_labels), None, None, "").sentence
