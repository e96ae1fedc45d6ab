"""The timeline of one id: its rows and its verdict, an event a line, on one axis of time. Pure."""

from __future__ import annotations

from typing import NamedTuple

from streams.join.deadlines import Rules
from web.one_id.sides import TITLES
from web.pairs.pair_view import Other, PairView, Side
from web.text import long_span, value

WIDTH = 1000
"""The axis is so many units long, whatever its width on the page."""
BEHIND_S = 1.0
"""A ts that lies further from its arrival is said."""


class Event(NamedTuple):
    """One thing that happened, or will: when, on which line, in words, and how sure a state it is (an icon).

    `ts` is when a row says that it happened; None of what is no row.
    """

    at: float
    line: str
    what: str
    icon: str
    ts: float | None = None


class Placed(NamedTuple):
    """An event with the x of its arrival, and that of its ts: the same where it has none."""

    x: float
    ts_x: float
    event: Event


class Timeline(NamedTuple):
    """Events in order, the window, now if it is on the axis, and where the axis begins and ends.

    Places are from 0 to WIDTH; `start` and `stop` are UTC epoch seconds. A row whose ts lies in the window, which is
    around the ts of the side that came first, joins.
    """

    events: list[Placed]
    window_from: float
    window_to: float
    now_x: float | None
    start: float
    stop: float


def timeline(pair: PairView, rules: Rules, now: float) -> Timeline:
    """Return the timeline of an id."""
    events = sorted(_events(pair, rules), key=lambda event: (event.at, event.line == "verdict"))
    first = min((side for side in (pair.true, pair.pred) if side is not None), key=lambda side: side.at)
    times = [at for event in events for at in (event.at, event.ts) if at is not None]
    begin, end = min(times), max(*times, first.ts + rules.window_s)
    room = max(end - begin, 0.1, abs(end) * 1e-12) * 0.02
    start, stop = begin - room, end + room

    def x(at: float) -> float:
        return float(round((min(max(at, start), stop) - start) / (stop - start) * WIDTH, 1))

    return Timeline(
        [Placed(x(event.at), x(event.at if event.ts is None else event.ts), event) for event in events],
        x(first.ts - rules.window_s),
        x(first.ts + rules.window_s),
        x(now) if now <= stop else None,
        start,
        stop,
    )


def _events(pair: PairView, rules: Rules) -> list[Event]:
    sides = {kind: pair.side(kind) for kind in TITLES}
    events = [_came(side, kind, "", "dot") for kind, side in sides.items() if side]
    if beside := pair.other:
        was_late = sides[beside.side] is None
        said, icon = (" came too late", "late") if was_late else (" came with another value", "conflict")
        events.append(_came(beside, beside.side, said, icon))
    if pair.decided_at is None:
        events.append(Event(pair.deadline_at(rules), "deadline", "expires, if its other side has not come", "waiting"))
    else:
        error = "" if pair.error is None else f", error {value(pair.error)}"
        events.append(Event(pair.decided_at, "verdict", f"{pair.kind}{error}", pair.kind))
    return events


def _came(row: Side | Other, line: str, said: str, icon: str) -> Event:
    return Event(row.at, line, f"{value(row.y)}{said}{_behind(row)}", icon, row.ts)


def _behind(row: Side | Other) -> str:
    """Return how far a row's ts lies from its arrival, if that is worth saying."""
    behind_s = row.at - row.ts
    if abs(behind_s) < BEHIND_S:
        return ""
    return f", its ts {long_span(abs(behind_s))} {'behind' if behind_s > 0 else 'ahead'}"
