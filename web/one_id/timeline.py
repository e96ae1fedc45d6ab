"""The timeline of one id: its rows and its verdict on one axis of time, as numbers for an SVG. Pure."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from web.dashboard.svg import time_step
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


def timeline(shown: dict[str, Any], now: float) -> Timeline:
    """Return the timeline of one row of `rows.row`."""
    events = sorted(_events(shown))
    first = min(shown[name] for name in ("at_true", "at_pred") if shown[name] is not None)
    until = shown["decided_at"] or shown["deadline_at"]
    end = max(until, *(event.at for event in events))
    room = max(end - first, 0.1) * 0.06
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


def _events(shown: dict[str, Any]) -> list[Event]:
    events = []
    for lane in ("y_pred", "y_true"):
        at = shown[f"at_{lane[2:]}"]
        if at is not None:
            events.append(Event(at, lane, f"came {clock(at, digits=3)}", "dot"))
    if beside := shown["other"]:
        was_late = shown[beside["side"]] is None
        what = "came too late" if was_late else "came with another value"
        events.append(
            Event(
                beside["at"],
                beside["side"],
                f"{what} {clock(beside['at'], digits=3)}",
                "late" if was_late else "conflict",
            )
        )
    kind = shown["state"].partition("_")[0]
    if shown["decided_at"] is not None:
        events.append(Event(shown["decided_at"], "verdict", f"{kind} {clock(shown['decided_at'], digits=3)}", kind))
    return events
