"""A chart of how each rule stood over time, and what else happened then. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from streams.alerts.states import Name
from streams.scores.figures import MARKS, Figures
from web.alerts.data import Alert, Happened
from web.dashboard.axes import time_ticks
from web.dashboard.svg import Margins, Svg, width_of
from web.text import clock

ROW_PX = 22
WIDE, NARROW = (1200, "wide", 8, 24), (376, "narrow", 4, 14)
"""Width, class, times on the axis and characters of a rule's name of both drawings."""


class Part(NamedTuple):
    """A rule stood so from `start` to `end`, UTC epoch seconds."""

    state: Name
    start: float
    end: float


def parts_of(alert: Alert, events: Sequence[Happened], start: float, end: float) -> list[Part]:
    """Return how a rule stood in a span, in order, without the times at which it was ok.

    Args:
        events: of all rules, in any order.
    """
    mine = sorted((event for event in events if event.rule == alert.rule), key=lambda event: event.at)
    found = []
    for i, event in enumerate(mine):
        until = mine[i + 1].at if i + 1 < len(mine) else end
        if event.state != "ok" and until > start and event.at < end:
            found.append(Part(event.state, max(event.at, start), min(until, end)))
    return found


def timeline(
    alerts: Sequence[Alert], events: Sequence[Happened], figures: Figures | None, start: float, end: float
) -> Markup | None:
    """Return the chart, twice: for wide and for narrow screens; None without rules.

    Args:
        figures: of the span, whose marks and label outages are drawn; None if they are not known.
    """
    if not alerts:
        return None
    return Markup("").join(_drawn(alerts, events, figures, start, end, *look) for look in (WIDE, NARROW))


def _drawn(
    alerts: Sequence[Alert],
    events: Sequence[Happened],
    figures: Figures | None,
    start: float,
    end: float,
    width: int,
    kind: str,
    n_ticks: int,
    n_chars: int,
) -> Markup:
    names = [rule if len(rule) <= n_chars else f"{rule[: n_chars - 1]}…" for rule in (alert.rule for alert in alerts)]
    left = int(max(map(width_of, names))) + 14
    title = f"How each rule stood from {clock(start)} to {clock(end)} UTC, and what else happened."
    svg = Svg(width, 52 + ROW_PX * len(alerts) + 24, title, Margins(left, 12, 52, 24), kind)

    def x(at: float) -> float:
        return svg.x((at - start) / (end - start))

    for outage in figures.outages if figures else ():
        svg.hatch(x(outage.start), x(outage.end), f"{clock(outage.start)}: no label came while predictions did")
    for row, (alert, name) in enumerate(zip(alerts, names, strict=True)):
        y = svg.y1 + ROW_PX * row
        svg.line(svg.x0, y + ROW_PX / 2, svg.x1, y + ROW_PX / 2, "gl")
        svg.text(svg.x0 - 8, y + ROW_PX / 2 + 4, name, "strong" if alert.is_active else "", "end")
        for part in parts_of(alert, events, start, end):
            _draw(svg, part, x(part.start), max(x(part.end), x(part.start) + 2), y, alert.rule)
    marks = figures.marks if figures else ()
    svg.marks(
        [((m.at - start) / (end - start), MARKS[m.kind]) for m in marks if m.kind in MARKS and start <= m.at <= end]
    )
    svg.x_axis(time_ticks(start, end, n_ticks))
    return svg.markup()


def _draw(svg: Svg, part: Part, x1: float, x2: float, y: float, rule: str) -> None:
    said = f"{rule} {part.state} from {clock(part.start)} to {clock(part.end)}"
    if part.state == "cannot tell":
        svg.line(x1, y + ROW_PX / 2, x2, y + ROW_PX / 2, "s-untold")
        svg.rect(x1, y + 2, x2 - x1, ROW_PX - 4, "hit", said)
    elif part.state == "pending":
        svg.rect(x1, y + 7, x2 - x1, ROW_PX - 14, "f-waiting", said)
    else:
        svg.rect(x1, y + 3, x2 - x1, ROW_PX - 6, "f-conflict" if part.state == "firing" else "f-held", said)
