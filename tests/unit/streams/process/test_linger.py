"""The linger: at its shortest for few rows, longer for many, one for all who share it."""

from __future__ import annotations

import pytest

from streams.process import linger as module
from streams.process.linger import LOOK_S, STEADY_ROWS_S, Linger
from tests.unit.clocks import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def at_rate(clock: Clock, rows_s: float) -> Linger:
    linger = Linger(0.01, 0.16)
    linger.count(int(rows_s * 1.01 * LOOK_S))
    clock.now += LOOK_S
    linger.rest_s(clock.now)
    return linger


@pytest.mark.parametrize(
    ("share_of_steady", "period_s"),
    [(0, 0.01), (0.5, 0.01), (1.5, 0.01), (2, 0.02), (4, 0.04), (9, 0.08), (1000, 0.16)],
)
def test_each_doubling_of_the_rate_doubles_the_beat_up_to_its_longest(
    clock: Clock, share_of_steady: float, period_s: float
) -> None:
    assert at_rate(clock, share_of_steady * STEADY_ROWS_S).period_s == pytest.approx(period_s)


def test_it_is_short_again_once_rows_are_few(clock: Clock) -> None:
    linger = at_rate(clock, 10 * STEADY_ROWS_S)
    clock.now += 10 * LOOK_S
    assert linger.rest_s(clock.now - 10 * LOOK_S) == 0.0, "a first batch after a rest does not wait"
    assert linger.period_s == 0.01


def test_whoever_shares_a_beat_leaves_at_the_same_moment(clock: Clock) -> None:
    linger = Linger(0.01, 0.16)
    clock.now = 1000.002
    first = clock.now + linger.rest_s(last_at=1000.0)
    clock.now = 1000.007
    second = clock.now + linger.rest_s(last_at=999.999)
    assert first == pytest.approx(second) == pytest.approx(1000.01)


def test_a_beat_that_is_asked_to_be_longer_than_the_longest_stays_as_asked(clock: Clock) -> None:
    linger = Linger(1.0, 0.16)
    linger.count(10**9)
    clock.now += LOOK_S
    linger.rest_s(clock.now)
    assert linger.period_s == 1.0
