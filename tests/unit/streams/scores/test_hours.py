"""Errors that are larger at the same hours every day make no alarm once each is held against its hour, and a rise does."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from streams.scores.alarm import log_bets
from streams.scores.cells import Cells
from streams.scores.cohorts import Cohorts
from streams.scores.equal_delays import ratio
from streams.scores.histogram import Floats
from streams.scores.hours import Hours, hours_of
from streams.scores.labels import Labels, cells_of_labels
from streams.scores.reference import Reference
from streams.scores.watch import Watch
from tests.unit.streams.scores.label_worlds import BINS
from tests.unit.streams.scores.test_alarm import A, first_alarms, losses

DAY_S, HOUR_S, SLICE_S, DELAY_S, N_ROWS = 86_400.0, 3600.0, 600.0, 900.0, 20
KINDS = ["normal", "lognormal", "t3"]
N_DAYS, N_SLICES = 7, 1000
WORLDS = ["wave", "rush hours", "rush hours of a week"]
RUSH = [7, 8, 9, 16, 17, 18]


def difficulty(world: str, rng: np.random.Generator, slices: Floats) -> Floats:
    """Return how difficult each slice is, with days that differ: a wave of 20%, or half as difficult again at rush hours."""
    hour, day = slices * SLICE_S / HOUR_S % 24, (slices * SLICE_S // DAY_S).astype(int)
    days = rng.standard_normal(day.max() + 1)[day]
    if world == "wave":
        return (1 + 0.2 * np.sin(2 * np.pi * hour / 24)) * np.exp(0.05 * days)
    rush = np.isin(hour.astype(int), RUSH) * 0.5 * np.exp(0.1 * days)
    return 1 + np.where(day % 7 >= 5, 0, rush) if world == "rush hours of a week" else 1 + rush


def rows(world: str, kind: str, rng: np.random.Generator, n_days: int, n_slices: int) -> tuple[Floats, Floats]:
    """Return when predictions were made and how large their errors are: of the reference's days, and of slices behind them."""
    slices = np.arange(n_days * DAY_S / SLICE_S + n_slices)
    size = losses(kind, rng, (len(slices), N_ROWS)) * difficulty(world, rng, slices)[:, None]
    return np.repeat(slices * SLICE_S, N_ROWS), size.ravel()


def cells_of(made: Floats, size: Floats, width_s: float = HOUR_S) -> Cells:
    n = len(made)
    labels = Labels([""] * n, made, np.full(n, DELAY_S), np.zeros(n), size)
    return cells_of_labels(labels, np.zeros(n, np.int64), width_s=width_s, bins=BINS)


def made_of(cells: Cells) -> Reference:
    found = Reference.of(cells, BINS, 1e9)
    assert found is not None
    return found


def by_hour(made: Floats, size: Floats) -> Reference:
    cells = cells_of(made, size)
    found = made_of(cells).by_hour(cells)
    assert found is not None
    return found


def bets_of_run(world: str, kind: str, rng: np.random.Generator, factor: float, n_slices: int) -> tuple[Floats, Floats]:
    """Return the bets of a run behind its reference, against the same hour of the day and against all hours."""
    made, size = rows(world, kind, rng, N_DAYS, n_slices)
    known = by_hour(made[: -n_slices * N_ROWS], size[: -n_slices * N_ROWS])
    made, size = made[-n_slices * N_ROWS :], factor * size[-n_slices * N_ROWS :]
    group, bins = np.repeat(np.arange(n_slices), N_ROWS), BINS.of(np.full(len(made), DELAY_S))
    against = known.usual(bins, made), msgspec.structs.replace(known, hours=None).usual(bins, made)
    first, second = (log_bets(size, usual, known.cap, group, n_slices) for usual in against)
    return first, second


@pytest.mark.slow
@pytest.mark.parametrize(("world", "most"), list(zip(WORLDS, [0.01, 0, 0], strict=True)))
def test_of_200_runs_none_is_false_in_rush_hours_and_nearly_all_are_against_all_hours(world: str, most: float):
    """In a wave whose days differ by 5% as a whole, one of 200 may meet a day that is past all that is allowed for."""
    rng = np.random.default_rng(31)
    runs = [bets_of_run(world, KINDS[i % 3], rng, 1.0, N_SLICES) for i in range(200)]
    of_hours, of_all = (np.isfinite(first_alarms(np.stack(bets), A)).mean() for bets in zip(*runs, strict=True))
    assert of_hours <= most
    assert of_all > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_errors_half_as_large_again_are_found_against_the_same_hour(kind: str):
    rng = np.random.default_rng(32)
    bets = np.stack([bets_of_run(WORLDS[i % 3], kind, rng, 1.5, 60)[0] for i in range(12)])
    assert np.median(first_alarms(bets, A)) <= 14


def test_levels_are_those_of_the_day_and_are_less_sure_where_days_differ():
    """Labels alone leave 2.6% open; the levels of rush hours also differ from day to day, by a tenth."""
    rng, rush, others = np.random.default_rng(33), [], []
    for _ in range(12):
        made, size = rows("rush hours", "normal", rng, N_DAYS, 0)
        slices = (made // SLICE_S).astype(int)
        by_day = np.where(np.isin(hours_of(made), RUSH), 0.1 * rng.standard_normal(N_DAYS)[slices // 144], 0.0)
        hours = by_hour(made, size * (1 + by_day)).hours
        assert hours is not None
        level, off = np.array(hours.level), np.array(hours.off)
        assert level[RUSH].mean() / np.delete(level, RUSH).mean() == pytest.approx(1.5, rel=0.15)
        rush.append(off[RUSH].mean())
        others.append(np.delete(off, RUSH).mean())
    assert 0.02 < np.mean(others) < 0.05
    assert 1.5 * np.mean(others) < np.mean(rush) < 0.15


def test_without_a_swing_all_levels_are_about_one():
    rng = np.random.default_rng(34)
    made = rng.uniform(0, N_DAYS * DAY_S, 50_000)
    known = by_hour(made, losses("lognormal", rng, (len(made),)))
    assert known.hours is not None
    assert known.hours.level == pytest.approx([1.0] * 24, abs=0.08)
    assert max(known.hours.off) < 0.08


def test_an_hour_with_few_labels_or_on_few_days_is_held_against_nothing():
    rng = np.random.default_rng(35)
    made = rng.uniform(0, N_DAYS * DAY_S, 50_000)
    few, once = (hours_of(made) == 3) & (rng.random(len(made)) < 0.95), (hours_of(made) == 5) & (made > 2 * DAY_S)
    made = made[~few & ~once]
    known = by_hour(made, losses("normal", rng, (len(made),)))
    assert known.hours is not None
    assert [hour for hour, level in enumerate(known.hours.level) if not level] == [3, 5]
    assert known.usual(np.zeros(2, np.int64), np.array([3.5, 4.5]) * HOUR_S).astype(bool).tolist() == [False, True]


def test_cells_that_are_wider_than_an_hour_tell_no_hours():
    rng = np.random.default_rng(36)
    made = rng.uniform(0, N_DAYS * DAY_S, 50_000)
    cells = cells_of(made, losses("normal", rng, (len(made),)), width_s=6 * HOUR_S)
    assert made_of(cells).by_hour(cells) is None


def test_too_few_labels_tell_none_either():
    cells = cells_of(np.arange(100.0), np.ones(100))
    assert made_of(cells).by_hour(cells) is None


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_the_ratio_in_a_rush_hour_is_by_that_hour(factor: float):
    rng = np.random.default_rng(37)
    made, size = rows("rush hours", "normal", rng, N_DAYS + 1, 0)
    is_reference, start = made < N_DAYS * DAY_S, N_DAYS * DAY_S + 7 * HOUR_S
    known = by_hour(made[is_reference], size[is_reference])
    mine = (made >= start) & (made < start + 3 * HOUR_S)
    cohorts, now = Cohorts.of(cells_of(made[mine], factor * size[mine], SLICE_S), BINS), start + 9 * HOUR_S
    of_hour = ratio(cohorts, known.cohort(), now, hours=known.hours)
    of_all = ratio(cohorts, known.cohort(), now)
    assert of_hour is not None
    assert of_all is not None
    assert of_hour.estimate.low < factor < of_hour.estimate.high
    assert of_all.estimate.low > factor


def test_with_hours_the_evidence_begins_anew():
    rng = np.random.default_rng(38)
    made = rng.uniform(0, N_DAYS * DAY_S, 30_000)
    known = by_hour(made, losses("normal", rng, (len(made),)))
    plain = msgspec.structs.replace(known, hours=None)
    assert Watch.new(known, SLICE_S).is_of(known, SLICE_S)
    assert not Watch.new(plain, SLICE_S).is_of(known, SLICE_S)
    assert msgspec.json.decode(msgspec.json.encode(known), type=Reference) == known
    assert isinstance(known.hours, Hours)
