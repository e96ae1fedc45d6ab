"""An alert's states, against an oracle that looks at the whole past each time."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.readings import Reading
from streams.alerts.rules import Rule
from streams.alerts.states import LONGEST_GAP_S, State, step

RULE = Rule(name="mae", metric="mae", above=10.0, clear=8.0, for_="60s", keep="40s")
Look = tuple[float, float | None]


def run(rule: Rule, looks: list[Look], state: State | None = None) -> list[State]:
    """Return the state after each look."""
    states, state = [], state or State()
    for at, value in looks:
        states.append(state := step(rule, state, Reading(value), at))
    return states


def lasted(looks: list[Look], i: int, good: list[bool], span_s: float) -> bool:
    """Tell whether all looks up to the i-th were good for so long, without a gap."""
    if not good[i]:
        return False
    j = i
    while j and good[j - 1] and looks[j][0] - looks[j - 1][0] <= LONGEST_GAP_S:
        j -= 1
    return looks[i][0] - looks[j][0] >= span_s


def oracle(looks: list[Look]) -> list[str]:
    beyond = [value is not None and value > 10 for _, value in looks]
    clear = [value is not None and value <= 8 for _, value in looks]
    names, active = [], False
    for i, (_, value) in enumerate(looks):
        active = not lasted(looks, i, clear, 40) if active else lasted(looks, i, beyond, 60)
        known = {(True, True): "firing", (True, False): "held", (False, True): "pending", (False, False): "ok"}
        names.append("cannot tell" if value is None else known[active, beyond[i]])
    return names


VALUES = st.sampled_from([None, 0.0, 8.0, 9.0, 10.0, 10.5, 20.0])


@given(st.lists(st.tuples(st.sampled_from([0.0, 10.0, 20.0, 60.0, 61.0]), VALUES), max_size=60), st.data())
def test_it_stands_as_one_finds_who_looks_at_the_whole_past(steps, data):
    looks, at = [], 1000.0
    for pause, value in steps:
        at += pause
        looks.append((at, value))
    states = run(RULE, looks)
    assert [state.name for state in states] == oracle(looks)
    cut = data.draw(st.integers(0, len(looks)))
    kept = msgspec.json.encode(states[cut - 1] if cut else State())
    assert run(RULE, looks[cut:], msgspec.json.decode(kept, type=State)) == states[cut:], "a restart changes nothing"


@given(st.lists(VALUES, max_size=60))
def test_what_cannot_be_told_neither_fires_nor_resolves(values):
    state = State()
    for n, value in enumerate(values):
        after = step(RULE, state, Reading(value), 10.0 * n)
        if value is None:
            assert (after.fired_at, after.is_active) == (state.fired_at, state.is_active)
        state = after


@given(st.lists(st.tuples(st.floats(-1e10, 1e10), VALUES), max_size=40))
def test_a_clock_that_jumps_makes_no_span(looks):
    """What has been so for a minute has been seen so at looks a minute or less apart, each later than the one before."""
    state = State()
    for at, value in looks:
        after = step(RULE, state, Reading(value), at)
        if after.is_active and not state.is_active:
            assert 0 <= at - state.looked_at <= LONGEST_GAP_S
            assert after.beyond_since is not None
            assert at - after.beyond_since >= 60
        state = after


def test_when_it_fired_and_was_resolved_is_kept():
    rule = Rule(name="mae", metric="mae", above=10.0)
    states = run(rule, [(0, 11), (10, 12), (20, 9), (30, 11)])
    assert [state.name for state in states] == ["firing", "firing", "ok", "firing"]
    assert [(state.fired_at, state.resolved_at) for state in states] == [(0, None), (0, None), (0, 20), (30, None)]
    assert [state.since for state in states] == [0, 0, 20, 30]


@pytest.mark.parametrize(
    ("value", "name"),
    [(0.5, "firing"), (0.55, "held"), (0.59, "held"), (0.6, "ok")],
    ids=["under", "at", "not yet", "over"],
)
def test_below_is_the_other_way_round(value, name):
    rule = Rule(name="coverage", metric="coverage", below=0.55, clear=0.6)
    assert run(rule, [(0, 0.1), (10, value)])[-1].name == name


@pytest.mark.parametrize(
    ("rule", "reading", "name"),
    [
        (Rule(name="a", metric="mae", above=44), Reading(44.8, 43.9, 45.7), "ok"),
        (Rule(name="a", metric="mae", above=44), Reading(46.7, 45.5, 47.9), "firing"),
        (Rule(name="a", metric="coverage", below=0.5), Reading(0.49, 0.47, 0.51), "ok"),
        (Rule(name="a", metric="coverage", below=0.5), Reading(0.45, 0.43, 0.47), "firing"),
    ],
)
def test_it_fires_only_if_the_whole_interval_is_past_the_limit(rule, reading, name):
    assert step(rule, State(), reading, 0).name == name


def test_what_fires_is_not_resolved_by_an_interval_that_reaches_the_limit():
    rule = Rule(name="a", metric="mae", above=44)
    fired = step(rule, State(), Reading(46.7, 45.5, 47.9), 0)
    assert step(rule, fired, Reading(44.8, 43.9, 45.7), 10).name == "held"
    assert step(rule, fired, Reading(43.9, 43.0, 44.8), 10).name == "ok"
