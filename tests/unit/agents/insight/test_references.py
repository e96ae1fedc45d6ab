"""The reference is of the first mature labels, or of a span that is named, and a rise shows against it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.insight.answers import Answers
from agents.insight.database import NAME
from agents.insight.notes import Notes
from agents.insight.query import Asked
from agents.insight.references import NO_ERROR, CannotCompare, HeldOut, References, card_of
from agents.insight.series import Series
from agents.insight.store import Frame, Store
from streams.scores.figures import Referred
from tests.unit.agents.insight.worlds import DAY_S, MODEL, NOON, WINDOW_S, cells_of, labels, opened


def add(store: Store, rng: np.random.Generator, start: float, span_s: float, n: int, *, times: float = 1, model=MODEL):
    some = labels(rng, n, start, span_s)
    some = some._replace(y_pred=some.y_true + times * (some.y_pred - some.y_true))
    store.add([cells_of(some, store.number(model))])


def test_it_is_of_the_first_two_thousand_mature_labels_over_a_window(tmp_path: Path):
    store, rng, references = opened(tmp_path), np.random.default_rng(1), References(tmp_path)
    add(store, rng, NOON, 4 * WINDOW_S, 4000)
    assert references.first(NOON + 2.9 * WINDOW_S) is None, "the labels of the second hour are not mature"
    kept = references.first(NOON + 4 * WINDOW_S)
    assert kept is not None
    assert kept.chosen == "first"
    assert 2000 <= sum(kept.reference.n) < 2050
    add(store, rng, NOON - WINDOW_S, WINDOW_S, 4000, times=5)
    assert references.first(NOON + 9 * WINDOW_S) == kept, "it stays"


def test_many_labels_in_a_short_time_are_not_enough(tmp_path: Path):
    store, references = opened(tmp_path), References(tmp_path)
    add(store, np.random.default_rng(1), NOON, WINDOW_S / 2, 9000)
    assert references.first(NOON + 9 * WINDOW_S) is None


def test_a_span_that_is_named_takes_its_place_until_it_is_cleared(tmp_path: Path):
    store, references = opened(tmp_path), References(tmp_path)
    add(store, np.random.default_rng(1), NOON, 4 * WINDOW_S, 9000)
    now = NOON + 9 * WINDOW_S
    kept = references.choose(NOON + WINDOW_S, NOON + 2 * WINDOW_S, now)
    assert (kept.chosen, kept.reference.start, kept.reference.end) == ("span", NOON + WINDOW_S, NOON + 2 * WINDOW_S)
    assert References(tmp_path).first(now) == kept
    references.clear()
    assert references.get() is None
    again = references.first(now)
    assert again is not None
    assert again.chosen == "first"


@pytest.mark.parametrize("n", [1, 100])
def test_a_span_of_few_labels_can_be_named(tmp_path: Path, n: int):
    store, references = opened(tmp_path), References(tmp_path)
    add(store, np.random.default_rng(1), NOON, WINDOW_S, n)
    kept = references.choose(NOON, NOON + WINDOW_S, NOON + 9 * WINDOW_S)
    assert sum(kept.reference.n) == n
    assert references.get() == kept


def test_a_span_without_mature_labels_is_refused(tmp_path: Path):
    store, references = opened(tmp_path), References(tmp_path)
    add(store, np.random.default_rng(1), NOON, WINDOW_S, 900)
    with pytest.raises(CannotCompare, match="No label of that span is mature"):
        references.choose(NOON, NOON + WINDOW_S, NOON + WINDOW_S)
    assert references.get() is None


@pytest.mark.parametrize("times", [1.0, 1.5])
def test_a_rise_shows_at_equal_delays_and_no_rise_does_not(tmp_path: Path, times: float):
    store, rng, references = opened(tmp_path), np.random.default_rng(1), References(tmp_path)
    add(store, rng, NOON, 3 * WINDOW_S, 9000)
    now = NOON + 6 * WINDOW_S
    references.choose(NOON, NOON + 3 * WINDOW_S, now)
    add(store, rng, NOON + 5 * WINDOW_S, WINDOW_S, 3000, times=times)
    found = references.ratio(NOON + 5 * WINDOW_S, now).estimate
    assert found.low is not None
    assert found.high is not None
    assert found.low < times < found.high
    assert found.high - found.low < 0.3


def test_a_rush_hour_is_no_rise_against_the_same_hour_of_the_days_of_the_reference(tmp_path: Path):
    store, rng, references = opened(tmp_path), np.random.default_rng(1), References(tmp_path)
    for hour in range(4 * 24 + 1):
        add(store, rng, NOON + hour * 3600, 3600, 200, times=1.6 if hour % 24 in (0, 1, 2) else 1.0)
    rush, now = NOON + 4 * DAY_S, NOON + 4 * DAY_S + 2 * WINDOW_S
    references.choose(NOON, rush, now)
    of_all = references.ratio(rush, now).estimate
    kept = references.choose(NOON, rush, now, by_hour=True)
    of_hour = references.ratio(rush, now).estimate
    assert References(tmp_path).get() == kept
    assert kept.reference.hours is not None
    assert max(kept.reference.hours.level) / min(kept.reference.hours.level) == pytest.approx(1.6, rel=0.2)
    assert of_all.low is not None
    assert of_hour.low is not None
    assert of_hour.high is not None
    assert of_all.low > 1
    assert of_hour.low < 1 < of_hour.high


def test_hours_of_the_day_take_three_days(tmp_path: Path):
    store, references = opened(tmp_path), References(tmp_path)
    add(store, np.random.default_rng(1), NOON, 2 * DAY_S, 20_000)
    with pytest.raises(CannotCompare, match="does not tell hours of the day apart: an hour takes 200 mature labels"):
        references.choose(NOON, NOON + 2 * DAY_S, NOON + 3 * DAY_S, by_hour=True)
    assert references.get() is None


def test_one_of_a_model_is_not_that_of_all(tmp_path: Path):
    store, rng, references = opened(tmp_path), np.random.default_rng(1), References(tmp_path)
    add(store, rng, NOON, 3 * WINDOW_S, 5000)
    add(store, rng, NOON, 3 * WINDOW_S, 5000, model=Series("other"), times=3)
    now = NOON + 9 * WINDOW_S
    of_all, of_one = (references.choose(NOON, NOON + 3 * WINDOW_S, now, model) for model in ("", "other"))
    assert sum(of_all.reference.n) == 2 * sum(of_one.reference.n)
    assert references.get("ridge") is None


def test_without_a_reference_or_with_one_of_another_window_it_says_so(tmp_path: Path):
    store, rng, references = opened(tmp_path), np.random.default_rng(1), References(tmp_path)
    add(store, rng, NOON, 3 * WINDOW_S, 5000)
    now = NOON + 9 * WINDOW_S
    with pytest.raises(CannotCompare, match="there is no reference of labels yet"):
        references.ratio(NOON, now)
    references.choose(NOON, NOON + WINDOW_S, now)
    with pytest.raises(CannotCompare, match="no label has come yet"):
        references.ratio(now - 60, now)
    store.close()
    Store.open(tmp_path, Frame(2 * WINDOW_S, 60.0, 2 * WINDOW_S + 60, "arrival"))
    with pytest.raises(CannotCompare, match="of another join window"):
        references.ratio(NOON, now)


def test_against_a_reference_without_any_error_nothing_is_compared_and_it_says_so(tmp_path: Path):
    store, references, rng = opened(tmp_path), References(tmp_path), np.random.default_rng(1)
    add(store, rng, NOON, 4 * WINDOW_S, 9000, times=0)
    assert references.first(NOON + 9 * WINDOW_S) is not None
    add(store, rng, NOON + 8 * WINDOW_S, WINDOW_S, 900)
    with pytest.raises(CannotCompare, match=NO_ERROR):
        references.ratio(NOON + 8 * WINDOW_S, NOON + 9 * WINDOW_S)
    with pytest.raises(CannotCompare, match=NO_ERROR):
        references.watch()


def test_what_is_kept_and_cannot_be_read_counts_as_none(tmp_path: Path):
    store, references = opened(tmp_path), References(tmp_path)
    store.add([], state={"reference": b"{}"})
    assert references.get() is None


def test_scores_are_held_against_the_card_at_once_and_against_labels_once_these_make_a_reference(tmp_path: Path):
    store, references = opened(tmp_path), References(tmp_path)
    answers, asked = Answers(tmp_path, WINDOW_S), Asked(start=NOON, end=NOON + 4 * WINDOW_S)
    add(store, np.random.default_rng(1), NOON, 4 * WINDOW_S, 4000)
    assert answers.look(asked).reference is None
    said = {"mae": 47.7, "rmse": 60.0, "r2": 0.42, "bias": 4.3}
    references.keep_card(HeldOut("ridge", 89, said))
    card = said | {"wape": None, "slope": None}
    assert answers.look(asked).reference == Referred("card", None, None, 89, card)
    assert answers.look(asked._replace(model="other")).reference is None, "the card is of another model"
    kept = references.first(NOON + 9 * WINDOW_S)
    found = answers.look(asked).reference
    assert kept is not None
    assert found is not None
    assert (found.chosen, found.start, found.n) == ("first", NOON, sum(kept.reference.n))
    assert found.scores["mae"] == pytest.approx(np.exp(0.32), rel=0.1)
    assert answers.look(asked._replace(model="ridge")).reference == Referred("card", None, None, 89, card)


def test_a_card_that_cannot_be_read_is_none(tmp_path: Path):
    store = opened(tmp_path)
    add(store, np.random.default_rng(1), NOON, WINDOW_S, 900)
    Notes(tmp_path / NAME).write(card_of("ridge"), b'{"model": "ridge", "n": -89, "scores": {}}')
    assert Answers(tmp_path, WINDOW_S).look(Asked(start=NOON, end=NOON + WINDOW_S)).reference is None
