"""The figures in words."""

from __future__ import annotations

import numpy as np
import pytest

from streams.scores import wording
from streams.scores.answer import figures
from streams.scores.figures import Gap
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.test_answer import kept, of_labels, of_world


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 s"), (45, "45 s"), (119, "120 s"), (130, "2.2 min"), (2220, "37 min"), (10_800, "3 h"), (1e6, "12 d")],
)
def test_a_length_of_time_is_in_its_largest_unit_to_two_digits(seconds, text):
    assert wording.length(seconds) == text


def test_scores_have_their_titles_and_intervals_and_those_that_are_not_there_are_left_out():
    values = {"mae": 46.71, "mae_low": 45.5, "mae_high": 47.9, "rmse": None, "bias": 0.5, "bias_low": None}
    assert wording.scores(values) == "MAE 46.71 ± 1.2, bias +0.5000"


def test_quantiles_that_are_not_exact_have_two_digits_and_a_sign_that_says_so():
    few = figures(kept(of_labels([0.0] * 9, [0.0] * 9, [1.25] * 9)))
    assert wording.quantiles(few) == "p50 1.250, p90 1.250, p99 1.250"
    many = figures(kept(of_labels([0.0] * 500, [0.0] * 500, np.linspace(1000, 2000, 500).tolist())))
    assert wording.quantiles(many) == "p50 ≈ 1,500, p90 ≈ 1,900, p99 ≈ 2,000"


def test_what_the_figures_must_not_be_read_without_is_said():
    made = figures(
        kept(of_labels([0.0] * 3, [1e99, 0.0, 0.0], [0.0, 1.0, 3.0]), gaps=[Gap(0.0, 9.0, "a disk was full")])
    )
    assert list(wording.warnings(made)) == ["Too large to score: 1 of 3 labels.", "Rows are missing: a disk was full."]


def test_what_will_have_a_label_is_said_as_far_as_it_can_be_told():
    rng = np.random.default_rng(1)
    young, old = (of_world(rng, label_worlds.steady(rng, minutes, 20, 0.7), minutes) for minutes in (10, 180))
    assert wording.labelled(young).endswith("% will have one within 9 min")
    assert wording.labelled(old).endswith("64% will have")


def test_of_labels_that_come_at_once_nothing_is_said_of_what_will_come_before_any_other_can_be_told():
    """As it is a minute after the start: nothing is known past the bin of labels that came before their prediction."""
    times = np.arange(200) * 0.3
    found = figures(kept(of_labels(times.tolist(), [0.0] * 200, [1.0] * 200), now=61.0))
    assert found.expected is None
    assert wording.labelled(found) == "100% of 200 predictions have a label"
