"""The dashboard's first sentence: how wrong, of which predictions, how sure, how complete. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from streams.scores.figures import Figures, Slice
from streams.scores.metrics import SCORES
from streams.scores.numbers import NONE, number
from web.dashboard.labels_bar import Parts
from web.text import clock, count, short_span

EARLY = 0.5
"""With a horizon below this share of the window, what cannot be said comes first."""


class Line(NamedTuple):
    """A score as it is shown: so far, what is expected of all, and the interval of that (`± 1.2`, or from and to).

    `reference` is what it is to be held against.
    """

    name: str
    title: str
    about: str
    unit: str
    so_far: str
    expected: str
    interval: str
    reference: str


class Finding(NamedTuple):
    """One sentence, its first part in bold; `icon`: what is not known yet; empty where all is. `evidence` is small."""

    icon: str
    bold: str
    rest: str
    evidence: list[str]


def parts(figures: Figures) -> Parts:
    """Return how many labels are in, to come and not expected."""
    return parts_of(figures, figures)


def parts_of(some: Figures | Slice, figures: Figures) -> Parts:
    """Return the parts of all predictions or of a slice: as large a share of it gets a label as of all."""
    final = figures.coverage.final
    to_come = None if final is None else max(0.0, final * some.n_predictions - some.n_labelled)
    return Parts(some.n_predictions, some.n_labelled, to_come, figures.reaches_deadline)


def lines(figures: Figures) -> list[Line]:
    """Return all scores, as they are shown."""
    found = []
    for score in SCORES:
        signed = score.name == "bias"
        expected, interval = NONE, ""
        if figures.expected is not None:
            value, low, high = (figures.expected[f"{score.name}{end}"] for end in ("", "_low", "_high"))
            expected, interval = with_interval(value, low, high, signed=signed)
        so_far = number(figures.so_far[score.name], signed=signed)
        unit = score.unit if score.unit != "y" else ""
        held = number(figures.reference.scores[score.name], signed=signed) if figures.reference else NONE
        found.append(Line(score.name, score.title, score.about, unit, so_far, expected, interval, held))
    return found


def with_interval(
    value: float | None, low: float | None, high: float | None, *, signed: bool = False
) -> tuple[str, str]:
    """Return a figure with as many digits as its interval bears, and that interval: (`46.7`, `± 1.2`)."""
    if value is None or low is None or high is None:
        return number(value, signed=signed), ""
    half = (high - low) / 2
    if not half or not math.isfinite(half) or not 1e-6 < half < 1e9 or abs(value) >= 1e9:
        return number(value, signed=signed), ""
    digits = max(0, 1 - math.floor(math.log10(half)))
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    said = f"{sign}{abs(value):,.{digits}f}"
    if abs((high + low) / 2 - value) <= 0.1 * half:
        return said, f"± {half:,.{digits}f}"
    ends = " to ".join(f"{end:,.{digits}f}".replace("-", "−") for end in (low, high))
    return said, f"({ends})"


def finding(figures: Figures) -> Finding:
    """Return the sentence that stands first."""
    mae = lines(figures)[0]
    if not figures.n_predictions and not figures.n_labelled:
        return Finding("unsure", "Nothing was predicted in this time.", "A longer span may hold something.", [])
    evidence = _evidence(figures)
    if not figures.so_far["n"]:
        said = f"No label is in yet, of {count(figures.n_predictions)} predictions."
        return Finding("waiting", said, "How wrong they are is known once their truths come.", evidence)
    if figures.axis == "decided":
        said = f"MAE {mae.so_far} of what was decided"
        return Finding("", said, "in this time, whenever it was predicted.", evidence)
    in_words = _completeness(parts(figures))
    if figures.expected is None:
        return Finding(
            "waiting", f"MAE {mae.so_far} so far;", f"{in_words}. What all will be: {figures.why}.", evidence
        )
    expected, so_far = f"{mae.expected} {mae.interval}".strip(), _as_fine(figures.so_far["mae"], mae)
    if figures.reaches_deadline:
        return Finding("", f"MAE {so_far} so far, {expected} expected of all;", f"{in_words}.", evidence)
    within = short_span(figures.horizon_s or 0.0)
    if (figures.horizon_s or 0.0) < EARLY * figures.window_s:
        rest = f"Of labels that come within it, MAE is {so_far} so far, {expected} expected; {in_words}."
        return Finding("waiting", f"Nothing can be said past {within} yet.", rest, evidence)
    said = f"MAE {so_far} so far, {expected} expected of labels within {within};"
    return Finding("", said, f"{in_words}.", evidence)


def _as_fine(value: float | None, line: Line) -> str:
    """Return a value with as many digits as a line's expected figure has, where that has an interval."""
    if value is None or not line.interval:
        return line.so_far
    digits = len(line.expected.partition(".")[2])
    return f"{value:,.{digits}f}".replace("-", "−")


def _completeness(parts: Parts) -> str:
    is_in, to_come, rest = parts.shares
    said = f"{100 * is_in:.0f}% of labels are in"
    if parts.n_to_come is not None and round(100 * to_come):
        said += f", {100 * to_come:.0f}% are to come"
    if round(100 * rest):
        said += f", {100 * rest:.0f}% are {parts.rest}"
    return said


def _evidence(figures: Figures) -> list[str]:
    left_out = figures.n_left_out
    found = [f"{count(left_out)} with values too large to score are in no figure"] if left_out else []
    what = "decided" if figures.axis == "decided" else "predicted"
    found.append(f"{count(figures.so_far['n'])} labels of {count(figures.n_predictions)} predictions")
    found.append(f"{what} {clock(figures.from_)} to {clock(figures.to)}")
    if figures.model:
        found.append(f"model {figures.model}")
    if figures.segment:
        found.append(f"only {figures.segment}")
    if not figures.complete:
        found.append("incomplete: rows of this time are missing")
    return found
