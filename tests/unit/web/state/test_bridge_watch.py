"""What the dashboard makes of the bridge's answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streams.settings import load
from tests.unit.clocks import Clock
from web.state import bridge_watch as module
from web.state.bridge_watch import BridgeWatch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def state(n_rows: int, behind: int | None = 0, namespace: str = "") -> dict[str, Any]:
    return {
        "namespace": namespace,
        "rows": {"y_true": {"kafka": n_rows - 1, "quarantined": 1}, "y_pred": {"kafka": 0, "quarantined": 0}},
        "messages_behind": {"y_true": behind, "y_pred": 2},
    }


def heard(clock: Clock, *answers: Any) -> BridgeWatch:
    watch = BridgeWatch(SimpleNamespace(settings=load({})))
    for answer in answers:
        watch._hear(answer)
        clock.now += 2.0
    return watch


def test_its_rate_is_what_went_to_kafka_and_to_quarantine_over_the_last_answers(clock: Clock) -> None:
    watch = heard(clock, *(state(100 * n) for n in range(1, 20)))
    assert watch.rate() == 50.0


def test_it_is_behind_by_the_messages_of_all_queues(clock: Clock) -> None:
    assert heard(clock, state(1, behind=40)).n_behind() == 42
    assert heard(clock, state(1, behind=None)).n_behind() is None, "of one queue nobody knows"


def test_a_bridge_that_was_restarted_starts_from_zero(clock: Clock) -> None:
    watch = heard(clock, state(1000), state(2000), state(10))
    assert watch.answers
    assert watch.rate() is None
    watch._hear(state(30))
    assert watch.rate() == 10.0


@pytest.mark.parametrize(
    "other", [None, [], {}, "bridge", state(1, namespace="theirs-"), {"namespace": "", "rows": {"y_true": 3}}]
)
def test_what_is_no_bridge_of_ours_is_none(clock: Clock, other: Any) -> None:
    watch = heard(clock, state(1), state(2), other)
    assert not watch.answers
    assert watch.rate() is watch.n_behind() is None
