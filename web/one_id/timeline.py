"""The timeline of one id: its rows and its verdict on one axis of time, as numbers for an SVG. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from streams.join.deadlines import Rules
from web.dashboard.svg import time_step
from web.one_id.sides import TITLES
from web.pairs.pair_view import PairView
from web.text import clock

LEFT, RIGHT = 110, 1050
MOST_TICKS = 8


class Event(NamedTuple):
    """One thing that happened: when, on which line, what to write, and how sure a state it is (an icon)."""

    at: float
    lane: str
    what: str
    icon: str


class Timeline(NamedTuple):
    """Events with their x, the span in which the id could join, the ticks, and now if it is on the axis."""

    events: list[tuple[float, Event]]
    open_from: float
    open_to: float
    ticks: list[tuple[float, str]]
    now_x: float | None


def timeline(pair: PairView, rules: Rules, now: float) -> Timeline:
    """Return the timeline of an id."""
    events = sorted(_events(pair))
    first = pair.first_at
    until = pair.deadline_at(rules) if pair.decided_at is None else pair.decided_at
    end = max(until, *(event.at for event in events))
    room = max(end - first, 0.1, abs(end) * 1e-12) * 0.06
    start, stop = first - room, end + room

    def x(at: float) -> float:
        return float(round(LEFT + (min(max(at, start), stop) - start) / (stop - start) * (RIGHT - LEFT), 1))

    return Timeline(
        [(x(event.at), event) for event in events],
        x(first),
        x(until),
        [(x(at), words) for at, words in _ticks(start, stop)],
        x(now) if now <= stop else None,
    )


def _ticks(start: float, stop: float) -> list[tuple[float, str]]:
    """Return round times from `start` to `stop`, with their words."""
    step = time_step(stop - start, MOST_TICKS)
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 3
    first = math.ceil(start / step)
    times = [round(i * step, 3) for i in range(first, math.floor(stop / step) + 1)]
    return [(at, clock(at, digits=digits)) for at in times]


def _events(pair: PairView) -> list[Event]:
    sides = {kind: pair.side(kind) for kind in TITLES}
    events = [Event(side.at, kind, f"came {clock(side.at, digits=3)}", "dot") for kind, side in sides.items() if side]
    if beside := pair.other:
        was_late = sides[beside.side] is None
        what, icon = ("came too late", "late") if was_late else ("came with another value", "conflict")
        events.append(Event(beside.at, beside.side, f"{what} {clock(beside.at, digits=3)}", icon))
    if pair.decided_at is not None:
        what = f"{pair.kind} {clock(pair.decided_at, digits=3)}"
        events.append(Event(pair.decided_at, "verdict", what, pair.kind))
    return events
