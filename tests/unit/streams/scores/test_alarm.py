"""The alarm keeps its promise, finds a rise fast, and is not woken by late labels, bursts, outages or rush hours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streams.scores.alarm import STAKES, Detector, log_bets
from streams.scores.histogram import Floats
from streams.scores.labels import Labels, cells_of_labels
from streams.scores.outage import backlogs, outages
from streams.scores.reference import Reference
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import BINS, MINUTE, SLICE_S, WINDOW_S, World

A = 1000
N_SEEDS, N_SLICES, N_ROWS = 200, 1000, 20
HOUR = 60 * MINUTE
KINDS = ["normal", "lognormal", "t3"]


def losses(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    if kind == "normal":
        return np.abs(rng.standard_normal(shape))
    return rng.lognormal(0, 0.8, shape) if kind == "lognormal" else np.abs(rng.standard_t(3, shape))


def reference(delay: Floats, size: Floats) -> Reference:
    """Return the reference that mature labels make."""
    n = len(delay)
    labels = Labels([""] * n, np.zeros(n), delay, np.zeros(n), size)
    found = Reference.of(cells_of_labels(labels, np.zeros(n, np.int64), width_s=SLICE_S, bins=BINS), BINS, 2 * HOUR)
    assert found is not None
    return found


def first_alarms(bets: Floats, at: float) -> Floats:
    """Return the slice of each run, of bets of shape (runs, slices, stakes), at which its level reaches `at`."""
    detector, found = Detector.new(len(bets)), np.full(len(bets), np.inf)
    for j in range(bets.shape[1]):
        detector = detector.step(bets[:, j], float(j))
        found = np.where(np.isinf(found) & (detector.level >= at), j + 1, found)
    return found


def bets_of_run(kind: str, rng: np.random.Generator, factor: float, n_slices: int, spread: float) -> Floats:
    """Return the bets of a run whose errors are `factor` times those of its 2,000 reference pairs.

    Label delays are log-normal: with a spread of 0 all are of one bin, with 1 of nearly all bins.
    """
    delay = np.minimum(900 * np.exp(spread * rng.standard_normal(2000 + n_slices * N_ROWS)), WINDOW_S)
    size = losses(kind, rng, delay.shape)
    known = reference(delay[:2000], size[:2000])
    usual = known.yardstick()[BINS.of(delay[2000:])]
    return log_bets(factor * size[2000:], usual, known.cap, np.repeat(np.arange(n_slices), N_ROWS), n_slices)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 1.0], ids=["one delay", "all delays"])
@pytest.mark.parametrize("kind", KINDS)
def test_within_a_thousand_slices_it_is_false_in_at_most_two_per_cent_of_200_runs(kind, spread):
    rng = np.random.default_rng(11)
    bets = np.stack([bets_of_run(kind, rng, 1.0, N_SLICES, spread) for _ in range(N_SEEDS)])
    assert np.isfinite(first_alarms(bets, A)).mean() <= 0.02


@pytest.mark.parametrize("spread", [0.0, 1.0], ids=["one delay", "all delays"])
@pytest.mark.parametrize("kind", KINDS)
def test_errors_half_as_large_again_are_found_within_a_dozen_slices_of_twenty_rows(kind, spread):
    rng = np.random.default_rng(12)
    bets = np.stack([bets_of_run(kind, rng, 1.5, 60, spread) for _ in range(40)])
    assert np.median(first_alarms(bets, A)) <= 12


@pytest.mark.parametrize("kind", KINDS)
def test_with_a_reference_that_is_known_exactly_nine_of_ten_are_found_within_a_dozen_slices(kind: str):
    rng = np.random.default_rng(22)
    size = losses(kind, rng, (200, 60, N_ROWS))
    before = losses(kind, rng, (200_000,))
    cap = float(np.quantile(before, 0.995))
    usual = np.full(size.size, np.minimum(before, cap).mean())
    bets = log_bets(1.5 * size.ravel(), usual, cap, np.repeat(np.arange(200 * 60), N_ROWS), 200 * 60)
    assert np.quantile(first_alarms(bets.reshape(200, 60, -1), A), 0.9, method="higher") <= 12


@pytest.mark.slow
def test_at_the_edge_of_the_promise_a_run_is_at_least_as_long_on_average():
    rng = np.random.default_rng(13)
    size = 1.1 * rng.lognormal(0, 0.8, (N_SEEDS, N_SLICES, N_ROWS))
    usual = np.full(size.size, math.exp(0.32))
    bets = log_bets(size.ravel(), usual, np.inf, np.repeat(np.arange(N_SEEDS * N_SLICES), N_ROWS), N_SEEDS * N_SLICES)
    runs = first_alarms(bets.reshape(N_SEEDS, N_SLICES, -1), 200)
    assert np.minimum(runs, N_SLICES).mean() >= 200


@pytest.mark.slow
def test_many_series_share_one_budget():
    """The mean over 50 series keeps the promise that each alone would keep; any of them alone does not."""
    n_series, n_slices, at, runs = 50, 600, 200, []
    rng = np.random.default_rng(14)
    for _ in range(60):
        size = 1.1 * rng.lognormal(0, 0.8, n_series * n_slices * 4)
        usual = np.full(len(size), math.exp(0.32))
        group = np.repeat(np.arange(n_series * n_slices), 4)
        bets = log_bets(size, usual, np.inf, group, n_series * n_slices).reshape(n_series, n_slices, -1)
        detector, found = Detector.new(n_series), [np.inf, np.inf]
        for j in range(n_slices):
            detector = detector.step(bets[:, j], float(j))
            levels = (detector.level.mean(), detector.level.max())
            found = [min(first, j + 1 if level >= at else np.inf) for first, level in zip(found, levels, strict=True)]
        runs.append(np.minimum(found, n_slices))
    one_budget, any_series = np.mean(runs, axis=0)
    assert one_budget >= at > 2 * any_series


def alarmed(world: World, known: Reference, start: float, end: float) -> bool:
    """Return whether the labels that come from `start` to `end` make an alarm, as a worker would take them."""
    at = world.made + world.delay
    edges = np.arange(start, end + 1, SLICE_S)
    came, made = (np.histogram(times, edges)[0] for times in (at, world.made))
    held = backlogs(outages(edges[:-1], SLICE_S, made, came), came)
    usual = known.yardstick()[BINS.of(np.where(np.isfinite(at), world.delay, 0))]
    rows = (at >= start) & (at < edges[-1]) & ~np.isnan(usual)
    slices = ((at[rows] - start) // SLICE_S).astype(np.int64)
    bets = log_bets(world.size[rows], usual[rows], known.cap, slices, len(came))
    return bool(np.isfinite(first_alarms(bets[None, (came > 0) & ~held], A)[0]))


def known_of(rng: np.random.Generator, rho: float, n: int) -> Reference:
    """Return the reference of the first mature pairs of a steady world."""
    world = label_worlds.steady(rng, 60, 2 * n / HOUR, rho)
    labelled = np.isfinite(world.delay)
    return reference(world.delay[labelled][:n], world.size[labelled][:n])


@pytest.mark.parametrize("rho", [0.7, -0.7])
@pytest.mark.parametrize("n_reference", [2000, 30_000])
@pytest.mark.parametrize("name", ["start-up", "burst", "outage"])
def test_worlds_in_which_only_labels_and_traffic_change_make_no_alarm(name, n_reference, rho):
    rng = np.random.default_rng(15)
    for _ in range(10):
        known = known_of(rng, rho, n_reference)
        if name == "start-up":
            assert not alarmed(label_worlds.steady(rng, 120, 20, rho), known, 0, 120 * MINUTE)
        elif name == "burst":
            assert not alarmed(label_worlds.burst(rng, rho, rate=10), known, 75 * MINUTE, 300 * MINUTE)
        else:
            assert not alarmed(label_worlds.outage(rng, rho, rate=10), known, 75 * MINUTE, 340 * MINUTE)


@pytest.mark.parametrize("rho", [0.7, -0.7])
def test_in_such_a_world_a_real_rise_is_found_while_its_slow_labels_are_on_their_way(rho):
    rng = np.random.default_rng(16)
    for _ in range(10):
        known = known_of(rng, rho, 30_000)
        world = label_worlds.changed(rng, 160, 20, rho, at_minute=120, by=1.5)
        assert not alarmed(world, known, 75 * MINUTE, 120 * MINUTE)
        assert alarmed(world, known, 75 * MINUTE, 145 * MINUTE)


def test_bets_add_over_batches():
    rng = np.random.default_rng(19)
    size, group = rng.lognormal(0, 1, 500), rng.integers(0, 7, 500)
    whole = log_bets(size, np.full(500, 1.3), 5.0, group, 7)
    parts = [log_bets(size[i::3], np.full(len(size[i::3]), 1.3), 5.0, group[i::3], 7) for i in range(3)]
    assert sum(parts) == pytest.approx(whole, rel=1e-12)


def test_a_single_huge_error_is_no_change():
    bets = log_bets(np.array([1e30]), np.array([1.0]), 4.0, np.zeros(1, np.int64), 1)
    assert Detector.new().step(bets[0], 0.0).level < 2


def test_the_onset_is_when_errors_began_to_grow():
    rng = np.random.default_rng(20)
    size = rng.lognormal(0, 0.8, (300, N_ROWS)) * np.where(np.arange(300) < 200, 1, 1.5)[:, None]
    bets = log_bets(size.ravel(), np.full(size.size, math.exp(0.32)), 8.0, np.repeat(np.arange(300), N_ROWS), 300)
    detector = Detector.new()
    for j in range(300):
        detector = detector.step(bets[j], 60.0 * j)
    assert detector.level >= A
    assert float(detector.onset) / 60 == pytest.approx(200, abs=5)


@pytest.mark.parametrize("n_rows", [200, 1000])
def test_the_alarm_of_a_long_rise_ends_soon_after_the_rise_and_the_next_one_is_found(n_rows: int):
    rng, level = np.random.default_rng(21), []
    detector = Detector.new()
    for j, factor in enumerate([1.5] * 480 + [1.0] * 240 + [1.5] * 30):
        size = factor * rng.lognormal(0, 0.8, n_rows)
        bets = log_bets(size, np.full(n_rows, math.exp(0.33)), 8.0, np.zeros(n_rows, np.int64), 1)
        detector = detector.step(bets[0], float(j))
        level.append(float(detector.level))
    assert level[479] >= A
    assert max(level[600:720]) < A
    assert level[-1] >= A
    assert 715 <= float(detector.onset) <= 725


def test_evidence_stays_finite():
    detector = Detector.new(2)
    for _ in range(5):
        detector = detector.step(np.full((2, len(STAKES)), 1e6), 0.0)
    assert np.isfinite(detector.level).all()
    for _ in range(5):
        detector = detector.step(np.full((2, len(STAKES)), -1e6), 0.0)
    assert detector.level.tolist() == [0, 0]


def test_a_detector_goes_on_from_what_was_kept_of_it():
    detector = Detector.new(3).step(np.ones((3, 4)), 5.0)
    kept = [column.tolist() for column in detector]
    again = Detector(*map(np.array, kept)).step(np.ones((3, 4)), 6.0)
    assert again.level.tolist() == detector.step(np.ones((3, 4)), 6.0).level.tolist()
