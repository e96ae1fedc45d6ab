"""Two models compared: what is said, from slices of which all is known."""

from __future__ import annotations

import numpy as np
import pytest

from streams.scores.comparison import Counted, Kept, compare
from streams.scores.pair_slices import PairSlices

NAMES = ["champion", "challenger"]


def kept(difference, *, n_slices=60, mature_to=1e9, n=50, models=NAMES, spread=0.5):
    rng = np.random.default_rng(1)
    first = np.column_stack([np.full(n_slices, 4.0 * n), np.full(n_slices, 20.0 * n)])
    second = first - rng.normal(difference * n, spread * np.sqrt(n), (n_slices, 2))
    start, of = 60.0 * np.arange(n_slices), np.full(n_slices, n)
    slices = PairSlices(start, np.full(n_slices, 60.0), of, first, second)
    counted = Counted(n * n_slices + 9, n * n_slices), Counted(n * n_slices, n * n_slices)
    return Kept(*NAMES, list(models), slices, 1e9, mature_to, counted, [])


def test_it_says_that_the_second_is_better_and_by_how_much():
    found = compare(kept(0.4))
    assert found.verdict == "better"
    assert found.sentence.startswith("Better: challenger errs 0.39")
    assert " less an id (9.9%) than champion; interval +0.37" in found.sentence
    assert found.n_more is None
    assert found.n_unlabelled == 9
    worse = compare(kept(-0.4))
    assert worse.verdict == "worse"
    assert worse.sentence.startswith("Worse: challenger errs 0.40")


def test_while_it_is_open_it_says_about_how_many_ids_more_will_tell():
    found = compare(kept(0.02))
    assert found.verdict == "open"
    assert found.sentence.endswith(" ids more will tell.")
    assert found.more_s == pytest.approx(found.n_more * 3600 / 3000)
    assert f"about {round(found.n_more, 2 - len(str(found.n_more))):,} ids more" in found.sentence
    assert "still holds 0" in found.sentence


def test_nothing_is_decided_before_twenty_slices():
    found = compare(kept(0.4, n_slices=19))
    assert found.verdict == "open"
    assert "nothing is decided before 20 slices of time are mature; there are 19." in found.sentence


def test_the_last_look_is_the_interval_of_the_decision():
    found = compare(kept(0.4, n_slices=500))
    assert len(found.looks) <= 120
    assert (found.looks[-1].difference, found.looks[-1].low, found.looks[-1].high) == (
        found.losses[0].difference,
        found.losses[0].low,
        found.losses[0].high,
    )
    widths = [look.high - look.low for look in found.looks if look.low is not None and look.high is not None]
    assert widths[-1] < widths[len(widths) // 2]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (kept(0.4, mature_to=0.0), "3,000 ids have both predictions and a truth, but are too young"),
        (kept(0.4, n_slices=0), "no id has both predictions and a truth"),
        (kept(0.4, n_slices=0, models=[]), "no model has been joined by its name yet"),
        (kept(0.4, n_slices=1), "Cannot tell: all 50 ids are of one slice of time so far."),
    ],
    ids=["young", "no pair", "no model", "one slice"],
)
def test_what_cannot_be_told_says_why(given, sentence):
    found = compare(given)
    assert found.verdict == "cannot tell"
    assert sentence in found.sentence


def test_models_without_any_error_are_no_division_by_zero():
    zero = np.zeros((30, 2))
    slices = PairSlices(60.0 * np.arange(30), np.full(30, 60.0), np.full(30, 5), zero, zero)
    found = compare(Kept(*NAMES, NAMES, slices, 1e9, 1e9, (Counted(150, 150), Counted(150, 150)), []))
    assert found.verdict == "open"
    assert "very many ids more would be needed" in found.sentence
