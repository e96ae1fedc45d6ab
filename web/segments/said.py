"""What the page of segments says in words, and the bars of its table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agents.insight.query import AskedSegments
from streams.scores.breakdown import Breakdown, Part, Segment
from streams.scores.numbers import NONE, number
from web.dashboard.choice import Choice
from web.dashboard.said import with_interval
from web.text import count, percent, short_span

MOST_PARTS = 12
"""Parts of a change that are drawn; the rest is added up."""


class Line(NamedTuple):
    """One row of the table, in words; `share` is drawn as a bar."""

    name: str
    url: str
    share: float
    loss: str
    ids: str
    mae: str
    expected: str
    interval: str
    coverage: str
    delay: str
    n: str


class Bar(NamedTuple):
    """What one segment adds to a change: two bars from zero, as x and width between 0 and 100."""

    name: str
    model: str
    mix: str
    model_x: float
    model_width: float
    mix_x: float
    mix_width: float


class Said(NamedTuple):
    """The words of the page. `zero`: where the bars of the change begin."""

    bold: str
    rest: str
    lines: Sequence[Line]
    total: Line
    change: str
    bars: Sequence[Bar]
    zero: float


def said(found: Breakdown, asked: AskedSegments) -> Said:
    """Return what the page says of segments."""
    bold, rest = _first(found)
    bars, zero = _bars(found.change.parts)
    return Said(
        bold,
        rest,
        [_line(one, found.key, asked) for one in found.segments],
        _line(found.total, "", asked),
        _change(found),
        bars,
        zero,
    )


def label(key: str, value: str) -> str:
    """Return the name of a segment as people read it."""
    return value or f"no {key}"


def _first(found: Breakdown) -> tuple[str, str]:
    if not found.segments and found.n_sampled:
        return (
            f"Segments by {found.key} begin with {count(found.n_needed)} labels; {count(found.n_sampled)} are in.",
            "These first ones say where the bins begin and end, and are counted then, too.",
        )
    if not found.segments:
        return "Nothing was counted in this time.", "A longer span may hold something."
    if not found.total.n_labelled:
        return f"No label is in yet, of {count(found.total.n_predictions)} predictions.", ""
    first = found.segments[0]
    if not first.value and len(found.segments) == 1:
        return f"No row of this time has the tag {found.key}.", "So there is nothing to tell apart by it."
    name = label(found.key, first.value)
    share = (
        ""
        if found.total.why and not first.share_of_predictions
        else f"{percent(first.share_of_predictions or 0.0)} of the predictions and "
    )
    bold = f"{name} makes {share}{percent(first.share_of_loss or 0.0)} of the loss."
    mae, interval = with_interval(first.mae_expected, first.mae_low, first.mae_high)
    of_all, of_all_interval = with_interval(found.total.mae_expected, found.total.mae_low, found.total.mae_high)
    if first.mae_expected is None or found.total.mae_expected is None:
        return bold, f"Its MAE so far is {number(first.mae)}; that of all is {number(found.total.mae)}."
    return bold, f"Its MAE is expected to be {mae} {interval}; that of all {of_all} {of_all_interval}."


def _line(one: Segment, key: str, asked: AskedSegments) -> Line:
    expected, interval = with_interval(one.mae_expected, one.mae_low, one.mae_high)
    url = "/" + Choice(asked.asked._replace(segment=one.name)).url()
    return Line(
        label(key, one.value) if key else "all",
        url,
        one.share_of_loss or 0.0,
        percent(one.share_of_loss),
        percent(one.share_of_predictions),
        number(one.mae),
        expected,
        interval,
        percent(one.coverage),
        NONE if one.delay_p50 is None else short_span(one.delay_p50),
        count(one.n_labelled),
    )


def _change(found: Breakdown) -> str:
    change = found.change
    if change.mae is None or change.mae_before is None or change.mix is None or change.model is None:
        return change.sentence
    signed = [number(each, signed=True) for each in (change.mae - change.mae_before, change.model, change.mix)]
    return (
        f"{change.sentence} Of {signed[0]}, {signed[1]} come from changed errors within segments and {signed[2]} from a "
        "changed mix of segments. The two add up exactly."
    )


def _bars(parts: Sequence[Part]) -> tuple[list[Bar], float]:
    shown = [*parts[:MOST_PARTS]]
    if rest := parts[MOST_PARTS:]:
        shown.append(Part("", f"{len(rest)} others", sum(one.mix for one in rest), sum(one.model for one in rest)))
    low = min([0.0, *(min(one.mix, one.model) for one in shown)])
    high = max([0.0, *(max(one.mix, one.model) for one in shown)])
    scale = 100 / (high - low or 1.0)
    zero = -low * scale

    def bar(value: float) -> tuple[float, float]:
        return round(zero + min(value, 0.0) * scale, 2), round(abs(value) * scale, 2)

    found = []
    for one in shown:
        words = number(one.model, signed=True), number(one.mix, signed=True)
        found.append(Bar(label(one.name.partition(":")[0], one.value), *words, *bar(one.model), *bar(one.mix)))
    return found, round(zero, 2)
