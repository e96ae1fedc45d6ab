"""The past of the rules: a line of states each, and every kind of event in one list, the newest first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agents.insight.query import Asked, of_nothing
from streams.alerts.rules import Rule
from streams.alerts.states import State
from streams.scores.figures import LabelOutage, Mark
from web.alerts.data import Alert, Happened, _alert
from web.alerts.history import GLYPHS, history
from web.alerts.timeline import Part, parts_of, timeline

NOON = 1_764_331_200.0
SYMBOLS = Path("web/templates/icons.html").read_text()


def alert(rule: str) -> Alert:
    return _alert(Rule(name=rule, metric="mae", above=10.0), State(), None)


def happened(*states: tuple[float, str]) -> list[Happened]:
    return [Happened(NOON + at, "mae", state, f"it is {state}") for at, state in states]  # type: ignore[arg-type]


EVENTS = happened((10, "pending"), (50, "firing"), (90, "held"), (95, "ok"), (99, "cannot tell"))
FIGURES = msgspec.structs.replace(
    of_nothing(Asked(), 3600, NOON + 100),
    marks=[Mark(NOON + 20, "opened", "Worker A counts from here."), Mark(NOON + 50, "alert", "alert mae")],
    outages=[LabelOutage(NOON + 30, NOON + 45, 12, 20.0)],
)


def test_a_line_shows_how_a_rule_stood_and_not_when_it_was_ok():
    assert parts_of(alert("mae"), EVENTS, NOON + 20, NOON + 120) == [
        Part("pending", NOON + 20, NOON + 50),
        Part("firing", NOON + 50, NOON + 90),
        Part("held", NOON + 90, NOON + 95),
        Part("cannot tell", NOON + 99, NOON + 120),
    ]
    assert parts_of(alert("mae"), EVENTS, NOON + 96, NOON + 98) == []
    assert parts_of(alert("bias"), EVENTS, NOON, NOON + 120) == []


def titles(events: Sequence[Happened], figures: object) -> list[str]:
    drawn = timeline([alert("mae"), alert("bias")], events, figures, NOON, NOON + 120)  # type: ignore[arg-type]
    assert drawn is not None
    wide, narrow = (re.findall("<title>(.*?)</title>", part) for part in drawn.split("</svg>")[:2])
    assert wide == narrow
    return [title.replace("2025-11-28 ", "") for title in wide]


def test_the_chart_says_each_part_and_where_no_labels_came():
    assert titles(EVENTS, FIGURES) == [
        "12:00:30: no label came while predictions did",
        "mae pending from 12:00:10 to 12:00:50",
        "mae firing from 12:00:50 to 12:01:30",
        "mae held from 12:01:30 to 12:01:35",
        "mae cannot tell from 12:01:39 to 12:02:00",
    ]
    assert titles([], None) == []
    assert timeline([], EVENTS, FIGURES, NOON, NOON + 120) is None


def test_what_happened_is_one_list_with_the_newest_first():
    found = history(EVENTS, FIGURES, 4)
    assert [(entry.at - NOON, entry.kind) for entry in found] == [
        (99, "cannot tell"),
        (95, "ok"),
        (90, "held"),
        (50, "firing"),
    ]
    kinds = [entry.kind for entry in history(EVENTS, FIGURES, 50)]
    assert kinds == ["cannot tell", "ok", "held", "firing", "label outage", "restart", "pending"]


def test_each_kind_has_a_sign():
    assert all(f'id="i-{glyph}"' in SYMBOLS for glyph in GLYPHS.values())
