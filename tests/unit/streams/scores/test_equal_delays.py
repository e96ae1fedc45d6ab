"""The ratio at equal delays is right as soon as labels come, whatever the delays and the traffic."""

from __future__ import annotations

import numpy as np
import pytest

from streams.scores.cohorts import Cohorts
from streams.scores.equal_delays import MIN_BEFORE, ratio
from streams.scores.maturity import so_far
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import MINUTE, cohorts

CHANGE = 120 * MINUTE


def parts(rng: np.random.Generator, minutes: float, rate: float, by: float) -> tuple[Cohorts, Cohorts, float]:
    """Return what was predicted after minute 120 and before it, and what time it is."""
    now = CHANGE + minutes * MINUTE
    world = label_worlds.changed(rng, 120 + minutes, rate, 0.7, at_minute=120, by=by)
    known = cohorts(rng, world, now)
    return known.take(known.start >= CHANGE), known.take(known.start < CHANGE), now


@pytest.mark.parametrize(("minutes", "within"), [(3, 0.25), (10, 0.06), (40, 0.03)])
def test_a_rise_by_a_quarter_shows_as_one_after_minutes(minutes, within):
    after, before, now = parts(np.random.default_rng(minutes), minutes, 20, 1.25)
    found = ratio(after, before, now)
    assert found.estimate.value == pytest.approx(1.25, abs=within)
    assert found.estimate.low < 1.25 < found.estimate.high
    assert so_far(after)["mae"] / so_far(before)["mae"] < 1.1


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [10, 40])
def test_its_interval_holds_the_truth_in_92_to_98_of_100_runs(minutes):
    rng = np.random.default_rng(9)
    _, before, _ = parts(rng, 1, 20, 1.0)
    held = []
    for _ in range(300):
        world = label_worlds.steady(rng, minutes, 3, 0.7)
        world = world._replace(made=world.made + CHANGE, size=1.25 * world.size)
        now = CHANGE + minutes * MINUTE
        found = ratio(cohorts(rng, world, now), before, now).estimate
        held.append(found.low <= 1.25 <= found.high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_a_burst_does_not_move_it():
    rng = np.random.default_rng(2)
    now = 260 * MINUTE
    known = cohorts(rng, label_worlds.burst(rng, 0.7, rate=10), now)
    found = ratio(known.take(known.start >= 240 * MINUTE), known.take(known.start < 240 * MINUTE), now)
    assert found.estimate.value == pytest.approx(1, abs=0.05)
    assert found.estimate.low < 1 < found.estimate.high


def test_the_error_of_what_was_before_counts():
    rng = np.random.default_rng(3)
    after, before, now = parts(rng, 40, 20, 1.0)
    little = before.take(before.start < 10 * MINUTE)
    wide, narrow = (ratio(after, part, now).estimate for part in (little, before))
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_without_labels_at_the_same_delays_there_is_no_ratio():
    after, before, now = parts(np.random.default_rng(4), 3, 20, 1.0)
    assert ratio(after, before.take(slice(0)), now) is None
    assert ratio(after.take(slice(0)), before, now) is None
    few = before._replace(n=np.minimum(before.n, 1)).take(slice(MIN_BEFORE - 1))
    assert ratio(after, few, now) is None


def test_of_one_slice_it_does_not_say_how_sure_it_is():
    after, before, now = parts(np.random.default_rng(5), 40, 20, 1.0)
    assert ratio(after.take(slice(1)), before, now).estimate.low is None
