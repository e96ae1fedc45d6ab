"""The reference: what is kept of a good time, and what single errors are held against."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from streams.scores.labels import Labels, cells_of_labels
from streams.scores.reference import MIN_IN_YARDSTICK, Reference
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import BINS, MINUTE, SLICE_S, WINDOW_S, true_scores

HOUR = 60 * MINUTE


def reference(rng: np.random.Generator, rho: float, *, rate: float, now: float) -> Reference:
    world = label_worlds.steady(rng, now / MINUTE, rate, rho)
    found = Reference.of(label_worlds.cells(rng, world, now), BINS, now)
    assert found is not None
    return found


def of_rows(delay: np.ndarray, size: np.ndarray) -> Reference:
    n = len(delay)
    labels = Labels([""] * n, np.zeros(n), delay, np.zeros(n), size)
    found = Reference.of(cells_of_labels(labels, np.zeros(n, np.int64), width_s=SLICE_S, bins=BINS), BINS, 2 * HOUR)
    assert found is not None
    return found


def test_it_takes_mature_slices_only():
    found = reference(np.random.default_rng(1), 0.7, rate=5, now=3 * HOUR)
    assert (found.start, found.end) == (0, 2 * HOUR)
    assert found.n_predictions == pytest.approx(5 * 2 * HOUR, rel=0.05)
    assert (
        Reference.of(
            label_worlds.cells(
                np.random.default_rng(1), label_worlds.steady(np.random.default_rng(1), 30, 5, 0.7), HOUR / 2
            ),
            BINS,
            HOUR / 2,
        )
        is None
    )


@pytest.mark.parametrize("horizon_s", [BINS.ends[20], WINDOW_S])
def test_its_scores_are_those_within_a_horizon(horizon_s):
    found = reference(np.random.default_rng(2), -0.7, rate=20, now=3 * HOUR)
    assert found.scores(horizon_s) == pytest.approx(true_scores(horizon_s, -0.7), rel=0.1, abs=0.05)


def test_it_goes_through_json():
    found = reference(np.random.default_rng(3), 0.7, rate=1, now=3 * HOUR)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Reference) == found


def test_one_error_in_200_is_beyond_the_cap():
    size = np.random.default_rng(4).lognormal(0, 0.8, 50_000)
    found = of_rows(np.full(len(size), 30.0), size)
    assert np.mean(size > found.cap) == pytest.approx(0.005, abs=0.001)


def test_a_yardstick_is_the_mean_of_capped_errors_at_that_delay_and_one_standard_error_more():
    rng = np.random.default_rng(5)
    delay, size = rng.choice([15.0, 3000.0], 4000), np.abs(rng.standard_t(3, 4000))
    size[delay > 1000] *= 3
    known = of_rows(delay, size)
    found = known.yardstick()
    for at in (15.0, 3000.0):
        mine = np.minimum(size[delay == at], known.cap)
        assert found[BINS.of(np.array([at]))] == pytest.approx(mine.mean() + mine.std() / np.sqrt(len(mine)), rel=0.02)
    assert sum(known._capped()[0]) == pytest.approx(np.minimum(size, known.cap).sum(), rel=1e-3)


def test_one_huge_error_in_a_reference_hides_no_rise():
    delay, size = np.resize([15.0, 3000.0], 4000), np.full(4000, 1.0)
    size[::200], size[4] = 5.0, 1e9
    found = of_rows(delay, size)
    assert found.cap < 6
    assert found.yardstick()[BINS.of(delay[:2])] == pytest.approx([1.04, 1.0], rel=0.05)


def test_a_reference_of_before_the_cap_counted_in_its_means_still_reads():
    found = of_rows(np.full(1000, 30.0), np.random.default_rng(6).lognormal(0, 0.8, 1000))
    kept = msgspec.to_builtins(found)
    del kept["beyond"], kept["beyond_squares"]
    assert msgspec.convert(kept, Reference).yardstick()[0] >= found.yardstick()[0] > 0


def test_bins_with_few_labels_share_a_yardstick_with_their_neighbours():
    delay = np.linspace(1, 3599, 2000)
    found = of_rows(delay, delay).yardstick()
    assert np.all(np.diff(found) >= 0)
    assert 4 <= len(set(found.tolist())) <= 10
    assert not np.isnan(found).any()


def test_with_too_few_labels_there_is_no_yardstick():
    assert np.isnan(of_rows(np.full(MIN_IN_YARDSTICK - 1, 5.0), np.ones(MIN_IN_YARDSTICK - 1)).yardstick()).all()
    assert of_rows(np.full(MIN_IN_YARDSTICK, 5.0), np.ones(MIN_IN_YARDSTICK)).yardstick() == pytest.approx(1)
