"""What happened, the newest first: alerts that stand otherwise, restarts, new models, refused rows, label outages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streams.scores.figures import MARKS, Figures
from web.alerts.data import Happened
from web.text import count, long_span

GLYPHS = {
    "firing": "firing",
    "held": "paused",
    "pending": "waiting",
    "cannot tell": "unsure",
    "ok": "matched",
    "restart": "live",
    "new model": "dot",
    "refused rows": "quarantined",
    "label outage": "late",
}
"""The sign of each kind of event."""


class Entry(NamedTuple):
    """One line: what kind of event, of what, and a sentence. `at` is UTC epoch seconds."""

    at: float
    kind: str
    what: str
    sentence: str


def history(events: Sequence[Happened], figures: Figures | None, most: int) -> list[Entry]:
    """Return the last entries.

    Args:
        figures: of the span that is looked at, with its marks and label outages; None if they are not known.
    """
    found = [Entry(event.at, event.state, event.rule, event.sentence) for event in events]
    if figures is not None:
        found += [Entry(m.at, MARKS[m.kind], "", m.text) for m in figures.marks if m.kind in MARKS]
        found += [
            Entry(
                out.start,
                "label outage",
                "",
                f"No label came for {long_span(out.end - out.start)}, while {count(out.n_predictions)} predictions did.",
            )
            for out in figures.outages
        ]
    return sorted(found, key=lambda entry: -entry.at)[:most]
