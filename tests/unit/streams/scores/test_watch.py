"""The alarm over labels as they come, in batches: the same as over all at once, quiet in calm worlds, quick in others."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from streams.scores.alarm import STAKES, Detector, log_bets
from streams.scores.histogram import Floats
from streams.scores.labels import Labels, cells_of_labels
from streams.scores.reference import Reference, Yardstick
from streams.scores.watch import Came, Watch
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import BINS, MINUTE, SLICE_S, WINDOW_S, World

N_SEEDS = 40
N_ROWS, N_SLICES = 20, 1000
A_THOUSAND_SLICES = 30 * 86_400 / 1000
"""Slices so wide that an alarm takes a level of 1,000."""


def reference(delay: Floats, size: Floats, end: float = SLICE_S) -> Reference:
    """Return the reference that mature labels make."""
    n = len(delay)
    labels = Labels([""] * n, np.full(n, end - SLICE_S), delay, np.zeros(n), size)
    found = Reference.of(cells_of_labels(labels, np.zeros(n, np.int64), width_s=SLICE_S, bins=BINS), BINS, end + 1e6)
    assert found is not None
    return found


def first_labels(rng: np.random.Generator, rho: float, n: int = 30_000) -> Reference:
    world = label_worlds.steady(rng, 60, 2 * n / WINDOW_S, rho)
    labelled = np.isfinite(world.delay)
    return reference(world.delay[labelled][:n], world.size[labelled][:n])


def watched(world: World, known: Reference, start: float, end: float, batch_s: float = 47.0) -> list[Watch]:
    """Return the watch after each batch of what comes from `start` to `end`, in the order in which it comes."""
    at = world.made + world.delay
    order = np.argsort(at)
    watch = Watch.new(known, SLICE_S)
    watches = []
    for since in np.arange(start, end, batch_s):
        mine = order[(at[order] >= since) & (at[order] < min(since + batch_s, end))]
        made = world.made[(world.made >= since) & (world.made < min(since + batch_s, end))]
        labels = Came(at[mine], world.made[mine], world.delay[mine], world.size[mine])
        watch = watch.take(labels, made, known, BINS)
        watches.append(watch)
    return watches


def alarmed(watches: list[Watch], level: float = 1000.0) -> bool:
    return max(float(watch.detector.level) for watch in watches) >= level


def losses(kind: str, rng: np.random.Generator, n: int) -> Floats:
    if kind == "normal":
        return np.abs(rng.standard_normal(n))
    return rng.lognormal(0, 0.8, n) if kind == "lognormal" else np.abs(rng.standard_t(3, n))


def first_alarm(kind: str, rng: np.random.Generator, factor: float, n_slices: int) -> float:
    """Return the closed slice at which 1 false alarm in 1,000 slices is passed, of errors `factor` times the reference's."""
    known = reference(np.full(2000, 900.0), losses(kind, rng, 2000))
    n = n_slices * N_ROWS
    at = np.repeat(np.arange(n_slices), N_ROWS) * A_THOUSAND_SLICES + SLICE_S
    watch, size = Watch.new(known, A_THOUSAND_SLICES), factor * losses(kind, rng, n)
    for i in range(0, n, N_ROWS):
        rows = slice(i, i + N_ROWS)
        labels = Came(at[rows], at[rows], np.full(N_ROWS, 900.0), size[rows])
        watch = watch.take(labels, at[rows], known, BINS)
        if watch.share >= 1:
            return watch.n_active
    return np.inf


@pytest.mark.slow
def level_after(before: Floats, size: Floats) -> float:
    """Return the evidence once labels of these sizes came, a thousand a slice, after a reference of those before."""
    known = reference(np.full(len(before), 900.0), before)
    at = SLICE_S * (1 + np.arange(len(size)) // 1000)
    watch = Watch.new(known, SLICE_S)
    return float(watch.take(Came(at, at, np.full(len(at), 900.0), size), at, known, BINS).detector.level)


@pytest.mark.parametrize("before", [np.repeat([0.0, 1.0], [1996, 4]), np.full(2000, 2.0)], ids=["rare", "constant"])
def test_a_rise_is_found_where_errors_are_rare_or_all_about_the_same(before):
    again, risen = np.resize(before, 20_000), np.full(20_000, 3.0)
    assert level_after(before, again) < 1000 < level_after(before, risen)


def test_against_a_reference_without_any_error_no_evidence_comes_up():
    assert level_after(np.zeros(2000), np.full(20_000, 1.0)) == 0


@pytest.mark.parametrize("kind", ["normal", "lognormal", "t3"])
@pytest.mark.slow
def test_within_a_thousand_slices_no_steady_stream_makes_an_alarm(kind):
    rng = np.random.default_rng(21)
    found = [first_alarm(kind, rng, 1.0, N_SLICES) for _ in range(N_SEEDS // 8)]
    assert np.isfinite(found).sum() == 0


@pytest.mark.parametrize("kind", ["normal", "lognormal", "t3"])
def test_errors_half_as_large_again_are_found_within_a_dozen_slices_of_twenty_rows(kind):
    rng = np.random.default_rng(22)
    assert np.median([first_alarm(kind, rng, 1.5, 60) for _ in range(N_SEEDS)]) <= 12


@pytest.mark.parametrize("rho", [0.7, -0.7])
@pytest.mark.parametrize("name", ["start-up", "burst", "outage"])
@pytest.mark.slow
def test_worlds_in_which_only_labels_and_traffic_change_make_no_alarm(name, rho):
    rng = np.random.default_rng(23)
    for _ in range(3):
        known = first_labels(rng, rho)
        if name == "start-up":
            watches = watched(label_worlds.steady(rng, 120, 10, rho), known, 0, 120 * MINUTE)
        elif name == "burst":
            watches = watched(label_worlds.burst(rng, rho, rate=5), known, 75 * MINUTE, 300 * MINUTE)
        else:
            watches = watched(label_worlds.outage(rng, rho, rate=5), known, 75 * MINUTE, 340 * MINUTE)
        assert not alarmed(watches)


def test_a_long_outage_makes_none_either():
    """The labels of three hours come at once; none of the slices before them has labels."""
    rng = np.random.default_rng(24)
    known = first_labels(rng, 0.7)
    world = label_worlds.steady(rng, 600, 5, 0.7)
    at = world.made + world.delay
    held = (at > 240 * MINUTE) & (at < 420 * MINUTE)
    late = 420 * MINUTE + rng.uniform(0, 20, len(at)) - world.made
    world = world._replace(delay=np.where(held, late, world.delay))
    assert not alarmed(watched(world, known, 75 * MINUTE, 600 * MINUTE))


def test_a_real_rise_is_found_and_its_onset_told():
    rng = np.random.default_rng(25)
    known = first_labels(rng, 0.7)
    world = label_worlds.changed(rng, 200, 20, 0.7, at_minute=120, by=1.5)
    watches = watched(world, known, 75 * MINUTE, 145 * MINUTE)
    assert not alarmed([watch for watch in watches if watch.number * SLICE_S < 120 * MINUTE])
    assert alarmed(watches)
    assert 0 <= watches[-1].onset - 120 * MINUTE <= 15 * MINUTE, "half of the labels come within 15 minutes"


@pytest.mark.parametrize("batch_s", [5.0, 47.0, 600.0, 1e9])
def test_batches_and_restarts_change_nothing(batch_s):
    rng = np.random.default_rng(26)
    known, world = first_labels(rng, 0.7), label_worlds.steady(rng, 90, 3, 0.7)
    at = world.made + world.delay
    rows = np.flatnonzero((at < 90 * MINUTE) & (world.made >= known.end))
    slices = (at[rows] // SLICE_S).astype(np.int64)
    usual = known.yardstick()[BINS.of(world.delay[rows])]
    bets = log_bets(world.size[rows], usual, known.cap, slices, int(slices.max()) + 1)
    detector = Detector.new()
    for j in np.unique(slices)[:-1].tolist():
        detector = detector.step(bets[j], j * SLICE_S)
    watch = watched(world, known, 0.0, 90 * MINUTE, batch_s)[-1]
    assert watch.detector.level == pytest.approx(detector.level, rel=1e-9)
    assert msgspec.json.decode(msgspec.json.encode(watch), type=Watch) == watch


def test_predictions_of_the_reference_are_no_evidence_against_it():
    rng = np.random.default_rng(27)
    known = reference(np.full(2000, 900.0), rng.lognormal(0, 0.8, 2000), end=1020.0)
    watch = Watch.new(known, SLICE_S)
    for start in (2000.0, 3000.0, 4000.0):
        at = np.full(50, start)
        watch = watch.take(Came(at, np.full(50, 999.0), np.full(50, 900.0), np.full(50, 100.0)), at, known, BINS)
    assert watch.n_active == 0
    assert float(watch.detector.level) == 0


def test_times_of_long_ago_or_ahead_take_no_room():
    rng = np.random.default_rng(28)
    known = reference(np.full(2000, 900.0), rng.lognormal(0, 0.8, 2000))
    watch = Watch.new(known, SLICE_S)
    for n in range(400):
        at = np.full(3, 1.7e9 + n * SLICE_S)
        made = np.array([0.0, 1e10, at[0]])
        watch = watch.take(Came(at, at, np.full(3, 900.0), np.ones(3)), made, known, BINS)
    assert len(watch.came) <= 150
    assert watch.n_active == 399


def test_against_a_reference_without_an_error_nothing_is_bet_and_the_evidence_can_be_kept():
    known = reference(np.full(2000, 900.0), np.zeros(2000))
    watch = Watch.new(known, SLICE_S)
    for i in range(1, 4):
        at = np.full(N_ROWS, known.end + i * SLICE_S)
        watch = watch.take(Came(at, at, np.full(N_ROWS, 900.0), np.arange(N_ROWS, dtype=float)), at, known, BINS)
    assert msgspec.json.decode(msgspec.json.encode(watch), type=Watch) == watch
    assert watch.share == 0


def of_segments(rng: np.random.Generator, factors: Floats, n_slices: int, n_each: int) -> Watch:
    """Return the watch of labels in segments whose errors are so many times the reference's; the last has no label."""
    known = reference(np.full(2000, 900.0), losses("lognormal", rng, 2000))
    bins = BINS.coarse()
    yardstick = Yardstick(np.full(len(bins.ends), known.yardstick()[BINS.of(np.array([900.0]))][0]).tolist(), known.cap)
    names = [f"shop:{i}" for i in range(len(factors) + 1)]
    known = msgspec.structs.replace(known, segments=dict.fromkeys(names, yardstick))
    watch = Watch.new(known, A_THOUSAND_SLICES).with_segments(names)
    segment = np.tile(np.repeat(np.arange(len(factors)), n_each), n_slices)
    at = np.repeat(np.arange(n_slices), len(factors) * n_each) * A_THOUSAND_SLICES + SLICE_S
    size = losses("lognormal", rng, len(at)) * np.resize(np.repeat(factors, n_each), len(at))
    return watch.take(Came(at, at, np.full(len(at), 900.0), size, segment[:, None]), at, known, BINS)


def test_one_of_thirty_segments_that_rises_is_found_within_one_budget_and_named():
    factors = np.ones(30)
    factors[7] = 2.0
    watch = of_segments(np.random.default_rng(41), factors, 40, 10)
    share, name = watch.share_of("shop")
    assert share >= 1 > watch.share
    assert name == "shop:7"


@pytest.mark.slow
def test_thirty_steady_segments_make_no_alarm_in_a_thousand_slices():
    found = [of_segments(np.random.default_rng(seed), np.ones(30), 1000, 4).share_of("shop")[0] for seed in range(5)]
    assert max(found) < 1


def test_a_segment_without_labels_gathers_no_evidence():
    watch = of_segments(np.random.default_rng(42), np.ones(2), 100, 10)
    of_last = watch.evidence[-len(STAKES) :]
    assert of_last == (0,) * len(STAKES)
    assert min(watch.evidence[: -len(STAKES)]) > 0
