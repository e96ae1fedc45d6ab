"""Label outages are named; pauses of the traffic, the start, and labels in batches are not."""

from __future__ import annotations

import numpy as np
import pytest

from streams.scores.outage import backlogs, outages
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import MINUTE

WIDTH_S = 30.0


def by_slice(world: label_worlds.World, minutes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the starts of slices, and how many predictions and labels came in each."""
    edges = np.arange(0, minutes * MINUTE + 1, WIDTH_S)
    counts = [np.histogram(times, edges)[0] for times in (world.made, world.made + world.delay)]
    return edges[:-1], *counts


@pytest.mark.parametrize("seed", range(5))
def test_it_is_named_with_its_times(seed):
    rng = np.random.default_rng(seed)
    start, made, came = by_slice(label_worlds.outage(rng, 0.7, rate=20), 300)
    (found,) = outages(start, WIDTH_S, made, came)
    assert (found.start, found.end) == (240 * MINUTE, 260 * MINUTE)
    assert found.n_predictions == pytest.approx(20 * 20 * MINUTE, rel=0.05)
    assert found.n_missing == pytest.approx(0.64 * 20 * 20 * MINUTE, rel=0.1)
    assert backlogs([found], came).nonzero()[0].tolist() == [260 * MINUTE / WIDTH_S]


def test_it_is_named_while_it_lasts():
    rng = np.random.default_rng(1)
    start, made, came = by_slice(label_worlds.outage(rng, 0.7, rate=20), 250)
    (found,) = outages(start, WIDTH_S, made, came)
    assert found.end == 250 * MINUTE
    assert not backlogs([found], came).any()


@pytest.mark.parametrize("seed", range(20))
def test_a_steady_world_has_none_and_the_wait_for_the_first_labels_is_none(seed):
    rng = np.random.default_rng(seed)
    assert outages(*_with_width(by_slice(label_worlds.steady(rng, 300, 0.2, 0.7), 300))) == []


def _with_width(columns):
    start, made, came = columns
    return start, WIDTH_S, made, came


def test_labels_that_come_in_batches_are_none():
    came = np.zeros(1000, np.int64)
    came[::100] = 5000
    start = np.arange(1000) * WIDTH_S
    found = outages(start, WIDTH_S, np.full(1000, 50), came)
    assert [outage.first for outage in found] == [1, 101]  # until the third batch nobody can tell
    came[500:800] = 0
    assert [outage.first for outage in outages(start, WIDTH_S, np.full(1000, 50), came)] == [1, 101, 401]


def test_without_predictions_there_is_no_outage():
    came = np.repeat([50, 0, 50], 100)
    assert outages(np.arange(300) * WIDTH_S, WIDTH_S, came, came) == []


def test_a_backlog_that_takes_long_is_one_until_it_is_gone():
    came = np.array([10] * 100 + [0] * 50 + [100] * 5 + [10] * 20)
    found = outages(np.arange(175) * WIDTH_S, WIDTH_S, np.full(175, 15), came)
    assert backlogs(found, came).nonzero()[0].tolist() == [150, 151, 152, 153, 154]
    assert backlogs(found, came[:153]).nonzero()[0].tolist() == [150, 151, 152]
