"""Everything that the dashboard's template shows of the figures. Pure."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from streams.scores.figures import Figures
from streams.scores.metrics import QUANTILES
from streams.scores.numbers import number
from streams.scores.wording import chosen, quantile
from web.dashboard.choice import Choice, links, spelled
from web.dashboard.drawing import drawn, frame_of
from web.dashboard.ids import Ids, above, below
from web.dashboard.said import Finding, finding, lines, parts
from web.text import count, percent, short_span


def view(figures: Figures | None, problem: str, choice: Choice) -> dict[str, Any]:
    """Return the values that the template names; without figures, `problem` is the sentence that says why."""
    asked = {
        "figures": figures,
        "choice": choice,
        "links": links(choice, models=figures.models if figures else []),
        "times": (spelled(choice.asked.start), spelled(choice.asked.end)),
    }
    if figures is None:
        return asked | {"found": Finding("unsure", "No figures.", problem, [])}
    return asked | {
        "found": finding(figures),
        "lines": lines(figures),
        "chosen": chosen(figures),
        "labels": _labels(figures),
        "frame": frame_of(figures),
        "drawn": drawn(figures, error=choice.error, log=choice.y == "log"),
        "quantiles": {name: quantile(figures, name) for name in QUANTILES},
        "groups": groups(figures),
        "carried": [(one.score, share_of(one.share), one.id) for one in figures.dominated],
    }


class Group(NamedTuple):
    """Labels by their errors: a name, the errors in words, and the address of their ids, empty where the list knows none."""

    name: str
    errors: str
    to: str


def groups(figures: Figures) -> list[Group]:
    """Return the twentieth of labels that is most too low, the majority, and the one that is most too high."""
    tails, ids = figures.tails, Ids.of(figures)
    if tails is None or tails.low == tails.high:
        return []
    low, high = (number(end, signed=True) for end in (tails.low, tails.high))

    def to(least: float | None, most: float | None) -> str:
        return ids.from_error(least, most) if ids else ""

    return [
        Group("lowest 5%", f"up to {low}", to(None, tails.low)),
        Group("majority", f"{low} to {high}", to(above(tails.low), below(tails.high))),
        Group("highest 5%", f"from {high}", to(tails.high, None)),
    ]


def share_of(share: float) -> str:
    """Return a share close to all as finely as it differs from that: `99.99%`."""
    rest = 1 - share
    digits = min(9, max(0, math.ceil(-math.log10(rest) - 1e-9) - 2)) if rest > 0 else 0
    return f"{100 * share:.{digits}f}%"


def _labels(figures: Figures) -> list[tuple[str, str, str]]:
    """Return the parts of all predictions: words, number, and share."""
    found = parts(figures)
    is_in, to_come, rest = found.shares
    rows = [("in", count(found.n_in), percent(is_in))]
    if found.n_to_come is not None:
        within = "" if found.is_final else f", within {short_span(figures.horizon_s or 0.0)}"
        rows.append((f"still to come{within}", f"≈ {count(found.n_to_come)}", percent(to_come)))
    words = "not expected by the deadline" if found.is_final else "not known yet"
    n_rest = rest * found.n_predictions
    return [*rows, (words, f"≈ {count(n_rest)}" if found.n_to_come is not None else count(n_rest), percent(rest))]
